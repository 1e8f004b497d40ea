"""What the games between two domains without pairs share, except their train step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core.signatures import Signature
from tfgan_suite.core.translation_game import BACK, FORTH, TranslationGame, from_image, from_points
from tfgan_suite.errors import InputError
from tfgan_suite.networks.translators import size_multiple

DOMAINS = ("domain_a", "domain_b")


class UnpairedGame(TranslationGame):
    """Generators between two domains, and a discriminator of each; a subclass gives `train_step`.

    Both generators are one player, `"generators"`, because they are tied by what comes back; both
    discriminators are the other, `"discriminators"`. A network that is not given does not play.

    Args:
        a_to_b: model from examples of domain A to examples of domain B.
        b_to_a: model back.
        discriminator_a: judges whether an example is of domain A.
        discriminator_b: judges whether an example is of domain B.
        ema_decay: decay of a moving average of the generators' weights, with which images are
            translated; 0: none.
        seed: seed of what the game draws.
        name: Keras name.

    Raises:
        InputError: an average outside [0, 1), or networks that do not fit each other.
    """

    takes, gives = DOMAINS

    def __init__(
        self,
        a_to_b: keras.Model,
        b_to_a: keras.Model | None,
        discriminator_a: keras.Model | None,
        discriminator_b: keras.Model,
        *,
        ema_decay: float = 0.0,
        seed: int = 0,
        name: str | None = None,
    ):
        _check_fit("B", a_to_b, discriminator_b, b_to_a)
        if b_to_a is not None:
            _check_fit("A", b_to_a, discriminator_a, a_to_b)
        super().__init__(
            seed=seed, ema_decays={"generators": ema_decay} if ema_decay else None, name=name
        )
        self.a_to_b, self.b_to_a = a_to_b, b_to_a
        self.discriminator_a, self.discriminator_b = discriminator_a, discriminator_b

    def players(self) -> dict[str, list[keras.Model]]:
        everybody = {
            "generators": [self.a_to_b, self.b_to_a],
            "discriminators": [self.discriminator_a, self.discriminator_b],
        }
        return {
            player: [network for network in networks if network is not None]
            for player, networks in everybody.items()
        }

    def signatures(self) -> dict[str, Signature]:
        """`serving_default` translates from A to B, `b_to_a` (where that is learnt) back."""
        found = {}
        for name, network in zip((FORTH, BACK), self.ema("generators")):
            if len(network.output_shape) == 2:
                found[name] = from_points(network)
            elif None in network.input_shape[1:3]:
                grid = size_multiple(network)
                # A map of one pixel has no variance: an instance norm would make it all zeros.
                found[name] = from_image(network, grid, smallest=2 * grid)
            else:
                found[name] = from_image(network)
        return found


def domains(batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The examples of both domains of a batch.

    Args:
        batch: a dict with `"domain_a"` and `"domain_b"`, or a tuple of the two.

    Returns:
        Two float32 tensors `(batch, ...)`.

    Raises:
        InputError: there are no two domains, or not as many examples of the one as of the other.
    """
    if isinstance(batch, Mapping):
        if not set(DOMAINS) <= set(batch):
            raise InputError(f"a batch with keys {sorted(batch)} lacks {' or '.join(DOMAINS)}")
        batch = [batch[key] for key in DOMAINS]
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise InputError("a batch that is no pair; give examples of both domains")
    a, b = (tf.cast(part, tf.float32) for part in batch)
    if not a.shape[:1].is_compatible_with(b.shape[:1]):
        raise InputError(
            f"a batch of {a.shape[0]} examples of domain A and {b.shape[0]} of domain B; give as"
            " many of the one as of the other"
        )
    return a, b


def _check_fit(domain: str, generator: Any, discriminator: Any, inverse: Any) -> None:
    made = tuple(generator.output_shape[1:])
    for name, network in (("discriminator", discriminator), ("generator back", inverse)):
        if network is None:
            continue
        taken = tuple(network.input_shape[1:])
        if not tf.TensorShape(made).is_compatible_with(taken):
            raise InputError(
                f"the generator of domain {domain} makes examples of shape {made}, but the"
                f" {name} takes {taken}"
            )
