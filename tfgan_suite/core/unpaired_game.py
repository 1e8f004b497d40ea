"""What games between two unpaired domains share, except their train step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core import network_checks
from tfgan_suite.core.batches import unpacked
from tfgan_suite.core.signatures import Signature
from tfgan_suite.core.translation_game import BACK, FORTH, TranslationGame, from_image, from_points
from tfgan_suite.errors import InputError
from tfgan_suite.networks.translators import size_multiple

DOMAINS = ("domain_a", "domain_b")


class UnpairedGame(TranslationGame):
    """Generators between two domains and a discriminator of each; subclasses add `train_step`.

    Both generators are one player, `"generators"`, because the reconstruction ties them together;
    both discriminators are the other, `"discriminators"`. A network that is None takes no part.

    Args:
        a_to_b: model from examples of domain A to examples of domain B.
        b_to_a: model in the other direction.
        discriminator_a: classifies examples as belonging to domain A or not.
        discriminator_b: classifies examples as belonging to domain B or not.
        ema_decay: decay of a moving average of the generators' weights, which then translates;
            0: none.
        seed: seed of the game's randomness.
        name: Keras name.

    Raises:
        InputError: an `ema_decay` outside [0, 1), or networks that do not fit each other.
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
        _check_networks(a_to_b, b_to_a, discriminator_a, discriminator_b)
        super().__init__(
            seed=seed, ema_decays={"generators": ema_decay} if ema_decay else None, name=name
        )
        # Any: None where a subclass trains one direction only.
        self.a_to_b = a_to_b
        self.b_to_a: Any = b_to_a
        self.discriminator_a: Any = discriminator_a
        self.discriminator_b = discriminator_b

    def players(self) -> dict[str, list[keras.Model]]:
        players = {
            "generators": [self.a_to_b, self.b_to_a],
            "discriminators": [self.discriminator_a, self.discriminator_b],
        }
        return {
            player: [network for network in networks if network is not None]
            for player, networks in players.items()
        }

    def signatures(self) -> dict[str, Signature]:
        """`serving_default` translates from A to B, `b_to_a` (if learnt) from B to A."""
        signatures = {}
        for name, network in zip((FORTH, BACK), self.ema("generators")):
            if len(network.output_shape) == 2:
                signatures[name] = from_points(network)
            elif None in network.input_shape[1:3]:
                multiple = size_multiple(network)
                # A map of one pixel has no variance: an instance norm would set it to zero.
                signatures[name] = from_image(network, multiple, smallest=2 * multiple)
            else:
                signatures[name] = from_image(network)
        return signatures


def domains(batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The examples of both domains of a batch.

    Args:
        batch: a dict with `"domain_a"` and `"domain_b"`, or a tuple of the two.

    Returns:
        Two float32 tensors `(batch, ...)`.

    Raises:
        InputError: a domain is missing, or the domains differ in their number of examples.
    """
    batch = unpacked(batch)
    if isinstance(batch, Mapping):
        if not set(DOMAINS) <= set(batch):
            raise InputError(
                f"a batch with keys {sorted(batch)} lacks {' or '.join(DOMAINS)}; pass both"
            )
        batch = [batch[key] for key in DOMAINS]
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise InputError("a batch that is not a pair; pass examples of both domains")
    a, b = (tf.cast(part, tf.float32) for part in batch)
    if not a.shape[:1].is_compatible_with(b.shape[:1]):
        raise InputError(
            f"a batch of {a.shape[0]} examples of domain A and {b.shape[0]} of domain B; pass the"
            " same number of each"
        )
    return a, b


def _check_networks(a_to_b: Any, b_to_a: Any, discriminator_a: Any, discriminator_b: Any) -> None:
    networks = {
        "generator of domain B": a_to_b,
        "generator of domain A": b_to_a,
        "discriminator of domain A": discriminator_a,
        "discriminator of domain B": discriminator_b,
    }
    for role, network in networks.items():
        if network is not None:
            outputs = (1,) if role.startswith("generator") else ()
            network_checks.check_network(role, network, (1,), outputs)
    pairs = (("A", "B"), ("B", "A"))
    for domain, other in pairs:
        role, generator = f"generator of domain {domain}", networks[f"generator of domain {domain}"]
        for consumer in (f"discriminator of domain {domain}", f"generator of domain {other}"):
            if generator is not None and networks[consumer] is not None:
                network_checks.check_feeds(role, generator, consumer, networks[consumer])
