"""A joint embedding of images and sentences, whose text side GAN-CLS is told with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import network_checks
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batches import unpacked
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.losses.joint_embedding import REDUCTIONS, structured_joint_embedding
from tfgan_suite.networks import blocks
from tfgan_suite.networks import text as text_networks
from tfgan_suite.text import CharacterEncoder

PAPER = "Reed, Akata, Lee, Schiele 2016, arXiv:1605.05395"
DATA = "images with captions"
CANDIDATES = 64  # of which retrieval has to find one


def build_image_network(
    shape: tuple[int, int, int], text_dim: int = 1024, width: int = 32
) -> keras.Model:
    """A small image side that learns along: strided convolutions down to about 4 pixels.

    Args:
        shape: of an image.
        text_dim: length of the vector.
        width: channels of the first convolution; each halving of the side doubles them.

    Returns:
        Model from images `(batch, *shape)` to vectors `(batch, text_dim)`.
    """
    blocks.check_positive_integers(text_dim=text_dim, width=width)
    image = keras.Input(shape, name="image")
    x, level = image, 0
    while min(x.shape[1:3]) > 4:
        x = Conv2D(width << level, 4, 2, "same", kernel_initializer="he_normal")(x)
        x = compat.LeakyReLU(0.2)(x)
        level = min(level + 1, 3)
    x = Dense(8 * width, kernel_initializer="he_normal")(keras.layers.Flatten()(x))
    vector = Dense(text_dim, dtype="float32", name="vector")(compat.LeakyReLU(0.2)(x))
    return keras.Model(image, vector, name="image_side")


class TextEncoder(AdversarialModel):
    """Vectors of images and of sentences whose products are largest for those that belong together.

    ```
    L = E max_y max(0, [y != y_n] + v_n . mean t of y - v_n . t_n)
        + max_y max(0, [y != y_n] + mean v of y . t_n - v_n . t_n)
    ```

    for vectors v of images and t of sentences, and classes y of a batch.

    Args:
        text_network: from `networks.text.build_char_cnn_rnn`.
        image_network: model from images to vectors of the same length.
        form: the arguments that the text network was built with, which its file needs.
        classes: whether images of one class count as one (the paper), or each image is a class of
            its own (default).
        reduction: how y is reduced: `"mean"` (default, the released code) or `"max"` (the paper).
        seed: seed of the noise; there is none. Default 0.

    Example:
        ```
        source = data.load_captions("captions", mismatched=False)
        source.use_embedding(encode_characters)
        game = TextEncoder(build_char_cnn_rnn(64, width=64), build_image_network(source.shape, 64))
        game.compile("adam")
        game.fit(source.batches(64, seed=0), steps_per_epoch=1000)
        ```

    Reference:
        Reed, Akata, Lee, Schiele, "Learning Deep Representations of Fine-grained Visual
        Descriptions", CVPR 2016, arXiv:1605.05395.

    Deviations:
        * The image side learns along (paper: a frozen GoogLeNet, as `training.image_sides` builds).
        * The mean over y, as in the released code: with the maximum all vectors shrank to 0.
    """

    loss_names = ("embedding/joint", "embedding/accuracy")
    tuple_keys = ("image", "embedding", "label")
    usage = "export {}"
    export_formats = ("saved_model", "tflite_float32", "tflite_float16")

    def __init__(
        self,
        text_network: keras.Model,
        image_network: keras.Model,
        *,
        form: dict[str, Any] | None = None,
        classes: bool = False,
        reduction: str = "mean",
        seed: int = 0,
        name: str = "text_encoder",
    ):
        super().__init__(seed=seed, name=name)
        lengths = [int(net.output_shape[-1]) for net in (text_network, image_network)]
        network_checks.check_vectors(dict(zip(("the text network", "the image network"), lengths)))
        self.text_network, self.image_network = text_network, image_network
        if reduction not in REDUCTIONS:
            raise InputError(f"reduction is {reduction!r}; {must_be(reduction, REDUCTIONS)}")
        self.classes, self.reduction = classes, reduction
        self.__dict__["form"] = form

    def players(self) -> dict[str, list[keras.Model]]:
        return {"embedding": [self.text_network, self.image_network]}

    @property
    def batch_keys(self) -> tuple[str, ...]:
        return ("image", "embedding", *(("label",) if self.classes else ()))

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        batch = unpacked(batch)
        if not isinstance(batch, dict):
            batch = dict(zip(self.tuple_keys, batch))
        missing = [key for key in self.batch_keys if key not in batch]
        if missing:
            raise InputError(
                f"the batch has no {missing[0]!r}; expected batches of data.load_captions, whose"
                " embedding are the indices of characters: source.use_embedding(encode_characters)"
            )
        labels = batch["label"] if self.classes else tf.range(tf.shape(batch["image"])[0])
        self.update("embedding", lambda: self.terms(batch["image"], batch["embedding"], labels))
        return self.logs()

    def terms(
        self, images: tf.Tensor, characters: tf.Tensor, labels: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The loss for images, the indices of their sentences' characters and their classes."""
        v = self.image_network(images, training=True)
        t = self.text_network(tf.cast(characters, tf.int32), training=True)
        nearest = tf.argmax(tf.matmul(t, v, transpose_b=True), 1)
        right = tf.gather(labels, nearest) == labels
        self.record("embedding/accuracy", tf.reduce_mean(tf.cast(right, tf.float32)))
        return {"joint": structured_joint_embedding(v, t, labels, self.reduction)}

    def signatures(self) -> dict[str, Signature]:
        """To vectors: `serving_default` from indices of characters, `text` strings, `image`."""
        text_side, image_side = self.ema("embedding")
        length = int(text_side.input_shape[1])
        vector = TensorSpec("embedding", (text_side.output_shape[-1],), kind="embedding")

        def of_characters(characters: tf.Tensor) -> tf.Tensor:
            return text_side(characters, training=False)

        def of_strings(text: tf.Tensor) -> tf.Tensor:
            return of_characters(text_networks.character_indices(text, length))

        def of_images(image: tf.Tensor) -> tf.Tensor:
            return image_side(image, training=False)

        characters = TensorSpec("characters", (length,), "int32", "characters")
        strings = TensorSpec("text", (), "string", "text")
        image = TensorSpec("image", tuple(image_side.input_shape[1:]))
        return {
            "serving_default": Signature((characters,), vector, of_characters, (text_side,)),
            "text": Signature((strings,), vector, of_strings, (text_side,), saved_model_only=True),
            "image": Signature((image,), vector, of_images, (image_side,)),
        }

    def held_out_measures(self, source: Any) -> dict[str, float]:
        """Retrieval among held-out sentences and images; nothing without a test split."""
        try:
            examples = source.held_out(16 * CANDIDATES)
        except InputError:
            return {}
        count = min(CANDIDATES, len(examples["image"]))
        texts = self.run_signature(self.example_inputs(examples), batch=256)["embedding"]
        images = self.embed_images(examples["image"])
        return {"candidates": count, **retrieval(texts, images, count)}

    def example_inputs(
        self, examples: Arrays, signature: str = "serving_default", size: Any = None
    ) -> dict[str, np.ndarray]:
        if signature == "serving_default" and "embedding" in examples:
            return {"characters": np.asarray(examples["embedding"], np.int32)}
        return super().example_inputs(examples, signature, size)

    def preview(self, examples: Arrays, *, seed: int = 0, count: int | None = None) -> None:
        """There is no image to show."""
        return None

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        vectors = self.run_signature(self.example_inputs(examples))["embedding"]
        return {"vectors of sentences": (None, vectors)}

    # ---- use ---------------------------------------------------------------------------------

    def embed_images(self, images: np.ndarray, batch: int = 64) -> np.ndarray:
        """Vectors of images `(n, height, width, channels)` in [-1, 1]: `(n, text_dim)`."""
        return self.run_signature({"image": images}, "image", batch=batch)["embedding"]

    def embed_texts(self, texts: Sequence[str], batch: int = 256) -> np.ndarray:
        """Vectors of sentences: `(len(texts), text_dim)`."""
        indices = text_networks.encode_characters(list(texts), self.text_network.input_shape[1])
        return self.run_signature({"characters": indices}, batch=batch)["embedding"]

    def encoder(self, sentences: Sequence[str] = ()) -> CharacterEncoder:
        """A frozen copy of the text side, for games that draw sentences.

        Args:
            sentences: examples of its training, see `SentenceEncoder`.

        Raises:
            InputError: the game was made without `form`.
        """
        if self.form is None:
            raise InputError(
                "the text network's arguments are unknown; pass form= to TextEncoder, such as"
                " {'text_dim': 64, 'width': 64}"
            )
        network = text_networks.build_char_cnn_rnn(**self.form)
        network.set_weights(self.text_network.get_weights())
        return CharacterEncoder(network, self.form, sentences)


def retrieval(
    texts: np.ndarray, images: np.ndarray, candidates: int = CANDIDATES
) -> dict[str, float]:
    """How often a sentence finds its image among others, and an image its sentence.

    Args:
        texts: vectors of sentences `(n, k)`.
        images: vectors of their images `(n, k)`.
        candidates: in a group; the last group that is not full is left out.

    Returns:
        `{"text_to_image", "image_to_text": shares in [0, 1]}`.

    Raises:
        InputError: fewer examples than candidates.
    """
    if len(texts) < candidates:
        raise InputError(f"retrieval among {candidates} needs as many examples, not {len(texts)}")
    hits = []
    for start in range(0, len(texts) - candidates + 1, candidates):
        rows = slice(start, start + candidates)
        scores = texts[rows] @ images[rows].T
        own = np.arange(candidates)
        hits.append([scores.argmax(1) == own, scores.argmax(0) == own])
    forward, backward = np.mean(hits, axis=(0, 2))
    return {"text_to_image": float(forward), "image_to_text": float(backward)}
