"""AdaIN: any image in the style of any other, in one forward pass (Huang, Belongie 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import Arrays, resized
from tfgan_suite.core.translation_game import FORTH, TranslationGame, mirror_padded, two_sides
from tfgan_suite.errors import InputError
from tfgan_suite.style.encoders import Encoder
from tfgan_suite.style.statistics import (
    REDUCTIONS,
    Statistics,
    adain,
    mask_at_positions,
    split_statistics,
    statistics,
    style_distance,
)
from tfgan_suite.utils import image_grids

PAPER = "Huang, Belongie 2017, arXiv:1703.06868"
DATA = "images and paintings"

# The two halves of `serving_default`: style to statistics, content and statistics to image.
STATISTICS, PAINT = "statistics", "paint"


class AdaIN(TranslationGame):
    """A decoder that renders feature maps with the statistics of another image's maps.

    ```
    t = sigma(f(s)) (f(c) - mu(f(c))) / sigma(f(c)) + mu(f(s))
    L = |f(g(t)) - t|^2 + lambda sum_i |mu_i(g(t)) - mu_i(s)|^2 + |sigma_i(g(t)) - sigma_i(s)|^2
    ```

    c is the content, s the style, f the frozen encoder (relu4_1 of VGG19), g the decoder, the only
    network that learns; i runs over the encoder's maps, relu1_1 to relu4_1. Squares are means over
    positions and channels. The target of the content loss is t, not f(c).

    Args:
        encoder: f, from `load_encoder`.
        decoder: g, from `build_decoder` with the encoder's channels and doublings.
        style_weight: lambda; paper 10 on means (official code: 1e-2 or 1e-1 on sums). Default 10.
        reduction: of the style's squares over channels: `"mean"` (default) or `"sum"`.
        reconstruction: weight of `E (g(f(c)) - c)^2`, which makes alpha 0 the content itself;
            paper and default 0.
        variation: weight of the total variation, the mean absolute difference of neighbours;
            default 0.
        ema_decay: of a moving average of the decoder's weights, used for stylizing; 0 (default):
            none.
        seed: of the game, which has no random numbers; default 0.

    Example:
        ```
        encoder = load_encoder("vgg19", "imagenet")
        game = AdaIN(encoder, build_decoder(encoder.channels[-1], encoder.doublings))
        game.compile(decoder=Adam(1e-4))
        game.fit(batches)        # {"content", "style"}: float32 (8, 256, 256, 3) in [-1, 1]
        images = game.stylize(photo[None], painting[None], alpha=0.8)
        ```

    Reference:
        Huang, Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
        Normalization", ICCV 2017, arXiv:1703.06868.

    Deviations:
        * Images are in [-1, 1], as everywhere in the suite, not in [0, 1].
        * sigma is `sqrt(variance + 1e-5)` everywhere; the official code adds 1e-6 in the loss.
        * Content whose sides are not multiples of the encoder's stride is padded by reflection and
          the result cropped; the official code does not crop.

    Raises:
        InputError: a decoder that does not fit the encoder, or a value out of range.
    """

    takes, gives = "content", "style"
    # Statistics need more than the 8 bits of int8: a run's export omits that format.
    export_formats = ("saved_model", "tflite_float32", "tflite_float16")
    usage = "stylize {} CONTENT STYLE OUTPUT"

    def __init__(
        self,
        encoder: Encoder,
        decoder: keras.Model,
        *,
        style_weight: float = 10.0,
        reduction: str = "mean",
        reconstruction: float = 0.0,
        variation: float = 0.0,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "adain",
    ):
        _check(encoder, decoder, reduction)
        weights = {"style": style_weight, "reconstruction": reconstruction, "variation": variation}
        negative = [f"{key} {weight}" for key, weight in weights.items() if not weight >= 0]
        if negative:
            raise InputError(f"weights must be 0 or more; found {', '.join(negative)}")
        super().__init__(
            seed=seed, ema_decays={"decoder": ema_decay} if ema_decay else None, name=name
        )
        self.encoder, self.decoder = encoder, decoder
        self.style_weight, self.reduction = style_weight, reduction
        self.reconstruction, self.variation = reconstruction, variation
        self.loss_names = ("decoder/content", *(f"decoder/{w}" for w in weights if weights[w]))

    def players(self) -> dict[str, list[keras.Model]]:
        return {"decoder": [self.decoder]}

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        content, style = both(batch)
        styles = [statistics(maps) for maps in self.encoder(style)]
        maps = self.features(content)
        self.update("decoder", lambda: self.decoder_terms(content, maps, styles))
        return self.logs()

    def decoder_terms(
        self, content: tf.Tensor, maps: tf.Tensor, styles: Sequence[Statistics]
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the decoder, with their weights.

        Args:
            content: images `(batch, height, width, 3)`.
            maps: their deepest maps f(c).
            styles: statistics of all maps of the styles.
        """
        target = tf.stop_gradient(adain(maps, styles[-1]))
        images = self._decode(self.decoder, target, training=True)
        output_maps = self.encoder(images)
        terms = {"content": tf.reduce_mean((output_maps[-1] - target) ** 2)}
        if self.style_weight:
            distance = style_distance(output_maps, styles, self.reduction)
            terms["style"] = self.style_weight * distance
        if self.reconstruction:
            again = _crop(self._decode(self.decoder, maps, training=True), content)
            terms["reconstruction"] = self.reconstruction * tf.reduce_mean((again - content) ** 2)
        if self.variation:
            down = tf.reduce_mean(tf.abs(images[:, 1:] - images[:, :-1]))
            across = tf.reduce_mean(tf.abs(images[:, :, 1:] - images[:, :, :-1]))
            terms["variation"] = self.variation * (down + across)
        return terms

    def _decode(self, decoder: keras.Model, maps: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.cast(decoder(maps, training=training), tf.float32)

    # ---- stylizing ---------------------------------------------------------------------------

    def features(self, content: tf.Tensor) -> tf.Tensor:
        """f(c), also of images whose sides are not multiples of the encoder's stride.

        Args:
            content: `(batch, height, width, 3)` in [-1, 1].

        Returns:
            `(batch, ceil(height / stride), ceil(width / stride), channels)`, at least 2 by 2.
        """
        stride = self.encoder.stride
        return self.encoder(mirror_padded(content, stride, 2 * stride))[-1]

    def style_of(self, style: tf.Tensor) -> tf.Tensor:
        """mu and sigma of f(s), concatenated: `(batch, 2 * channels)`.

        Styles are not padded, because padding would count as a part of the style; only those too
        small for the encoder are padded by reflection.
        """
        padded = mirror_padded(style, 1, 2 * self.encoder.stride)
        return tf.concat(statistics(self.encoder(padded)[-1]), -1)[:, 0, 0]

    def decoded(self, maps: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
        """g(t) in [-1, 1], cropped to the content's height and width."""
        (decoder,) = self.ema("decoder")
        images = _crop(self._decode(decoder, maps, training=False), content)
        return tf.clip_by_value(images, -1.0, 1.0)

    def painted(self, content: tf.Tensor, style: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
        """`g(alpha t + (1 - alpha) f(c))`.

        Args:
            content: `(batch, height, width, 3)` in [-1, 1].
            style: `(batch, 2 * channels)`, from `style_of`.
            alpha: `(batch,)`, strength of the style, clipped to [0, 1].

        Returns:
            float32 images of the content's shape, in [-1, 1].
        """
        maps = self.features(content)
        share = tf.reshape(tf.clip_by_value(alpha, 0.0, 1.0), (-1, 1, 1, 1))
        return self.decoded(
            share * adain(maps, split_statistics(style)) + (1.0 - share) * maps, content
        )

    def stylize(
        self, content: np.ndarray, style: np.ndarray, alpha: float = 1.0, batch: int = 4
    ) -> np.ndarray:
        """Paints images in the style of others.

        Args:
            content: float `(count, height, width, 3)` in [-1, 1], of any height and width.
            style: float `(count or 1, height, width, 3)`, of any height and width.
            alpha: 1 (default): full style; 0: the content, through encoder and decoder.
            batch: images at once, which bounds memory only; default 4.

        Returns:
            float32 array of the content's shape.

        Raises:
            InputError: neither a single style nor one for each image.
        """
        if len(style) not in (1, len(content)):
            raise InputError(
                f"{len(style)} styles for {len(content)} images; pass a single one, or one for each"
            )
        call, parts = self.signature_function(PAINT), []
        numbers = self.statistics_of(style, batch)
        numbers = np.broadcast_to(numbers, (len(content), numbers.shape[1]))
        for start in range(0, len(content), batch):
            part = slice(start, start + batch)
            images = tf.constant(content[part], tf.float32)
            share = tf.fill([images.shape[0]], float(alpha))
            outputs = call(content=images, statistics=tf.constant(numbers[part]), alpha=share)
            parts.append(outputs["image"].numpy())
        return np.concatenate(parts)

    def statistics_of(self, style: np.ndarray, batch: int = 4) -> np.ndarray:
        """`style_of` for arrays: float32 `(count, 2 * channels)`, what `mix_styles` takes."""
        call = self.signature_function(STATISTICS)
        images = np.asarray(style, np.float32)
        parts = [images[start : start + batch] for start in range(0, len(images), batch)]
        return np.concatenate([call(style=tf.constant(part))[STATISTICS].numpy() for part in parts])

    def stylize_regions(
        self,
        content: np.ndarray,
        mask: np.ndarray,
        inside: np.ndarray,
        outside: np.ndarray | None = None,
        alpha: float = 1.0,
    ) -> np.ndarray:
        """Paints a region in one style and its surroundings in another.

        Args:
            content: a single image, float `(height, width, 3)` in [-1, 1].
            mask: `(height, width)`, true inside the region.
            inside, outside: statistics `(2 * channels,)` from `statistics_of`; without `outside`
                the surroundings are only decoded.
            alpha: as for `stylize`.

        Returns:
            float32 array of the content's shape.

        Raises:
            InputError: a mask of another size.
        """
        if mask.shape != content.shape[:2]:
            raise InputError(
                f"a mask of {mask.shape} for an image of {content.shape[:2]}; expected equal sizes"
            )
        image = tf.constant(content[None], tf.float32)
        maps = self.features(image)
        region = tf.constant(mask_at_positions(mask, maps.shape[1:3], self.encoder.stride))
        painted = maps * 0.0
        for share, style in ((region, inside), (1.0 - region, outside)):
            part = maps if style is None else adain(maps, split_statistics(style[None]), share)
            painted += share * part
        share = min(max(float(alpha), 0.0), 1.0)
        return self.decoded(share * painted + (1.0 - share) * maps, image)[0].numpy()

    # ---- what the trained game offers --------------------------------------------------------

    def signatures(self) -> dict[str, Signature]:
        """`serving_default`: content, style and alpha to an image; and its two halves.

        `statistics` turns a style into the numbers that `paint` takes in its place: a phone can
        store them, and mix styles by adding them with weights that sum to 1.
        """
        (decoder,) = self.ema("decoder")
        image, size = (None, None, 3), 2 * self.encoder.channels[-1]
        content, alpha = TensorSpec("content", image), TensorSpec("alpha", (), kind="share")
        style = TensorSpec("style", image)
        numbers = TensorSpec(STATISTICS, (size,), kind=STATISTICS)
        output, both_networks = TensorSpec("image", image), (self.encoder, decoder)

        def stylize(content: tf.Tensor, style: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
            return self.painted(content, self.style_of(style), alpha)

        def paint(content: tf.Tensor, statistics: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
            return self.painted(content, statistics, alpha)

        def encode(style: tf.Tensor) -> tf.Tensor:
            return self.style_of(style)

        return {
            FORTH: Signature((content, style, alpha), output, stylize, both_networks),
            STATISTICS: Signature((style,), numbers, encode, (self.encoder,)),
            PAINT: Signature((content, numbers, alpha), output, paint, both_networks),
        }

    def translations(self) -> dict[str, str]:
        """None: every translation needs a style beside the image."""
        return {}

    def translate(self, images: np.ndarray, *args: Any, **options: Any) -> np.ndarray:
        """Not offered: see `stylize`."""
        raise InputError(
            "AdaIN paints an image in the style of another and needs both; use"
            " `python -m tfgan_suite stylize`"
        )

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid: rows of content | style | half of it | all of it."""
        count = min(len(examples["content"]), len(examples["style"]))
        content, style = (examples[key][:count] for key in ("content", "style"))
        painted = [self.stylize(content, style, alpha) for alpha in (0.5, 1.0)]
        return image_grids.rows([content, style, *painted])

    def example_inputs(
        self, examples: Arrays, signature: str = FORTH, size: tuple[int, int] | None = None
    ) -> dict[str, np.ndarray]:
        """Contents and styles of the data, all values of alpha, and the styles' statistics."""
        count = min(len(examples["content"]), len(examples["style"]))
        arrays = {
            key: resized(np.asarray(examples[key][:count]), (None, None, 3), size)
            for key in ("content", "style")
        }
        arrays["alpha"] = np.linspace(1.0, 0.0, count, dtype=np.float32)
        names = [spec.name for spec in self.signatures()[signature].inputs]
        if STATISTICS in names:
            arrays[STATISTICS] = self.statistics_of(arrays["style"])
        return {name: arrays[name] for name in names}


def both(batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Contents and styles of a batch, in either form that `fit` accepts.

    Args:
        batch: a dict with `"content"` and `"style"`, or a tuple of the two.

    Raises:
        InputError: the batch holds something else.
    """
    return two_sides(batch, ("content", "style"), "AdaIN learns from contents and styles")


def _crop(images: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    if images.shape[1:3].is_fully_defined() and images.shape[1:3] == content.shape[1:3]:
        return images
    height, width = (content.shape[axis] or tf.shape(content)[axis] for axis in (1, 2))
    return images[:, :height, :width, :]


def _check(encoder: Encoder, decoder: keras.Model, reduction: str) -> None:
    if decoder.input_shape[-1] != encoder.channels[-1]:
        raise InputError(
            f"the decoder takes maps of {decoder.input_shape[-1]} channels, but the encoder's have"
            f" {encoder.channels[-1]}; build it with build_decoder(encoder.channels[-1],"
            " encoder.doublings)"
        )
    if reduction not in REDUCTIONS:
        raise InputError(f"reduction is {reduction!r}; it must be {' or '.join(REDUCTIONS)}")
