"""The structured loss by which images and sentences learn a common space."""

from __future__ import annotations

import tensorflow as tf

REDUCTIONS = ("max", "mean")


def structured_joint_embedding(
    images: tf.Tensor, texts: tf.Tensor, labels: tf.Tensor, reduction: str = "max"
) -> tf.Tensor:
    """How far an image's own class is from being the best for its sentence, and vice versa.

    ```
    F(v, t) = v . t
    L = mean_n max_y max(0, [y != y_n] + F(v_n, mean t of y) - F(v_n, t_n))
             + max_y max(0, [y != y_n] + F(mean v of y, t_n) - F(v_n, t_n))
    ```

    Args:
        images: float `(batch, k)`, vectors v of images.
        texts: float `(batch, k)`, vectors t of their sentences.
        labels: int `(batch,)`, their classes y; the classes compared are those of the batch.
        reduction: over y: `"max"`, the paper's, with which vectors may all shrink to 0, or `"mean"`
            over the examples of the batch, the released code's.

    Returns:
        float32 scalar.

    Reference: Reed et al., "Learning Deep Representations of Fine-grained Visual Descriptions",
    CVPR 2016.
    """
    images, texts = tf.cast(images, tf.float32), tf.cast(texts, tf.float32)
    same = tf.cast(tf.equal(labels[:, None], labels[None, :]), tf.float32)
    averaging = same / tf.reduce_sum(same, 1, keepdims=True)
    matching = tf.reduce_sum(images * texts, 1, keepdims=True)
    # Column j stands for the class of example j.
    of_images = tf.matmul(images, tf.matmul(averaging, texts), transpose_b=True)
    of_texts = tf.matmul(texts, tf.matmul(averaging, images), transpose_b=True)
    reduce = tf.reduce_max if reduction == "max" else tf.reduce_mean
    terms = [
        reduce(tf.nn.relu(1.0 - same + scores - matching), axis=1)
        for scores in (of_images, of_texts)
    ]
    return tf.reduce_mean(terms[0] + terms[1])
