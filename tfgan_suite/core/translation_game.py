"""What games that translate images share.

A batch holds the two sides under two keys: `source` and `target` where they are pairs, `domain_a`
and `domain_b` where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import diff_augment
from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.batches import unpacked
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import Arrays, resized
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_grids

# The signatures of the two directions; a game of one direction has only the first.
FORTH, BACK = "serving_default", "b_to_a"
DIRECTIONS = {"AtoB": FORTH, "BtoA": BACK}
# The key of the true answers to the examples under another key.
TRUTHS = {"source": "target", "domain_a": "truth_a", "domain_b": "truth_b"}


class TranslationGame(AdversarialModel):
    """A game whose generator translates images (or points); a subclass gives `train_step`.

    Attributes:
        takes: key of a batch that `serving_default` translates.
        gives: key of a batch that holds examples of what it should return; a signature `b_to_a`,
            where the game has one, translates these.
    """

    takes: str = "source"
    gives: str = "target"
    usage = "translate {} IMAGES OUTPUT"
    # Of all that the discriminator sees; kinds of `diff_augment`, separated by commas.
    augment: str = ""
    # Norms that take their statistics from the image lose more in 8 bits.
    int8_bound = 28.0

    @property
    def batch_keys(self) -> tuple[str, ...]:
        return (self.takes, self.gives)

    def augment_inputs(self, images: tf.Tensor, salt: str) -> tf.Tensor:
        """Images as a discriminator sees them: after DiffAugment, where the game has it.

        Args:
            images: `(batch, height, width, channels)`, real or generated.
            salt: names the use in this step; the same salt makes the same random changes.

        Returns:
            Tensor of the same shape, differentiable with respect to the images.
        """
        return diff_augment.augment(
            images, self.augment, lambda shape, use: self.noise(shape, f"{salt}/{use}", "unit")
        )

    @property
    def tuple_keys(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.takes, self.gives)

    def translations(self) -> dict[str, str]:
        """The key of a batch that each translating signature takes, `serving_default` first."""
        keys = {FORTH: self.takes}
        if BACK in self.signatures():
            keys[BACK] = self.gives
        return keys

    def translate(
        self, images: np.ndarray, batch: int = 8, *, signature: str = FORTH, seed: int = 0
    ) -> np.ndarray:
        """Translates images of any size that the signature allows.

        Args:
            images: float `(count, height, width, channels)` in [-1, 1]; points `(count, n)`.
            batch: how many go through the networks at once; it bounds memory only.
            signature: which translation, e.g. `"b_to_a"`.
            seed: seed of inputs beside the image, where the game has some.

        Returns:
            float32 array of as many translations, of the same height and width.

        Raises:
            InputError: an unknown signature, or images that it does not take.
        """
        signatures = self.signatures()
        if signature not in signatures:
            raise InputError(
                f"there is no translation {signature!r}; expected one of {sorted(signatures)}"
            )
        first = signatures[signature].inputs[0]
        images = np.asarray(images, np.float32)
        if not len(images) or not tf.TensorShape(first.shape).is_compatible_with(images.shape[1:]):
            raise InputError(
                f"images of shape {images.shape} were given; {signature!r} takes"
                f" (count, {', '.join('any' if n is None else str(n) for n in first.shape)})"
            )
        outputs = self.run_signature({first.name: images}, signature, batch=batch, seed=seed)
        return outputs[signatures[signature].output.name]

    def example_inputs(
        self, examples: Arrays, signature: str = FORTH, size: tuple[int, int] | None = None
    ) -> dict[str, np.ndarray]:
        """The side of the data that the signature translates, as its first input."""
        images = examples[self.translations().get(signature, self.takes)]
        spec = self.signatures()[signature].inputs[0]
        return {spec.name: resized(images, spec.shape, size)}

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid of some examples.

        Args:
            examples: a batch of the data, also one of unpaired data whose sides differ in number.
            seed, count: not used: the examples decide.

        Returns:
            uint8 grid. One row an example: input, output and, where the data have it, the true
            answer; of a game of two directions the second direction beside the first. Points:
            the translations over what they should look like.
        """
        if examples[self.takes].ndim == 2:
            points = self.translate(examples[self.takes])
            return image_grids.scatter(points, examples.get(self.gives))
        keys = self.translations()
        count = min(len(examples[key]) for key in keys.values())
        columns = []
        for signature, key in keys.items():
            inputs, truth = examples[key][:count], TRUTHS.get(key)
            columns += [inputs, self.translate(inputs, signature=signature)]
            if truth is not None and truth in examples and truth not in keys.values():
                columns.append(examples[truth][:count])
        return image_grids.rows(columns)

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        """For each direction the other side of the data, and translations."""
        pairs: dict[str, tuple[np.ndarray | None, np.ndarray]] = {}
        for signature, key in self.translations().items():
            other = self.gives if key == self.takes else self.takes
            real = examples.get(other, examples[key])
            words = f"translations of {len(examples[key])} examples of {key}"
            pairs[words] = (real, self.translate(examples[key], signature=signature))
        return pairs

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """Says when the discriminators win outright: all their losses are gone."""
        terms = [
            value
            for name, value in logs.items()
            if name.startswith("discriminator") and name.split("/")[1].startswith(("real", "fake"))
        ]
        if not terms or min(terms) < 0.0 or sum(terms) >= 0.01 * len(terms):
            return []
        return [
            f"the discriminator wins outright (the sum of its losses is {sum(terms):.4f}): the"
            " generator gets hardly any gradient; likely causes: too few images, a discriminator"
            " much wider than the generator, or colours and frames that tell the two sides apart at"
            " a glance"
        ]


def from_image(
    network: keras.Model,
    multiple: int = 1,
    *,
    smallest: int = 1,
    alone: bool = False,
    call: Callable[..., tf.Tensor] | None = None,
    extra: tuple[TensorSpec, ...] = (),
) -> Signature:
    """The signature of a network from images to images of the same size.

    Images whose sides are not a multiple of what the network takes are padded with their mirror
    image at the right and the bottom, and the output is cropped: inside the signature, so
    that exports do it too. If the size is fixed and fits, the graph contains none of this.

    Args:
        network: model from `(batch, height, width, channels)` to the same height and width; an
            open height and width (`None`) gives a signature for images of any size.
        multiple: what height and width must be multiples of, 2**n for n halvings.
        smallest: least height and width that the network can take.
        alone: run images one at a time, because the network uses statistics of the batch and no
            output may depend on the images beside it.
        call: how the network is called, `call(image, **others)`; default
            `network(image, training=False)`.
        extra: inputs beside the image; they must be drawable.

    Returns:
        A signature with the inputs `"image"` and `extra`, and the output `"image"`.
    """
    input_shape, channels = tuple(network.input_shape[1:]), network.output_shape[-1]
    output_shape = (*input_shape[:2], channels)
    run = call or (lambda image: network(image, training=False))

    def translate(image: tf.Tensor, **others: tf.Tensor) -> tf.Tensor:
        padded = mirror_padded(image, multiple, smallest)
        output = tf.cast(run(padded, **others), tf.float32)
        if padded is image:
            return output
        height, width = (image.shape[axis] or tf.shape(image)[axis] for axis in (1, 2))
        return output[:, :height, :width, :]

    def one_by_one(**inputs: tf.Tensor) -> tf.Tensor:
        if inputs["image"].shape[0] == 1:
            return translate(**inputs)
        return tf.map_fn(
            lambda example: translate(**{k: value[None] for k, value in example.items()})[0],
            inputs,
            fn_output_signature=tf.TensorSpec(output_shape, tf.float32),
        )

    return Signature(
        inputs=(TensorSpec("image", input_shape), *extra),
        output=TensorSpec("image", output_shape),
        call=one_by_one if alone else translate,
        networks=(network,),
        multiple=multiple,
    )


def from_points(network: keras.Model) -> Signature:
    """The signature of a network from points `(batch, n)` to points."""
    return Signature(
        inputs=(TensorSpec("point", tuple(network.input_shape[1:]), kind="point"),),
        output=TensorSpec("point", tuple(network.output_shape[1:]), kind="point"),
        call=lambda point: tf.cast(network(point, training=False), tf.float32),
        networks=(network,),
    )


def mirror_padded(images: tf.Tensor, multiple: int, smallest: int = 1) -> tf.Tensor:
    """Pads images with their mirror image until their sides are multiples of a number.

    Args:
        images: `(batch, height, width, channels)`; height and width may be unknown.
        multiple: what the new height and width are multiples of.
        smallest: least new height and width.

    Returns:
        The images with the rows and columns that are needed at the bottom and the right. The
        mirror axis is the centre of the last pixel; padding longer than the image is mirrored
        again.
    """
    for axis in (1, 2):
        size = images.shape[axis]
        if size is not None and size % multiple == 0 and size >= smallest:
            continue
        # A known size makes a constant: files for phones contain no shape arithmetic.
        ops, count = (tf, tf.range) if size is None else (np, np.arange)
        size = tf.shape(images)[axis] if size is None else size
        padded = -(-ops.maximum(size, smallest) // multiple) * multiple
        period = ops.maximum(2 * size - 2, 1)
        index = count(padded) % period
        images = tf.gather(images, ops.minimum(index, period - index), axis=axis)
    return images


def two_sides(
    batch: Any, keys: tuple[str, str], learns: str, hint: str = ""
) -> tuple[tf.Tensor, tf.Tensor]:
    """The two sides of a batch, in whatever form it was passed to `fit`.

    Args:
        batch: a dict with both keys, or a tuple of the two.
        keys: of the sides.
        learns: for messages, what the game learns from, such as `"this game learns from pairs"`.
        hint: for messages, what loads such batches.

    Returns:
        Two float32 tensors.

    Raises:
        InputError: the batch does not hold two sides.
    """
    batch = unpacked(batch)
    if isinstance(batch, Mapping):
        if not set(keys) <= set(batch):
            expected = " and ".join(map(repr, keys))
            raise InputError(f"a batch with keys {sorted(batch)}, but {learns}: {expected}{hint}")
        batch = tuple(batch[key] for key in keys)
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise InputError(f"a batch of single images, but {learns}{hint}")
    return tf.cast(batch[0], tf.float32), tf.cast(batch[1], tf.float32)
