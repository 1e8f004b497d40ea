"""What games share whose generator takes an image and gives an image.

A batch holds the two sides under two keys: `source` and `target` where they are pairs, `domain_a`
and `domain_b` where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core.adversarial_model import AdversarialModel
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_grids

# The signatures of the two directions; a game of one direction has the first alone.
FORTH, BACK = "serving_default", "b_to_a"
DIRECTIONS = {"AtoB": FORTH, "BtoA": BACK}
# The key under which data hold the true answer to what another key holds.
TRUTHS = {"source": "target", "domain_a": "truth_a", "domain_b": "truth_b"}


class TranslationGame(AdversarialModel):
    """A game whose generator translates images (or points); a subclass gives `train_step`.

    Attributes:
        takes: key of a batch that `serving_default` translates.
        gives: key of a batch that holds examples of what it should give; a signature `b_to_a`,
            where the game has one, translates these.
    """

    takes: str = "source"
    gives: str = "target"
    usage = "translate {} IMAGES OUTPUT"
    # Norms that take their statistics from the image lose more in 8 bits.
    int8_bound = 28.0

    def translations(self) -> dict[str, str]:
        """The key of a batch that each translating signature takes, `serving_default` first."""
        ways = {FORTH: self.takes}
        if BACK in self.signatures():
            ways[BACK] = self.gives
        return ways

    def translate(
        self, images: np.ndarray, batch: int = 8, *, signature: str = FORTH, seed: int = 0
    ) -> np.ndarray:
        """Translates images of any size that the signature allows.

        Args:
            images: float `(count, height, width, channels)` in [-1, 1]; points `(count, n)`.
            batch: how many go through the networks at once; it bounds memory only.
            signature: which translation, e.g. `"b_to_a"`.
            seed: of inputs beside the image, where the game has some.

        Returns:
            float32 array of as many translations, of the same height and width.

        Raises:
            InputError: an unknown signature, or images that it does not take.
        """
        found = self.signatures()
        if signature not in found:
            raise InputError(f"there is no translation {signature!r}; there are {sorted(found)}")
        first, *others = found[signature].inputs
        images = np.asarray(images, np.float32)
        if not len(images) or not tf.TensorShape(first.shape).is_compatible_with(images.shape[1:]):
            raise InputError(
                f"images of shape {images.shape} were given; {signature!r} takes"
                f" (count, {', '.join('any' if n is None else str(n) for n in first.shape)})"
            )
        drawn = {
            spec.name: _drawn(spec, len(images), [seed, index])
            for index, spec in enumerate(others, 1)
        }
        call, parts = self._calling(signature, found[signature]), []
        for start in range(0, len(images), batch):
            part = slice(start, start + batch)
            given = {name: array[part] for name, array in drawn.items()}
            parts.append(call(**{first.name: tf.constant(images[part])}, **given).numpy())
        return np.concatenate(parts)

    def _calling(self, name: str, signature: Signature) -> Callable[..., tf.Tensor]:
        # As AdversarialModel._generate_function: traced once for the same networks.
        networks = [id(network) for network in signature.networks]
        kept = self.__dict__.setdefault("_translating", {})
        if name not in kept or kept[name][0] != networks:
            kept[name] = (networks, tf.function(signature.call, reduce_retracing=True))
        return kept[name][1]

    def sample_grid(self, examples: Mapping[str, np.ndarray]) -> np.ndarray:
        """A sample grid of given examples.

        Args:
            examples: a batch as the data give it, also one of unpaired data whose sides differ
                in number.

        Returns:
            uint8 image grid. One row an example: input, output and, where the data have it, the
            true answer; of a game of two directions the second direction beside the first. Points:
            the translations over what they should look like.
        """
        if examples[self.takes].ndim == 2:
            return image_grids.scatter(
                self.translate(examples[self.takes]), examples.get(self.gives)
            )
        ways = self.translations()
        count = min(len(examples[key]) for key in ways.values())
        columns = []
        for signature, key in ways.items():
            given, truth = examples[key][:count], TRUTHS.get(key)
            columns += [given, self.translate(given, signature=signature)]
            if truth in examples and truth not in ways.values():
                columns.append(examples[truth][:count])
        return rows(columns)

    def representative(
        self, examples: Mapping[str, np.ndarray], size: tuple[int, int] | None = None
    ) -> dict[str, Callable[[], Iterable[Mapping[str, np.ndarray]]]]:
        """Real inputs of the signatures, for comparing exports and for the ranges of int8.

        Args:
            examples: a batch as the data give it.
            size: height and width to which images are brought where the signature takes any
                size; None: as they are.

        Returns:
            For each translating signature what `tfgan_suite.export.export` takes.
        """
        signatures, found = self.signatures(), {}
        for name, key in self.translations().items():
            images, spec = examples[key], signatures[name].inputs[0]
            if size is not None and None in spec.shape and images.shape[1:3] != tuple(size):
                images = tf.image.resize(images, size, antialias=True).numpy()
            batch = {spec.name: images}
            found[name] = lambda batch=batch: [batch]
        return found

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
            f"the discriminator wins outright (the sum of its losses is {sum(terms):.4f}): the generator"
            " gets hardly any gradient; likely causes: too few images, a discriminator much wider than"
            " the generator, or colours and frames that tell the two sides apart at a glance"
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

    Images whose sides are no multiple of what the network takes are continued by their mirror
    image at the right and at the bottom, and the answer is cut back: inside the signature, so
    that exports do it too. Where the size is fixed and fits, the graph holds none of it.

    Args:
        network: model from `(batch, height, width, channels)` to the same height and width; an
            open height and width (`None`) gives a signature for images of any size.
        multiple: what height and width must be multiples of, 2**n for n halvings.
        smallest: least height and width that the network can take.
        alone: let images through the network one at a time, because it uses statistics of
            the batch: no answer may depend on which images came along.
        call: how the network is asked, `call(image, **others)`; default
            `network(image, training=False)`.
        extra: inputs beside the image; they have to be drawable.

    Returns:
        A signature with the inputs `"image"` and `extra`, and the output `"image"`.
    """
    taken, given = tuple(network.input_shape[1:]), tuple(network.output_shape[1:])
    ask = call or (lambda image: network(image, training=False))

    def answer(image: tf.Tensor, **others: tf.Tensor) -> tf.Tensor:
        whole = continued(image, multiple, smallest)
        made = tf.cast(ask(whole, **others), tf.float32)
        if whole is image:
            return made
        height, width = (image.shape[axis] or tf.shape(image)[axis] for axis in (1, 2))
        return made[:, :height, :width, :]

    def one_by_one(**inputs: tf.Tensor) -> tf.Tensor:
        if inputs["image"].shape[0] == 1:
            return answer(**inputs)
        return tf.map_fn(
            lambda one: answer(**{name: value[None] for name, value in one.items()})[0],
            inputs,
            fn_output_signature=tf.TensorSpec((*taken[:2], given[2]), tf.float32),
        )

    return Signature(
        inputs=(TensorSpec("image", taken), *extra),
        output=TensorSpec("image", (*taken[:2], given[2])),
        call=one_by_one if alone else answer,
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


def continued(images: tf.Tensor, multiple: int, smallest: int = 1) -> tf.Tensor:
    """Images whose sides are multiples of a number, continued by their mirror image.

    Args:
        images: `(batch, height, width, channels)`; height and width may be unknown.
        multiple: what the new height and width are multiples of.
        smallest: least new height and width.

    Returns:
        The images with as many rows below and columns at the right as are needed. The mirror
        stands in the middle of the last pixel; what is longer than the image goes to and fro.
    """
    for axis in (1, 2):
        size = images.shape[axis]
        if size is not None and size % multiple == 0 and size >= smallest:
            continue
        # A known size makes a constant: files for phones hold no arithmetic of shapes.
        ops, count = (tf, tf.range) if size is None else (np, np.arange)
        size = tf.shape(images)[axis] if size is None else size
        wanted = -(-ops.maximum(size, smallest) // multiple) * multiple
        there_and_back = ops.maximum(2 * size - 2, 1)
        index = count(wanted) % there_and_back
        images = tf.gather(images, ops.minimum(index, there_and_back - index), axis=axis)
    return images


def two_sides(
    batch: Any, keys: tuple[str, str], learns: str, hint: str = ""
) -> tuple[tf.Tensor, tf.Tensor]:
    """The two sides of a batch, whatever form `fit` was given.

    Args:
        batch: a dict with both keys, or a tuple of the two.
        keys: of the sides.
        learns: for messages, what the game learns from, such as `"this game learns from pairs"`.
        hint: for messages, what gives such batches.

    Returns:
        Two float32 tensors.

    Raises:
        InputError: the batch holds no two sides.
    """
    if isinstance(batch, Mapping):
        if not set(keys) <= set(batch):
            wanted = " and ".join(map(repr, keys))
            raise InputError(f"a batch with keys {sorted(batch)}, but {learns}: {wanted}{hint}")
        batch = tuple(batch[key] for key in keys)
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise InputError(f"a batch of single images, but {learns}{hint}")
    return tf.cast(batch[0], tf.float32), tf.cast(batch[1], tf.float32)


def rows(columns: list[np.ndarray]) -> np.ndarray:
    """Columns of images side by side, one row an example.

    Args:
        columns: arrays `(count, height, width, channels)` in [-1, 1] of one size; the channels
            may differ (1: grey, 3: colour, of others the first is shown).

    Returns:
        uint8 image grid.
    """
    alike = [np.broadcast_to(c if c.shape[-1] == 3 else c[..., :1], (*c.shape[:3], 3))
             for c in columns]  # fmt: skip
    together = np.stack(alike, axis=1)
    return image_grids.image_grid(together.reshape(-1, *together.shape[2:]), len(columns))


def _drawn(spec: TensorSpec, count: int, seed: list[int]) -> tf.Tensor:
    if not spec.drawable:
        raise InputError(f"input {spec.name!r} ({spec.kind}) can be neither given nor drawn here")
    return spec.draw(count, seed)
