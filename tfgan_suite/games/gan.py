"""GAN: the original game of a generator against a discriminator (Goodfellow et al. 2014)."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.errors import InputError, must_be
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.layers.resizing import Cropping2D
from tfgan_suite.layers.stateless_dropout import StatelessDropout, dropout_noise
from tfgan_suite.losses import adversarial
from tfgan_suite.networks.blocks import check_positive_integers, check_shape, hidden, mlp
from tfgan_suite.utils import replicas

PAPER = "Goodfellow et al. 2014, arXiv:1406.2661"
DATA = "images or points"

ARCHITECTURES = ("dense", "conv", "mlp")
LOSSES = ("non_saturating", "minimax", "pairing")
UPDATE_MODES = ("alternating", "simultaneous")
_GENERATOR_WIDTHS = {"dense": 1200, "conv": 80, "mlp": 128}
_DISCRIMINATOR_WIDTHS = {"dense": 240, "conv": 32, "mlp": 128}


def build_generator(
    shape: tuple[int, ...] = (28, 28, 1),
    architecture: str = "dense",
    width: int | None = None,
    latent_dim: int = 100,
    latent: str = "uniform",
    mean: np.ndarray | None = None,
) -> keras.Model:
    """A generator of the paper.

    Args:
        shape: shape of one example: `(height, width, channels)` with equal sides, or `(n,)` for
            points (architecture `"mlp"`).
        architecture: `"dense"` (the MNIST net: two hidden layers of ReLU), `"conv"` (the CIFAR-10
            net: two dense layers, ReLU and sigmoid, and one 5x5 transposed convolution of stride
            3, cropped to the size) or `"mlp"` (three hidden layers, for toy problems).
        width: hidden units; channels of the small map of `"conv"`. Default: the paper's 1200
            and 80; 128 for points.
        latent_dim: length of z; paper 100.
        latent: distribution of z. Generators of images take noise of variance 1, so `"uniform"`
            noise in [-1, 1) is scaled to +-sqrt 3, as for MNIST in the official code.
        mean: mean training image, of the shape, in [-1, 1]: initial output of the `"dense"` net,
            as in the official code.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown architecture, one that does not support the shape, or a mean that
            does not fit.
    """
    check_shape(shape, architecture, ARCHITECTURES)
    width = _GENERATOR_WIDTHS[architecture] if width is None else width
    check_positive_integers(width=width, latent_dim=latent_dim)
    z = keras.Input((latent_dim,), name="z")
    if architecture == "mlp":
        return keras.Model(z, mlp(z, width, shape[0]), name="gan_generator")
    x = keras.layers.Rescaling(math.sqrt(3.0))(z) if latent == "uniform" else z
    if architecture == "dense":
        for _ in range(2):
            x = Dense(width, activation="relu", kernel_initializer=_uniform(0.05))(x)
        x = Dense(math.prod(shape), kernel_initializer=_uniform(0.05), name="pixels")(x)
        x = keras.layers.Reshape(shape)(x)
    else:
        x = _conv_layers(x, shape, width)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    generator = keras.Model(z, image, name="gan_generator")
    if mean is not None:
        _start_at(generator, architecture, shape, mean)
    return generator


def _uniform(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)


def _conv_layers(x: Any, shape: tuple[int, ...], width: int) -> Any:
    """Two dense layers, a small map, and one transposed convolution of stride 3."""
    if shape[0] < 5:
        raise InputError(f"architecture 'conv' needs images of 5 pixels or more, not {shape[0]}")
    base = -(-(shape[0] - 5) // 3) + 1
    x = Dense(base * base * width, activation="relu", kernel_initializer=_uniform(0.05))(x)
    x = Dense(base * base * width, activation="sigmoid", kernel_initializer=_uniform(0.05))(x)
    x = keras.layers.Reshape((base, base, width))(x)
    x = Conv2DTranspose(shape[2], 5, 3, "valid", kernel_initializer=_uniform(0.05))(x)
    over = 3 * (base - 1) + 5 - shape[0]
    return Cropping2D(((0, over), (0, over)))(x) if over else x


def _start_at(generator: Any, architecture: str, shape: tuple[int, ...], mean: Any) -> None:
    mean = np.asarray(mean, np.float32)
    if architecture != "dense" or mean.shape != tuple(shape) or np.abs(mean).max() > 1.0:
        raise InputError(
            f"mean of shape {mean.shape}; expected {tuple(shape)} in [-1, 1], for architecture"
            " 'dense'"
        )
    layer = generator.get_layer("pixels")
    # tanh(a) = 2 sigmoid(2 a) - 1: half the log-odds of a pixel in [0, 1].
    start = np.arctanh(np.clip(mean, -0.98, 0.98)).reshape(-1)
    layer.set_weights([layer.get_weights()[0], start])


def build_discriminator(
    shape: tuple[int, ...] = (28, 28, 1),
    architecture: str = "dense",
    width: int | None = None,
    pieces: int | None = None,
    dropout: tuple[float, float] = (0.2, 0.5),
) -> keras.Model:
    """A discriminator of the paper: dropout and maxout units.

    Args:
        shape: shape of one example, as for `build_generator`.
        architecture: `"dense"` (the MNIST net: two maxout layers), `"conv"` (the CIFAR-10 net:
            three maxout convolutions with max pooling, one dense maxout layer) or `"mlp"`
            (three hidden layers of ReLU without dropout, for toy problems).
        width: maxout units; channels of the first convolution of `"conv"`. Default: the
            paper's 240 and 32; 128 for points.
        pieces: linear pieces of a maxout unit. Default, the paper's: 5, convolutions 2.
        dropout: dropout rates of the input and of hidden units; paper 0.2 and 0.5.

    Returns:
        Model from examples to logits `(batch, 1)`, float32. Its hidden units are the outputs of the
        layers `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown architecture, or one that does not fit the shape.
    """
    check_shape(shape, architecture, ARCHITECTURES)
    width = _DISCRIMINATOR_WIDTHS[architecture] if width is None else width
    check_positive_integers(width=width, pieces=pieces or 1)
    x = example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    index = 0
    if architecture == "mlp":
        x = hidden(x, width, prefix="features")
        return keras.Model(example, _logit(x, "glorot_uniform"), name="gan_discriminator")
    maxout = [width, width]
    if architecture == "conv":
        maxout = [max(1, round(width * 500 / 32))]
        plan = ((width, 8, 4, 4), (width, 8, 3, 4), (6 * width, 5, 3, 2))
        for units, kernel, pad, pool in plan:
            x = keras.layers.ZeroPadding2D(pad)(_dropped(x, dropout, index))
            x = Conv2D(units * (pieces or 2), kernel, kernel_initializer=_uniform(0.05))(x)
            x = compat.Maxout(units, name=f"features_{index}")(x)
            x = keras.layers.MaxPooling2D(pool, 2, "same")(x)
            index += 1
    x = keras.layers.Flatten()(x)
    for units in maxout:
        x = _dropped(x, dropout, index)
        x = Dense(units * (pieces or 5), kernel_initializer=_uniform(0.005))(x)
        x = compat.Maxout(units, name=f"features_{index}")(x)
        index += 1
    x = _dropped(x, dropout, index)
    return keras.Model(example, _logit(x, _uniform(0.005)), name="gan_discriminator")


def _dropped(x: Any, dropout: tuple[float, float], index: int) -> Any:
    rate = dropout[min(index, 1)]
    return StatelessDropout(rate, name=f"dropout_{index}")(x) if rate else x


def _logit(x: Any, initializer: Any) -> Any:
    return Dense(1, kernel_initializer=initializer, dtype="float32", name="logit")(x)


class GAN(LatentGame):
    """A generator against a discriminator that tells its samples from real examples.

    ```
    min_G max_D  V = E log D(x) + E log(1 - D(G(z))),     D = sigmoid(discriminator)
    L_D = -V,     L_G = E log(1 - D(G(z)))  (minimax)  or  -E log D(G(z))  (non-saturating)
    ```

    `discriminator/real + discriminator/fake` is L_D: 2 log 2 = 1.386 where the discriminator cannot
    tell real from fake. `discriminator/jsd` is `log 2 - L_D / 2`, a lower bound of the
    Jensen-Shannon divergence (exact for the optimal discriminator), from 0 to log 2 = 0.693. It is
    measured with dropout, and omitted with label smoothing, which invalidates it.

    Args:
        generator: model from z `(batch, latent_dim)` to examples.
        discriminator: model from examples to logits `(batch, 1)`.
        loss: `"non_saturating"` (default; the paper's experiments) or `"minimax"` (its theory; the
            generator's gradient vanishes where the discriminator is certain).
        discriminator_steps: k of Algorithm 1: discriminator updates per generator update, each
            with its own real examples and noise: `fit` needs batches of
            `discriminator_steps * batch` examples. Default 1.
        update_mode: `"alternating"` (default, Algorithm 1) or `"simultaneous"` (official code:
            both gradients from one batch at the same weights, then both updates; needs
            `discriminator_steps` 1).
        max_norm: largest norm of the weights into one unit of the discriminator, enforced after
            each of its updates. Default 0: none (MNIST, CIFAR-10). Official code: 1.9365 for TFD.
        latent: distribution of z: `"uniform"` in [-1, 1) (default, MNIST) or `"normal"` (CIFAR-10,
            TFD).
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise and of the dropout masks. Default 0.
        **options: `Regularization`: `label_smoothing`, `instance_noise`, `r1_weight`, `augment` and
            more; all off, the default, is the paper.

    Example:
        ```
        game = GAN(build_generator(), build_discriminator())
        game.compile(generator=SGD(0.1, momentum=0.5), discriminator=SGD(0.1, momentum=0.5))
        game.fit(images)                  # float32 (100, 28, 28, 1) in [-1, 1]
        ```

    Reference:
        Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio, "Generative
        Adversarial Nets", NIPS 2014, arXiv:1406.2661.

    Deviations:
        * Images are in [-1, 1] and generators end in tanh, where the paper has [0, 1] and
          sigmoid (MNIST) or contrast-normalised images and no bound (CIFAR-10), because all
          games of this suite use the same images. The tanh net is the sigmoid net with half the
          weights in its last layer.
        * L_D is the sum of its two terms, as in the paper; the official code takes half of it.
        * The convolutional discriminator's max pooling pads evenly ("same"), and its convolutions
          start from U(-.05, .05), because with smaller weights narrow nets lose the signal.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        loss: str = "non_saturating",
        discriminator_steps: int = 1,
        update_mode: str = "alternating",
        max_norm: float = 0.0,
        latent: str = "uniform",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "gan",
        **options: Any,
    ):
        check_positive_integers(discriminator_steps=discriminator_steps)
        _check_game(loss, update_mode, discriminator_steps, max_norm)
        super().__init__(
            generator,
            discriminator,
            loss=loss,
            latent=latent,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.discriminator_steps = self.batches_per_step = discriminator_steps
        self.update_mode = update_mode
        self.max_norm = max_norm
        if not self.regularization.label_smoothing and not self.adversarial.paired:
            self.loss_names += ("discriminator/jsd",)

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        if self.update_mode == "simultaneous":
            self.update_simultaneously(real)
            return self.logs()
        for turn in range(self.discriminator_steps):
            # Every discriminator_steps-th example: the same batches on any number of replicas.
            part = real[turn :: self.discriminator_steps]
            fake = self.generator(self.latents(part, f"critic {turn}"), training=True)
            self.update(
                "discriminator", functools.partial(self.discriminator_terms, part, fake, turn)
            )
            self.apply_max_norm()
        latent = self.latents(part, "generator")
        self.update("generator", lambda: self.generator_terms(latent, part))
        return self.logs()

    def update_simultaneously(self, real: tf.Tensor) -> None:
        """One update of both players, with both gradients taken at the same weights."""
        generator_tape, discriminator_tape = self.tape("generator"), self.tape("discriminator")
        with discriminator_tape, generator_tape:
            fake = self.generator(self.latents(real, "generator"), training=True)
            inputs = self.augment_inputs(fake, "fake")
            logits = self.score(inputs, "fake")
            partners = functools.partial(self.partner_outputs, real)
            generator_terms = {"adversarial": self.generator_loss(logits, partners)}
            discriminator_terms = self.scored_terms(real, logits, 0)
            if self.regularization.r2_weight:
                _, penalty = self.score_fake(inputs, lambda x: self.score(x, "fake"))
                discriminator_terms.update(penalty)
        self.update("discriminator", lambda: discriminator_terms, discriminator_tape)
        self.update("generator", lambda: generator_terms, generator_tape)
        self.apply_max_norm()

    def score(self, inputs: tf.Tensor, salt: str) -> tf.Tensor:
        """Logits in training; the dropout masks are a function of step and salt."""
        with dropout_noise(lambda shape, layer: self.noise(shape, f"{salt}/{layer}", "unit")):
            return self.discriminator(inputs, training=True)

    def discriminator_terms(self, real: tf.Tensor, fake: tf.Tensor, turn: int = 0) -> dict:
        """Loss terms of the discriminator in its update number `turn`; records the divergence."""
        salt = f"fake {turn}"
        fake = self.augment_inputs(tf.stop_gradient(fake), salt)
        logits, penalty = self.score_fake(fake, lambda x: self.score(x, salt))
        return {**penalty, **self.scored_terms(real, logits, turn)}

    def scored_terms(self, real: tf.Tensor, fake_logits: tf.Tensor, turn: int) -> dict:
        """`discriminator_terms` for generated examples whose logits are known."""
        salt = f"real {turn}"
        inputs = self.augment_inputs(real, salt)
        real_logits, terms = self.score_real(inputs, lambda x: self.score(x, salt))
        terms.update(self.adversarial_terms(real_logits, fake_logits))
        if "discriminator/jsd" in self.loss_names:
            total = terms["real"] + terms["fake"]
            self.record("discriminator/jsd", adversarial.jensen_shannon_estimate(total))
        return terms

    def generator_terms(
        self, latent: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for z, with dropout; `real` are partners in pairs."""
        fake = self.augment_inputs(self.generator(latent, training=True), "generator")
        logits = self.score(fake, "generator")
        return {"adversarial": self.generator_loss(logits, lambda: self.partner_outputs(real))}

    def partner_outputs(self, real: tf.Tensor | None) -> tf.Tensor:
        """Logits of the real partners in the generator's update."""
        return self.score(self.augment_inputs(real, "partner"), "partner")

    def apply_max_norm(self) -> None:
        """Rescales the weights into each unit of the discriminator to at most `max_norm`."""
        if not self.max_norm:
            return
        kernels = [v for v in self.discriminator.trainable_variables if len(v.shape) > 1]
        constrained = []
        for kernel in (tf.convert_to_tensor(compat.tensor_variable(v)) for v in kernels):
            axes = list(range(len(kernel.shape) - 1))
            norms = tf.sqrt(tf.reduce_sum(tf.square(kernel), axes, keepdims=True))
            constrained.append(kernel * tf.minimum(1.0, self.max_norm / tf.maximum(norms, 1e-12)))
        replicas.assign(kernels, constrained)


def _check_game(loss: str, update_mode: str, discriminator_steps: int, max_norm: float) -> None:
    if loss not in LOSSES:
        raise InputError(f"loss is {loss!r}; {must_be(loss, LOSSES)}")
    if update_mode not in UPDATE_MODES:
        choices = ", ".join(UPDATE_MODES)
        raise InputError(f"update_mode is {update_mode!r}; it must be one of {choices}")
    if update_mode == "simultaneous" and discriminator_steps != 1:
        raise InputError(
            f"discriminator_steps is {discriminator_steps}; simultaneous updates need 1"
        )
    if max_norm < 0:
        raise InputError(f"max_norm is {max_norm}; it must be 0 (off) or more")
