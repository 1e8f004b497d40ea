"""DiscoGAN: one-to-one relations between two domains, without pairs (Kim et al. 2017)."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.adversarial_model import variables_of
from tfgan_suite.core.unpaired_game import UnpairedGame, domains
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.losses import feature_matching
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    check_shape,
    mlp,
    normalized,
    upsampling_plan,
)
from tfgan_suite.networks.upsampling import check_upsampling, upsample

PAPER = "Kim et al. 2017, arXiv:1703.05192"
DATA = "two sets of images or points, unpaired"

ARCHITECTURES = ("conv", "mlp")


def build_generator(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "conv",
    width: int = 64,
    bottleneck: int = 0,
    norm: str = "batch",
    upsampling: str = "transposed",
) -> keras.Model:
    """The paper's generator: downsampling to maps of 4x4 (or 5 to 7), and upsampling.

    Args:
        shape: `(height, width, channels)` with equal sides, or `(n,)` for points.
        architecture: `"conv"`, or `"mlp"` (points; two hidden layers).
        width: channels after the first layer, doubled by every further one up to 8 times as many;
            of `"mlp"`, hidden units. Paper 64.
        bottleneck: channels of an additional middle layer of one pixel; 100 gives the paper's
            network of five layers each way; 0: none, the one of four. With it, the network accepts
            a single image size.
        norm: `"batch"` (the paper), `"instance"`, `"layer"` or `"none"`.
        upsampling: `"transposed"` (the paper), `"nearest"`, `"bilinear"` or `"subpixel"`.

    Returns:
        Model from examples to examples; images are in [-1, 1], of any size whose sides are
        multiples of `2 ** n` for n downsamplings.

    Raises:
        InputError: an architecture that does not fit the shape, an invalid width.
    """
    check_positive_integers(width=width)
    check_upsampling(upsampling)
    check_shape(shape, architecture, ARCHITECTURES)
    if architecture == "mlp":
        point = keras.Input(shape, name="point")
        return keras.Model(point, mlp(point, width, shape[0], 2), name="discogan_generator")
    base, downsamplings = upsampling_plan(shape[0])
    widths = [width << min(level, 3) for level in range(downsamplings)]
    image = keras.Input(shape if bottleneck else (None, None, shape[2]), name="image")
    # The paper's networks map [0, 1] to [0, 1]: their zero padding is black.
    x = keras.layers.Rescaling(0.5, 0.5)(image)
    for level, channels in enumerate(widths):
        x = _downsample(x, channels, norm if level else "none")
    if bottleneck:
        check_positive_integers(bottleneck=bottleneck)
        x = compat.LeakyReLU(0.2)(normalized(_conv(bottleneck, base, 1, "valid")(x), norm))
        x = Conv2DTranspose(
            widths[-1], base, use_bias=False, kernel_initializer=_pytorch_default()
        )(x)
        x = keras.layers.ReLU()(normalized(x, norm))
    for channels in reversed(widths[:-1]):
        x = keras.layers.ReLU()(normalized(_upsample(x, channels, upsampling), norm))
    x = _upsample(x, shape[2], upsampling, name="to_image")
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    x = keras.layers.Rescaling(2.0, -1.0, dtype="float32", name="translation")(x)
    return keras.Model(image, x, name="discogan_generator")


def build_discriminator(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "conv",
    width: int = 64,
    norm: str = "batch",
) -> keras.Model:
    """The paper's discriminator, which also returns the features to be matched.

    Args:
        shape: of one example, as for `build_generator`.
        architecture: `"conv"`, or `"mlp"` (points; two hidden layers, both of them features).
        width: channels after the first layer, doubled like the generator's; hidden units.
        norm: as for `build_generator`.

    Returns:
        Model from examples to a list: logits `(batch, 1)`, float32, and the features: the maps of
        all strided layers but the first.

    Raises:
        InputError: an architecture that does not fit the shape, an invalid width.
    """
    check_positive_integers(width=width)
    check_shape(shape, architecture, ARCHITECTURES)
    example = keras.Input(shape, name="point" if architecture == "mlp" else "image")
    features = []
    if architecture == "mlp":
        x = example
        for _ in range(2):
            x = Dense(width, activation="relu", kernel_initializer="he_uniform")(x)
            features.append(x)
        logit = Dense(1, dtype="float32", name="logit")(x)
    else:
        base, downsamplings = upsampling_plan(shape[0])
        x = keras.layers.Rescaling(0.5, 0.5)(example)
        for level in range(downsamplings):
            x = _downsample(x, width << min(level, 3), norm if level else "none")
            features += [x] if level else []
        x = _conv(1, base, 1, "valid", dtype="float32")(x)
        logit = keras.layers.Flatten(dtype="float32", name="logit")(x)
    return keras.Model(example, [logit, *features], name="discogan_discriminator")


class DiscoGAN(UnpairedGame):
    """Two mutually inverse generators against discriminators whose features they also match.

    ```
    L_G = (1 - r) (g L_GAN_B + f L_FM_B) + r L_CONST_A  +  the same with A and B exchanged
    L_GAN_B = -E log D_B(G(a)),   L_CONST_A = E (F(G(a)) - a)^2,
    L_FM_B = sum_l mean (E f_l(b) - E f_l(G(a)))^2
    L_D = -(E log D_B(b) + E log(1 - D_B(G(a)))) / 2  +  the same for A
    ```

    G: A -> B and F: B -> A are updated together; f_l are feature maps of D_B. The networks
    determine which of the paper's three models is trained: `a_to_b` and `discriminator_b` alone
    are the plain GAN (with g L_GAN_B + f L_FM_B), `b_to_a` makes it the GAN with reconstruction,
    and all four make it DiscoGAN. Losses are logged with their weights.

    Reconstruction in both domains makes the mapping one-to-one but does not determine which
    mapping: a mirrored or permuted one scores just as well.

    Args:
        a_to_b: G, model from examples of A to examples of B; images are in [-1, 1].
        b_to_a: F, the model in the other direction; None: the plain GAN.
        discriminator_a: D_A, model from examples to `[logits, *features]`; None: one direction
            only.
        discriminator_b: D_B.
        adversarial_weight: g, weight of the adversarial term; official code 0.1.
        feature_weight: f, weight of feature matching; official code 0.9. Features are compared by
            their means over the global batch, which should hold at least 16 examples.
        reconstruction_weight: r; official code 0.5 (angles: 0.9).
        initial_reconstruction_weight: r in the first steps; official code 0.01.
        curriculum_steps: number of these first steps; official code 10,000 iterations, of which a
            step makes `1 + generator_steps`.
        generator_steps: updates of the generators per update of the discriminators, each on
            different examples: `fit` gets batches of `(1 + generator_steps) * batch` examples.
        weight_decay: d of a term `d / 2 |weights|^2` of every player; official code 1e-5.
        loss: name of the adversarial loss.
        ema_decay: decay of a moving average of the generators' weights; 0 (the paper): none.
        seed: seed of the game's randomness, of which there is none.

    Example:
        ```
        game = DiscoGAN(
            build_generator(), build_generator(),
            build_discriminator(), build_discriminator(),
        )
        game.compile(generators=Adam(2e-4, 0.5), discriminators=Adam(2e-4, 0.5))
        game.fit(batches)       # dicts of "domain_a" and "domain_b": (3 * 64, 64, 64, 3)
        bags = game.translate(shoes)
        ```

    Reference:
        Kim, Cha, Kim, Lee, Kim, "Learning to Discover Cross-Domain Relations with Generative
        Adversarial Networks", ICML 2017, arXiv:1703.05192; schedule and weights are those of the
        authors' code.

    Raises:
        InputError: networks that do not fit each other, a discriminator without the features to be
            matched, a weight out of range.

    Deviations:
        * Images are RGB in [-1, 1], as everywhere in this suite; the networks rescale them to
          [0, 1], and the reconstruction is measured in these units.
        * Translations use the moving averages of the batch-norm statistics, so that no answer
          depends on the rest of the batch; the official script uses those of the test batch.
        * On several devices features are compared over the global batch, so that results do not
          depend on the number of devices.
    """

    def __init__(
        self,
        a_to_b: keras.Model,
        b_to_a: keras.Model | None,
        discriminator_a: keras.Model | None,
        discriminator_b: keras.Model,
        *,
        adversarial_weight: float = 0.1,
        feature_weight: float = 0.9,
        reconstruction_weight: float = 0.5,
        initial_reconstruction_weight: float = 0.01,
        curriculum_steps: int = 3_333,
        generator_steps: int = 2,
        weight_decay: float = 1e-5,
        loss: str | losses.AdversarialLoss = "non_saturating",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "discogan",
    ):
        check_positive_integers(generator_steps=generator_steps)
        _check_weights(
            adversarial_weight=adversarial_weight,
            feature_weight=feature_weight,
            weight_decay=weight_decay,
        )
        _check_fractions(
            reconstruction_weight=reconstruction_weight,
            initial_reconstruction_weight=initial_reconstruction_weight,
        )
        if discriminator_a is not None and b_to_a is None:
            raise InputError("discriminator_a has no generator of domain A; pass b_to_a too")
        for discriminator in (discriminator_a, discriminator_b):
            if feature_weight and discriminator is not None and len(discriminator.outputs) < 2:
                raise InputError(
                    f"{discriminator.name} returns no features to match; pass a discriminator with"
                    " the outputs [logits, *features], or set feature_weight to 0"
                )
        adversarial = losses.get(loss)
        super().__init__(
            a_to_b,
            b_to_a,
            discriminator_a,
            discriminator_b,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
        )
        self.adversarial = adversarial
        self.adversarial_weight, self.feature_weight = adversarial_weight, feature_weight
        self.reconstruction_weight = reconstruction_weight
        self.initial_reconstruction_weight = initial_reconstruction_weight
        self.curriculum_steps = curriculum_steps
        self.weight_decay = weight_decay
        self.generator_steps = generator_steps
        self.batches_per_step = 1 + generator_steps
        self.loss_names = self._names()

    @property
    def variant(self) -> str:
        """Which of the paper's models this is: `"gan"`, `"recongan"` or `"discogan"`."""
        if self.b_to_a is None:
            return "gan"
        return "recongan" if self.discriminator_a is None else "discogan"

    def _names(self) -> tuple[str, ...]:
        targets = "b" if self.discriminator_a is None else "ba"
        terms = ("adversarial", "features") if self.feature_weight else ("adversarial",)
        names = [f"generators/{term}_{domain}" for domain in targets for term in terms]
        if self.b_to_a is not None:
            names += [f"generators/reconstruction_{'a' if d == 'b' else 'b'}" for d in targets]
        names += [
            f"discriminators/{term}_{domain}" for domain in targets for term in ("real", "fake")
        ]
        if self.weight_decay:
            names += ["generators/decay", "discriminators/decay"]
        return tuple(names)

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        a, b = domains(batch)
        updates = self.batches_per_step
        # Every n-th example: then any number of replicas forms the same batches.
        (first_a, *rest_a), (first_b, *rest_b) = (
            [domain[i::updates] for i in range(updates)] for domain in (a, b)
        )
        fake_b = self.a_to_b(first_a, training=True)
        fake_a = None if self.discriminator_a is None else self.b_to_a(first_b, training=True)
        self.update(
            "discriminators", lambda: self.discriminator_terms(first_a, first_b, fake_a, fake_b)
        )
        for part_a, part_b in zip(rest_a, rest_b):
            self.update("generators", functools.partial(self.generator_terms, part_a, part_b))
        return self.logs()

    def term_weights(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Weights of the adversarial, feature and reconstruction terms at the current step."""
        weight = tf.constant(0.0)
        if self.b_to_a is not None:
            weight = tf.where(
                self.steps < self.curriculum_steps,
                self.initial_reconstruction_weight,
                self.reconstruction_weight,
            )
            weight = tf.cast(weight, tf.float32)
        scale = 1.0 - weight
        return self.adversarial_weight * scale, self.feature_weight * scale, weight

    def generator_terms(self, a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the generators for examples of both domains."""
        *_, weight = self.term_weights()
        fake_b = self.a_to_b(a, training=True)
        terms = self._target_terms("b", self.discriminator_b, b, fake_b)
        if self.b_to_a is not None:
            cycled_a = self.b_to_a(fake_b, training=True)
            terms["reconstruction_a"] = weight * reconstruction(cycled_a, a)
        if self.discriminator_a is not None:
            fake_a = self.b_to_a(b, training=True)
            terms.update(self._target_terms("a", self.discriminator_a, a, fake_a))
            cycled_b = self.a_to_b(fake_a, training=True)
            terms["reconstruction_b"] = weight * reconstruction(cycled_b, b)
        return {**terms, **self._decay("generators")}

    def _target_terms(
        self, domain: str, discriminator: Any, real: tf.Tensor, fake: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The generator's adversarial and feature-matching terms in one target domain."""
        adversarial_weight, feature_weight, _ = self.term_weights()
        logits, *fake_features = discriminator(fake, training=True)
        terms = {f"adversarial_{domain}": adversarial_weight * self.adversarial.generator(logits)}
        if self.feature_weight:
            # Real examples pass separately: batch norm would mix the two.
            _, *real_features = discriminator(real, training=True)
            match = feature_matching.distance(real_features, fake_features)
            terms[f"features_{domain}"] = feature_weight * match
        return terms

    def discriminator_terms(
        self, a: tf.Tensor, b: tf.Tensor, fake_a: tf.Tensor | None, fake_b: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminators for real and generated examples."""
        terms = {}
        for domain, discriminator, real, fake in (
            ("b", self.discriminator_b, b, fake_b), ("a", self.discriminator_a, a, fake_a)
        ):  # fmt: skip
            if discriminator is None:
                continue
            real_logits, *_ = discriminator(real, training=True)
            fake_logits, *_ = discriminator(tf.stop_gradient(fake), training=True)
            terms[f"real_{domain}"] = 0.5 * self.adversarial.real(real_logits)
            terms[f"fake_{domain}"] = 0.5 * self.adversarial.fake(fake_logits)
        return {**terms, **self._decay("discriminators")}

    def _decay(self, player: str) -> dict[str, tf.Tensor]:
        if not self.weight_decay:
            return {}
        networks = self.players()[player]
        weights = variables_of(v for network in networks for v in network.trainable_variables)
        squares = tf.add_n([tf.nn.l2_loss(tf.convert_to_tensor(weight)) for weight in weights])
        return {"decay": self.weight_decay * squares}


def reconstruction(cycled: tf.Tensor, original: tf.Tensor) -> tf.Tensor:
    """Mean squared difference as a float32 scalar; of images, in units of [0, 1]."""
    unit = 0.5 if len(original.shape) == 4 else 1.0
    return tf.reduce_mean(tf.square(unit * (tf.cast(cycled, tf.float32) - original)))


def _check_weights(**weights: float) -> None:
    for name, weight in weights.items():
        if weight < 0:
            raise InputError(f"{name} is {weight}; it must be 0 (off) or more")


def _check_fractions(**fractions: float) -> None:
    for name, fraction in fractions.items():
        if not 0.0 <= fraction <= 1.0:
            raise InputError(f"{name} is {fraction}; it must be from 0 to 1")


def _pytorch_default() -> Any:
    """PyTorch's default for convolutions, as in the official code: uniform, variance 1/(3 n)."""
    return keras.initializers.VarianceScaling(1.0 / 3.0, "fan_in", "uniform")


def _conv(filters: int, kernel: int, stride: int, padding: str, **options: Any) -> Conv2D:
    return Conv2D(
        filters,
        kernel,
        stride,
        padding,
        use_bias=False,
        kernel_initializer=_pytorch_default(),
        **options,
    )


def _upsample(x: Any, filters: int, method: str, **options: Any) -> Any:
    return upsample(
        x, filters, method, use_bias=False, kernel_initializer=_pytorch_default(), **options
    )


def _downsample(x: Any, filters: int, norm: str) -> Any:
    return compat.LeakyReLU(0.2)(normalized(_conv(filters, 4, 2, "same")(x), norm))
