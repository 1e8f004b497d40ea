"""Adversarial losses as plain functions of the discriminator's outputs.

Every function takes logits or real values of any shape and dtype and returns a float32 scalar: the
mean over all elements of the (local) batch, computed in float32. Logs of probabilities are written
with softplus, log D = -softplus(-a) and log(1 - D) = -softplus(a), which never overflows.
A game gets its three terms as one `AdversarialLoss`, by name or built by hand.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import tensorflow as tf

from tfgan_suite.errors import InputError, did_you_mean

Term = Callable[..., tf.Tensor]


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """The three terms of a two-player game; the discriminator minimises `real(..) + fake(..)`.

    Args:
        name: name under which `get` finds it.
        real: the discriminator's term on its outputs for real samples.
        fake: the discriminator's term on its outputs for generated samples.
        generator: the generator's term on the discriminator's outputs for generated samples.
        smooths: whether `real` takes `target=`, the label of real samples; only cross-entropy does.
        threshold: discriminator output above which a sample counts as real; None where the output
            has no meaning of its own.
        draw: the discriminator's loss when it cannot tell real from generated samples, well above
            its loss when it wins; None where a loss near 0 is no warning (hinge) or means
            nothing (Wasserstein).
        paired: whether the loss is one of differences between a real and a generated sample: `real`
            takes D(x) - D(G(z)), `generator` takes D(G(z)) - D(x), and `fake` is not used.
        criterion_scale: the official image-translation code's criterion divided by these terms:
            2 for least squares, which it has without LSGAN's halves.
    """

    name: str
    real: Term
    fake: Term
    generator: Term
    smooths: bool = False
    threshold: float | None = None
    draw: float | None = None
    paired: bool = False
    criterion_scale: float = 1.0


def _mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values)


def _float(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)


def cross_entropy_real(logits: tf.Tensor, target: float = 1.0) -> tf.Tensor:
    """`-E[t log D(x) + (1 - t) log(1 - D(x))]`.

    Args:
        logits: discriminator outputs for real samples, before any sigmoid.
        target: t in (0, 1]; 0.9 is the usual one-sided label smoothing. It moves the
            discriminator's equilibrium to t / (1 + t) and invalidates `jensen_shannon_estimate`.
    """
    logits = _float(logits)
    loss = target * tf.nn.softplus(-logits)
    if target != 1.0:
        loss += (1.0 - target) * tf.nn.softplus(logits)
    return _mean(loss)


def cross_entropy_fake(logits: tf.Tensor) -> tf.Tensor:
    """`-E log(1 - D(G(z)))`."""
    return _mean(tf.nn.softplus(_float(logits)))


def minimax_generator(logits: tf.Tensor) -> tf.Tensor:
    """`E log(1 - D(G(z)))`: the paper's value; its gradient -D vanishes where D(G(z)) is 0."""
    return -cross_entropy_fake(logits)


def non_saturating_generator(logits: tf.Tensor) -> tf.Tensor:
    """`-E log D(G(z))`: same fixed point as minimax, gradient -(1 - D)."""
    return cross_entropy_real(logits)


def wasserstein_real(values: tf.Tensor) -> tf.Tensor:
    """`-E f(x)`."""
    return -_mean(_float(values))


def wasserstein_fake(values: tf.Tensor) -> tf.Tensor:
    """`E f(G(z))`; real + fake is minus `wasserstein_distance`."""
    return _mean(_float(values))


def wasserstein_generator(values: tf.Tensor) -> tf.Tensor:
    """`-E f(G(z))`."""
    return -_mean(_float(values))


def wasserstein_distance(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Earth mover's distance `E f(x) - E f(G(z))`, up to the critic's unknown Lipschitz constant.

    Args:
        real, fake: the critic's values for real and for generated samples.
    """
    return _mean(_float(real)) - _mean(_float(fake))


def hinge_real(values: tf.Tensor) -> tf.Tensor:
    """`E max(0, 1 - f(x))`."""
    return _mean(tf.nn.relu(1.0 - _float(values)))


def hinge_fake(values: tf.Tensor) -> tf.Tensor:
    """`E max(0, 1 + f(G(z)))`."""
    return _mean(tf.nn.relu(1.0 + _float(values)))


def pairing(differences: tf.Tensor) -> tf.Tensor:
    """`E softplus(-(D(x) - D(x')))`: how far each x fails to score above its own partner x'.

    The relativistic pairing loss (Jolicoeur-Martineau 2019; Huang et al. 2024). A generator that
    drops a mode loses there against every real partner, however well it scores elsewhere.

    Args:
        differences: outputs for x minus outputs for x', pair by pair; log 2 where all are 0.
    """
    return _mean(tf.nn.softplus(-_float(differences)))


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> AdversarialLoss:
    """`L_D = E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2` and `L_G = E (D(G(z)) - c)^2 / 2`.

    Args:
        a: label of generated samples.
        b: label of real samples.
        c: label that the generator wants for its samples. With b - c = 1 and b - a = 2, e.g.
            (-1, 1, 0), the generator minimises a Pearson chi-squared divergence.

    Raises:
        InputError: a equals b, so that the discriminator has nothing to learn.
    """
    if a == b:
        raise InputError(
            f"least squares labels a = b = {a}; expected two different numbers, such as 0 and 1"
        )

    def half_square(label: float) -> Term:
        def term(values: tf.Tensor) -> tf.Tensor:
            return 0.5 * _mean(tf.square(_float(values) - label))

        return term

    return AdversarialLoss(
        "least_squares",
        real=half_square(b),
        fake=half_square(a),
        generator=half_square(c),
        threshold=(a + b) / 2.0,
        draw=(b - a) ** 2 / 4.0,
        criterion_scale=2.0,
    )


_CROSS_ENTROPY_DRAW = 2.0 * math.log(2.0)  # D = 1/2 everywhere, with any label smoothing

_LOSSES = {
    loss.name: loss
    for loss in (
        AdversarialLoss(
            "minimax",
            cross_entropy_real,
            cross_entropy_fake,
            minimax_generator,
            smooths=True,
            threshold=0.0,
            draw=_CROSS_ENTROPY_DRAW,
        ),
        AdversarialLoss(
            "non_saturating",
            cross_entropy_real,
            cross_entropy_fake,
            non_saturating_generator,
            smooths=True,
            threshold=0.0,
            draw=_CROSS_ENTROPY_DRAW,
        ),
        least_squares(),
        AdversarialLoss("wasserstein", wasserstein_real, wasserstein_fake, wasserstein_generator),
        AdversarialLoss("hinge", hinge_real, hinge_fake, wasserstein_generator, threshold=0.0),
        AdversarialLoss("pairing", pairing, pairing, pairing, draw=math.log(2.0), paired=True),
    )
}


def names(paired: bool = False) -> tuple[str, ...]:
    """The names that `get` knows; with `paired` also those of losses of pairs."""
    return tuple(name for name, loss in _LOSSES.items() if paired or not loss.paired)


def get(
    loss: str | AdversarialLoss, *, label_smoothing: float = 0.0, paired: bool = False
) -> AdversarialLoss:
    """Returns a loss by name; an `AdversarialLoss` is returned as it is.

    Args:
        loss: one of `names()`, or a loss from `least_squares(..)` or built by hand.
        label_smoothing: s in [0, 1): the label of real samples is 1 - s (one-sided smoothing,
            usually 0.1); cross-entropy losses only.
        paired: whether losses of pairs are possible, as in all games from noise.

    Raises:
        InputError: an unknown name, or a smoothing that is out of range or not supported.
    """
    if not isinstance(loss, AdversarialLoss):
        if loss not in names(paired):
            raise InputError(
                f"adversarial loss {loss!r} is unknown; use one of {', '.join(names(paired))}"
                f"{did_you_mean(loss, names(paired))}"
            )
        loss = _LOSSES[loss]
    if not label_smoothing:
        return loss
    if not 0.0 < label_smoothing < 1.0:
        raise InputError(f"label smoothing is {label_smoothing}; it must be in [0, 1)")
    if not loss.smooths:
        supported = ", ".join(each.name for each in _LOSSES.values() if each.smooths)
        raise InputError(
            f"label smoothing is {label_smoothing}, but the {loss.name} loss has no probabilities"
            f" to smooth; set it to 0 or use one of {supported}"
        )
    real = functools.partial(loss.real, target=1.0 - label_smoothing)
    return dataclasses.replace(loss, real=real)


def jensen_shannon_estimate(discriminator_loss_sum: tf.Tensor | float) -> tf.Tensor | float:
    """Lower bound of the Jensen-Shannon divergence in nats, `log 2 - L_D / 2`.

    Args:
        discriminator_loss_sum: L_D, the SUM (not the mean) of the discriminator's two
            cross-entropy terms without label smoothing.

    Returns:
        0 where the discriminator outputs 1/2 everywhere; at most log 2 = 0.693147.
    """
    return math.log(2.0) - discriminator_loss_sum / 2.0
