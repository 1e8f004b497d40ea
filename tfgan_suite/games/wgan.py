"""WGAN: a critic with clipped weights estimates a distance (Arjovsky et al. 2017)."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core.batches import examples
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.errors import InputError
from tfgan_suite.layers.convolution import Conv2D, Conv2DTranspose, Dense
from tfgan_suite.losses import penalties
from tfgan_suite.networks.blocks import (
    check_choices,
    check_positive_integers,
    check_shape,
    hidden,
    hidden_features,
    hidden_latent,
    initializer_before,
    mlp,
    normal,
    normalized,
    upsampling_plan,
)
from tfgan_suite.utils import replicas

PAPER = "Arjovsky, Chintala, Bottou 2017, arXiv:1701.07875"
DATA = "images or points"

ARCHITECTURES = ("dcgan", "constant", "dense", "mlp")


def build_generator(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "dcgan",
    width: int = 64,
    latent_dim: int = 100,
    hidden_units: int = 0,
) -> keras.Model:
    """A generator of the paper.

    Args:
        shape: shape of one example: `(height, width, channels)` with equal sides, or `(n,)` for
            points (architecture `"mlp"`).
        architecture: `"dcgan"` (4x4 transposed convolutions with batch norm), `"constant"` (the
            same without batch norm, every layer with `width` channels: the paper's hard case),
            `"dense"` (three hidden layers of ReLU for images) or `"mlp"` (the same for points).
        width: channels of the last hidden layer, or hidden units. Paper: 64; 512 for `"dense"`.
        latent_dim: length of z; paper 100.
        hidden_units: units of a dense layer between z and the first maps, of `"dcgan"`; see
            `blocks.hidden_units`. Default 0, the paper's: none.

    Returns:
        Model from z `(batch, latent_dim)` to examples; images are in [-1, 1].

    Raises:
        InputError: an unknown architecture, or one that does not support the shape.
    """
    check_positive_integers(width=width, latent_dim=latent_dim)
    check_shape(shape, architecture, ARCHITECTURES)
    z = keras.Input((latent_dim,), name="z")
    if architecture == "mlp":
        return keras.Model(z, mlp(z, width, shape[0]), name="wgan_generator")
    if architecture == "dense":
        x = mlp(z, width, math.prod(shape), name="pixels")
        x = keras.layers.Reshape(shape)(x)
    else:
        x = z if architecture == "constant" else hidden_latent(z, hidden_units)
        x = _convolutional(x, shape, width, constant=architecture == "constant")
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(z, image, name="wgan_generator")


def _convolutional(z: Any, shape: tuple[int, ...], width: int, constant: bool) -> Any:
    base, doublings = upsampling_plan(shape[0])
    widths = [width << (0 if constant else level) for level in reversed(range(doublings))]
    norm = "none" if constant else "batch"
    start = {"use_bias": constant}
    x = Dense(
        base * base * widths[0],
        kernel_initializer=initializer_before(norm),
        name="project",
        **start,
    )(z)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    for filters in widths[1:]:
        x = keras.layers.ReLU()(normalized(x, norm))
        x = Conv2DTranspose(
            filters, 4, 2, "same", kernel_initializer=initializer_before(norm), **start
        )(x)
    x = keras.layers.ReLU()(normalized(x, norm))
    return Conv2DTranspose(
        shape[2], 4, 2, "same", use_bias=False, kernel_initializer=normal(), name="to_image"
    )(x)


def build_critic(
    shape: tuple[int, ...] = (64, 64, 3),
    architecture: str = "dcgan",
    width: int = 64,
    norm: str = "batch",
    hidden_units: int = 0,
) -> keras.Model:
    """A critic of the paper, without a sigmoid.

    Args:
        shape: shape of one example, as for `build_generator`.
        architecture: `"dcgan"` and `"constant"` (4x4 convolutions, leaky ReLU; both have this
            critic), `"dense"` (three hidden layers of ReLU) or `"mlp"` (the same for points).
        width: channels of the first layer, each further one has twice as many; or hidden units.
            Paper: 64; 512 for `"dense"`.
        norm: of the convolutions: `"batch"` (paper), `"layer"`, `"instance"` or `"none"`; never
            on the first layer.
        hidden_units: units of a dense layer after the convolutions; see `blocks.hidden_units`.
            Default 0, the paper's: none.

    Returns:
        Model from examples to real values `(batch, 1)`, float32, unbounded. Its hidden
        units are the outputs of the layers `features_0`, `features_1` and so on.

    Raises:
        InputError: an unknown architecture or norm, or one that does not fit the shape.
    """
    check_positive_integers(width=width)
    check_choices(norm=norm)
    check_shape(shape, architecture, ARCHITECTURES)
    x = example = keras.Input(shape, name="point" if len(shape) == 1 else "image")
    if architecture in ("dense", "mlp"):
        x = hidden(keras.layers.Flatten()(x), width, prefix="features")
    else:
        halvings = upsampling_plan(shape[0])[1]
        for level in range(halvings):
            biased = norm == "none" or level == 0  # elsewhere the norm has a bias
            x = Conv2D(
                width << level,
                4,
                2,
                "same",
                use_bias=biased,
                kernel_initializer=initializer_before(norm),
            )(x)
            x = normalized(x, norm) if level else x
            x = compat.LeakyReLU(0.2, name=f"features_{level}")(x)
        x = hidden_features(keras.layers.Flatten()(x), hidden_units, f"features_{halvings}")
    # No bias: only differences of values have a meaning.
    value = Dense(1, use_bias=False, kernel_initializer=normal(), dtype="float32", name="value")
    return keras.Model(example, value(x), name="wgan_critic")


class WGAN(LatentGame):
    """A critic with clipped weights that estimates the earth mover's distance.

    ```
    L_C = E f(G(z)) - E f(x),  then every weight of f is clipped to [-c, c];   L_G = -E f(G(z))
    ```

    `-critic/wasserstein` is the estimate of the earth mover's distance, up to an unknown factor
    that depends on c and the critic's architecture: curves of the same critic can be compared,
    those of different critics cannot. It is large at first and falls as the samples improve.

    In the paper's warm-up the critic gets `warm_critic_steps` updates instead of `critic_steps`
    before each of the first `warm_up` updates of the generator and before every `refresh`-th.
    Every step of `fit` has the same number of batches, so such an update takes several steps, and
    in all but the last the generator stays as it is: weights, moving average and optimizer. These
    steps are a function of `steps` alone (`generator_moves`), so a resumed run keeps the
    schedule. `generator/moves` is the share of steps in which the generator is updated.

    Args:
        generator: model from z `(batch, latent_dim)` to examples.
        critic: model from examples to real values `(batch, 1)`.
        clip: c, the largest absolute weight. Default 0.01, the paper's.
        clip_norms: clip scale and offset of the critic's norms too, as the official code does.
            Default True.
        critic_steps: critic updates per step, each with its own real examples and noise: `fit`
            needs batches of `critic_steps * batch` examples. Default 5, the paper's.
        warm_up: generator updates with a warm-up before each; official code 25. Default 0: none.
        refresh: repeat the warm-up before every `refresh`-th generator update; official code 500.
            Default 0: never.
        warm_critic_steps: critic updates of a warm-up, rounded up to whole steps. Default 100, the
            official code's.
        latent: distribution of z: `"normal"` (default, official code) or `"uniform"` in [-1, 1).
        ema_decay: decay of a moving average of the generator's weights. Default 0, the paper: none.
        seed: seed of the noise. Default 0.
        **options: `Regularization`: `instance_noise`, `r1_weight`, `augment` and more; all off, the
            default, is the paper.

    Example:
        ```
        game = WGAN(build_generator(), build_critic())
        # The official code has PyTorch's RMSProp: its epsilon, 1e-8, is outside the root.
        game.compile(generator=RMSprop(5e-5, 0.99, epsilon=1e-16),
                     critic=RMSprop(5e-5, 0.99, epsilon=1e-16))
        game.fit(images)                  # float32 (5 * 64, 64, 64, 3) in [-1, 1]
        ```

    Reference:
        Arjovsky, Chintala, Bottou, "Wasserstein GAN", ICML 2017, arXiv:1701.07875.

    Deviations:
        * Weights are clipped after the critic's update, as in the paper's Algorithm 1; the
          official code clips before it.
        * The critic maximises f on real examples, as in the paper; the official code minimises
          it, which only changes f's sign.
        * The generators of images end in tanh, because images are in [-1, 1]; the official MLP is
          unbounded.
        * Convolutions without batch norm start from He's wider distribution, or the signal
          would vanish.
    """

    opponent_name = "critic"

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        *,
        clip: float = 0.01,
        clip_norms: bool = True,
        critic_steps: int = 5,
        warm_up: int = 0,
        refresh: int = 0,
        warm_critic_steps: int = 100,
        latent: str = "normal",
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str = "wgan",
        **options: Any,
    ):
        check_positive_integers(critic_steps=critic_steps, warm_critic_steps=warm_critic_steps)
        if not clip > 0:
            raise InputError(f"clip is {clip}; it must be above 0, such as 0.01")
        if warm_up < 0 or refresh < 0:
            raise InputError(
                f"warm_up is {warm_up} and refresh is {refresh}; both must be 0 (never) or more"
            )
        super().__init__(
            generator,
            critic,
            loss="wasserstein",
            latent=latent,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
            **options,
        )
        self.clip, self.clip_norms = clip, clip_norms
        self.critic_steps = self.batches_per_step = critic_steps
        self.warm_up, self.refresh = warm_up, refresh
        self.warm_steps = -(-warm_critic_steps // critic_steps)
        self.has_warm_up = self.warm_steps > 1 and (warm_up > 0 or refresh > 0)
        self.loss_names = ("generator/adversarial", "critic/wasserstein")
        self.loss_names += self.penalty_names
        self.loss_names += ("critic/pairs",) if self.adversarial.paired else ()
        self.loss_names += ("generator/moves",) if self.has_warm_up else ()

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        real = examples(batch)
        for turn in range(self.critic_steps):
            # Every critic_steps-th example: the same batches on any number of replicas.
            part = self.augment_inputs(real[turn :: self.critic_steps], f"real {turn}")
            fake = self.generator(self.latents(part, f"critic {turn}"), training=True)
            fake = self.augment_inputs(fake, f"fake {turn}")
            self.update("critic", functools.partial(self.critic_terms, part, fake))
            penalties.clip_weights(self.clipped_variables(), self.clip)
        latent = self.latents(part, "generator")
        self.update_generator(latent, part)
        return self.logs()

    def critic_terms(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss terms of the critic for augmented examples; `wasserstein` is minus the estimate."""
        return self.distance_terms(real, fake)

    def generator_terms(
        self, latent: tf.Tensor, real: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Loss term of the generator for z; `real` are augmented partners in a loss of pairs."""
        fake = self.augment_inputs(self.generator(latent, training=True), "generator fake")
        values = self.critic(fake, training=True)
        partners = functools.partial(self.critic, real, training=True)
        return {"adversarial": self.generator_loss(values, partners)}

    def clipped_variables(self) -> list[Any]:
        """The critic's variables that are clipped: trainable ones, never moving statistics."""
        layers = self.critic._flatten_layers(include_self=False)
        norms = [] if self.clip_norms else [layer for layer in layers if hasattr(layer, "gamma")]
        unclipped = {id(variable) for norm in norms for variable in norm.trainable_variables}
        return [v for v in self.critic.trainable_variables if id(v) not in unclipped]

    # ---- the warm-up -------------------------------------------------------------------------

    def generator_moves(self, step: Any) -> Any:
        """Whether the generator is updated in the step after `step` steps.

        Args:
            step: integer, NumPy array or tensor.
        """
        first, cycle = self.warm_up * self.warm_steps, self.refresh + self.warm_steps - 1
        in_warm_up = (step < first) & (step % self.warm_steps == self.warm_steps - 1)
        if not self.refresh:
            return in_warm_up | (step >= first)
        # One cycle: refresh - 1 steps with an update each, then warm_steps steps with one update.
        position = (step - first + (self.warm_up - 1) % self.refresh) % cycle
        return in_warm_up | (
            (step >= first) & ((position < self.refresh - 1) | (position == cycle - 1))
        )

    def update_generator(self, latent: tf.Tensor, real: tf.Tensor) -> None:
        """The generator's update; during a warm-up everything that it changed is restored."""
        if not self.has_warm_up:
            self.update("generator", lambda: self.generator_terms(latent, real))
            return
        # An update under tf.cond is not possible on several replicas.
        moves = self.generator_moves(tf.convert_to_tensor(self.steps))
        variables = [*self.generator.trainable_variables]
        variables += compat.optimizer_variables(self.optimizer_of("generator"))
        variables += [v for net in self.ema("generator") if net is not self.generator
                 for v in net.variables]  # fmt: skip
        before = [tf.identity(compat.tensor_variable(variable)) for variable in variables]
        self.update("generator", lambda: self.generator_terms(latent, real))
        after = [tf.convert_to_tensor(compat.tensor_variable(variable)) for variable in variables]
        replicas.assign(variables, [tf.where(moves, new, old) for new, old in zip(after, before)])
        self.record("generator/moves", tf.cast(moves, tf.float32))
