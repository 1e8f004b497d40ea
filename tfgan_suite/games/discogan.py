"""DiscoGAN: one-to-one relations between two domains, without pairs (Kim et al. 2017)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.adversarial_model import variables_of
from tfgan_suite.core.unpaired_game import UnpairedGame, domains
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.losses import adversarial as losses
from tfgan_suite.networks.blocks import (
    check_positive_integers,
    check_shape,
    mlp,
    normalized,
    upsampling_plan,
)

PAPER = "Kim et al. 2017, arXiv:1703.05192"
DATA = "two sets of images or points, unpaired"

ARCHITECTURES = ("conv", "mlp")


def build_generator(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "conv",
    width: int = 64,
    bottleneck: int = 0,
    norm: str = "batch",
) -> keras.Model:
    """A generator of the paper: halvings down to maps of 4x4 (or 5 to 7), and doublings back.

    Args:
        shape: `(height, width, channels)` with equal sides, or `(n,)` for points.
        architecture: `"conv"`, or `"mlp"` (points; two hidden layers).
        width: channels at half of the size, doubled at each halving up to 8 times as many; hidden
            units. Paper 64.
        bottleneck: channels of one more layer in the middle, of one pixel; 100 is the paper's net
            of five layers each way, 0 the one of four. With it only one size is taken.
        norm: `"batch"` as in the paper, `"instance"`, `"layer"` or `"none"`.

    Returns:
        Model from examples to examples; images are in [-1, 1], of any size whose sides are
        multiples of the halvings' `2 ** n`.

    Raises:
        InputError: an architecture that does not fit the shape, an impossible width.
    """
    check_positive_integers(width=width)
    check_shape(shape, architecture, ARCHITECTURES)
    if architecture == "mlp":
        point = keras.Input(shape, name="point")
        return keras.Model(point, mlp(point, width, shape[0], 2), name="discogan_generator")
    base, halvings = upsampling_plan(shape[0])
    widths = [width << min(level, 3) for level in range(halvings)]
    image = keras.Input(shape if bottleneck else (None, None, shape[2]), name="image")
    # The paper's networks take and make [0, 1]: its zeros around an image are black.
    x = keras.layers.Rescaling(0.5, 0.5)(image)
    for level, channels in enumerate(widths):
        x = _halved(x, channels, norm if level else "none")
    if bottleneck:
        check_positive_integers(bottleneck=bottleneck)
        x = compat.LeakyReLU(0.2)(normalized(_conv(bottleneck, base, 1, "valid")(x), norm))
        x = Conv2DTranspose(widths[-1], base, use_bias=False, kernel_initializer=_start())(x)
        x = keras.layers.ReLU()(normalized(x, norm))
    for channels in reversed(widths[:-1]):
        x = keras.layers.ReLU()(normalized(_transposed(channels)(x), norm))
    x = _transposed(shape[2], name="to_image")(x)
    x = keras.layers.Activation("sigmoid", dtype="float32")(x)
    x = keras.layers.Rescaling(2.0, -1.0, dtype="float32", name="made")(x)
    return keras.Model(image, x, name="discogan_generator")


def build_discriminator(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "conv",
    width: int = 64,
    norm: str = "batch",
) -> keras.Model:
    """A discriminator of the paper, which also tells the features that are to be matched.

    Args:
        shape: of one example, as for `build_generator`.
        architecture: `"conv"`, or `"mlp"` (points; two hidden layers, both of them features).
        width: channels of the first layer, which doubles as the generator's; hidden units.
        norm: as for `build_generator`.

    Returns:
        Model from examples to a list: logits `(batch, 1)`, float32, and the features: the maps of
        all strided layers but the first.

    Raises:
        InputError: an architecture that does not fit the shape, an impossible width.
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
        base, halvings = upsampling_plan(shape[0])
        x = keras.layers.Rescaling(0.5, 0.5)(example)
        for level in range(halvings):
            x = _halved(x, width << min(level, 3), norm if level else "none")
            features += [x] if level else []
        x = _conv(1, base, 1, "valid", dtype="float32")(x)
        logit = keras.layers.Flatten(dtype="float32", name="logit")(x)
    return keras.Model(example, [logit, *features], name="discogan_discriminator")


class DiscoGAN(UnpairedGame):
    """Two generators, inverse to each other, against discriminators whose features they also match.

    ```
    L_G = (1 - r) (g L_GAN_B + f L_FM_B) + r L_CONST_A  +  the same with A and B exchanged
    L_GAN_B = -E log D_B(G(a)),   L_CONST_A = E (F(G(a)) - a)^2,
    L_FM_B = sum_l mean (E f_l(b) - E f_l(G(a)))^2
    L_D = -(E log D_B(b) + E log(1 - D_B(G(a)))) / 2  +  the same for A
    ```

    G: A -> B and F: B -> A are moved together; f_l are feature maps of D_B. Which of the paper's
    three models is played, the networks say: `a_to_b` and `discriminator_b` alone are the plain GAN
    (with g L_GAN_B + f L_FM_B), with `b_to_a` it is the GAN with reconstruction, and with all
    four it is DiscoGAN. Losses are reported with their weights.

    The reconstruction of both domains makes the mapping one-to-one; it does not say which one. A
    mirrored or permuted mapping is as good to it.

    Args:
        a_to_b: G, model from examples of A to examples of B; images are in [-1, 1].
        b_to_a: F, model back; None: the plain GAN.
        discriminator_a: D_A, model from examples to `[logits, *features]`; None: one direction only.
        discriminator_b: D_B.
        adversarial: g, weight of the adversarial term; official code 0.1.
        features: f, weight of the features' match; official code 0.9. Features are compared by
            their means over the global batch, which should hold 16 examples or more.
        rate: r, weight of the reconstruction; official code 0.5 (angles: 0.9).
        start_rate: r in the first steps; official code 0.01.
        curriculum: how many steps that are; official code 10,000 iterations, of which a step
            makes `1 + generator_steps`.
        generator_steps: updates of the generators after each one of the discriminators, each on examples
            of its own: `fit` gets batches of `(1 + generator_steps) * batch` examples.
        weight_decay: d of a term `d / 2 |weights|^2` of every player; official code 1e-5.
        loss: name of the adversarial loss.
        ema_decay: decay of a moving average of the generators' weights; 0 is the paper.
        seed: seed of what the game draws; it draws nothing.

    Example:
        ```
        game = DiscoGAN(build_generator(), build_generator(), build_discriminator(), build_discriminator())
        game.compile(generators=Adam(2e-4, 0.5), discriminators=Adam(2e-4, 0.5))
        game.fit(batches)       # dicts of "domain_a" and "domain_b": (3 * 64, 64, 64, 3)
        bags = game.translate(shoes)
        ```

    Reference:
        Kim, Cha, Kim, Lee, Kim, "Learning to Discover Cross-Domain Relations with Generative
        Adversarial Networks", ICML 2017, arXiv:1703.05192; schedule and weights are those of the
        authors' code.

    Raises:
        InputError: networks that do not fit each other, a discriminator without features although they
            count, a weight out of its range.

    Deviations:
        * Images are red, green, blue in [-1, 1] outside; inside the networks [0, 1], in which
          the reconstruction is measured too.
        * Translations use the moving averages of the batch norms' statistics; the official
          script draws its samples with those of the test batch.
        * On several devices features are compared over the global batch.
    """

    def __init__(
        self,
        a_to_b: keras.Model,
        b_to_a: keras.Model | None,
        discriminator_a: keras.Model | None,
        discriminator_b: keras.Model,
        *,
        adversarial: float = 0.1,
        features: float = 0.9,
        rate: float = 0.5,
        start_rate: float = 0.01,
        curriculum: int = 3_333,
        generator_steps: int = 2,
        weight_decay: float = 1e-5,
        loss: str | losses.AdversarialLoss = "non_saturating",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "discogan",
    ):
        check_positive_integers(generator_steps=generator_steps)
        _check_weights(adversarial, features, weight_decay, rate, start_rate)
        if discriminator_a is not None and b_to_a is None:
            raise InputError(
                "a discriminator of domain A without a generator of it; give b_to_a too"
            )
        for discriminator in (discriminator_a, discriminator_b):
            if features and discriminator is not None and len(discriminator.outputs) < 2:
                raise InputError(
                    f"{discriminator.name} gives no features to match; give a discriminator with the outputs"
                    " [logits, *features], or set features to 0"
                )
        found = losses.get(loss)
        super().__init__(
            a_to_b,
            b_to_a,
            discriminator_a,
            discriminator_b,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
        )
        self.adversarial = found
        self.adversarial_weight, self.features_weight = adversarial, features
        self.rate, self.start_rate, self.curriculum = rate, start_rate, curriculum
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
        judged = "b" if self.discriminator_a is None else "ba"
        terms = ("adversarial", "features") if self.features_weight else ("adversarial",)
        names = [f"generators/{term}_{domain}" for domain in judged for term in terms]
        if self.b_to_a is not None:
            names += [f"generators/reconstruction_{'a' if d == 'b' else 'b'}" for d in judged]
        names += [
            f"discriminators/{term}_{domain}" for domain in judged for term in ("real", "fake")
        ]
        if self.weight_decay:
            names += ["generators/decay", "discriminators/decay"]
        return tuple(names)

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        a, b = domains(batch)
        turns = self.batches_per_step
        for turn in range(turns):
            # Every turns-th example: so any number of replicas forms the same batches.
            part_a, part_b = a[turn::turns], b[turn::turns]
            if turn:
                self.update("generators", lambda a=part_a, b=part_b: self.generator_terms(a, b))
                continue
            fake_b = self.a_to_b(part_a, training=True)
            fake_a = None if self.discriminator_a is None else self.b_to_a(part_b, training=True)
            self.update(
                "discriminators",
                lambda a=part_a, b=part_b, fakes=(fake_a, fake_b): self.discriminator_terms(
                    a, b, *fakes
                ),
            )
        return self.logs()

    def term_weights(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Weights of the adversarial, the features' and the reconstruction term at this step."""
        rate = tf.where(self.steps < self.curriculum, self.start_rate, self.rate)
        rate = tf.cast(rate, tf.float32) if self.b_to_a is not None else tf.constant(0.0)
        rest = 1.0 - rate
        return self.adversarial_weight * rest, self.features_weight * rest, rate

    def generator_terms(self, a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the generators for examples of both domains."""
        *_, weight = self.term_weights()
        fake_b = self.a_to_b(a, training=True)
        terms = self._fooling("b", self.discriminator_b, b, fake_b)
        if self.b_to_a is not None:
            again = self.b_to_a(fake_b, training=True)
            terms["reconstruction_a"] = weight * reconstruction(again, a)
        if self.discriminator_a is not None:
            fake_a = self.b_to_a(b, training=True)
            terms.update(self._fooling("a", self.discriminator_a, a, fake_a))
            again = self.a_to_b(fake_a, training=True)
            terms["reconstruction_b"] = weight * reconstruction(again, b)
        return {**terms, **self._decay("generators")}

    def _fooling(
        self, domain: str, discriminator: Any, real: tf.Tensor, fake: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What one discriminator says of the examples made in its domain."""
        adversarial, matched, _ = self.term_weights()
        logits, *made = discriminator(fake, training=True)
        terms = {f"adversarial_{domain}": adversarial * self.adversarial.generator(logits)}
        if self.features_weight:
            # Real examples go through on their own: batch norm would mix the two.
            _, *wanted = discriminator(real, training=True)
            terms[f"features_{domain}"] = matched * feature_distance(wanted, made)
        return terms

    def discriminator_terms(
        self, a: tf.Tensor, b: tf.Tensor, fake_a: tf.Tensor | None, fake_b: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Loss terms of the discriminators for real examples and for made ones."""
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


def reconstruction(made: tf.Tensor, true: tf.Tensor) -> tf.Tensor:
    """Mean squared difference as a float32 scalar, of images in units of [0, 1]."""
    unit = 0.5 if len(true.shape) == 4 else 1.0
    return tf.reduce_mean(tf.square(unit * (tf.cast(made, tf.float32) - true)))


def feature_distance(real: list[tf.Tensor], made: list[tf.Tensor]) -> tf.Tensor:
    """Sum over feature maps of the mean squared difference between their means over the batch.

    Args:
        real: maps `(batch, ...)` of real examples.
        made: the same maps of made ones; the order of either batch does not matter.

    Returns:
        float32 scalar; gradients reach `made` alone.
    """
    distances = [
        tf.reduce_mean(tf.square(_mean_over_batch(tf.stop_gradient(one)) - _mean_over_batch(other)))
        for one, other in zip(real, made)
    ]
    return tf.add_n(distances)


def _mean_over_batch(features: tf.Tensor) -> tf.Tensor:
    """The mean over the global batch, with gradient."""
    mean = tf.reduce_mean(tf.cast(features, tf.float32), axis=0)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return mean
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)


def _check_weights(
    adversarial: float, features: float, decay: float, rate: float, start: float
) -> None:
    for name, weight in (
        ("adversarial", adversarial), ("features", features), ("weight_decay", decay)
    ):  # fmt: skip
        if weight < 0:
            raise InputError(f"{name} is {weight}; it must be 0 (off) or more")
    for name, share in (("rate", rate), ("start_rate", start)):
        if not 0.0 <= share <= 1.0:
            raise InputError(f"{name} is {share}; it must be from 0 to 1")


def _start() -> Any:
    """PyTorch's start of a convolution, which the official code keeps: even, variance 1/(3 n)."""
    return keras.initializers.VarianceScaling(1.0 / 3.0, "fan_in", "uniform")


def _conv(filters: int, kernel: int, stride: int, padding: str, **options: Any) -> Conv2D:
    return Conv2D(
        filters, kernel, stride, padding, use_bias=False, kernel_initializer=_start(), **options
    )


def _transposed(filters: int, **options: Any) -> Conv2DTranspose:
    return Conv2DTranspose(
        filters, 4, 2, "same", use_bias=False, kernel_initializer=_start(), **options
    )


def _halved(x: Any, filters: int, norm: str) -> Any:
    return compat.LeakyReLU(0.2)(normalized(_conv(filters, 4, 2, "same")(x), norm))
