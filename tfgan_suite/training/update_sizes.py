"""How much of a player's weights one step replaces: rates that are far too high show at once."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import compat

# A healthy step changes weights by some percent of their size at the start, and less later.
TOO_LARGE = 0.3
# Of each kernel only the first weights are compared, so that no network is copied.
_WEIGHTS = 2**16


class UpdateSizes:
    """Compares the weights of all players before and after a step.

    Args:
        game: a compiled game.
    """

    def __init__(self, game: keras.Model):
        self._game = game
        self._before: dict[str, list[np.ndarray]] = {}
        self._step = 0

    def remember(self, step: int) -> None:
        """Stores the weights as they are after a step."""
        self._before, self._step = dict(self._weights()), step

    def compare(self, step: int) -> dict[str, float]:
        """The norm of a player's change per step over that of its weights, and forgets them.

        Args:
            step: the step after which the weights are as they are now.

        Returns:
            Shares by player; empty if nothing was remembered.
        """
        if not self._before or step <= self._step:
            return {}
        shares = {}
        for player, now in self._weights():
            before = self._before[player]
            change = sum(float(np.square(new - old).sum()) for new, old in zip(now, before))
            size = sum(float(np.square(old).sum()) for old in before)
            if size > 0:
                shares[player] = (change / size) ** 0.5 / (step - self._step)
        self._before = {}
        return shares

    def _weights(self) -> Iterator[tuple[str, list[np.ndarray]]]:
        for player, networks in self._game.players().items():
            kernels = [v for net in networks for v in net.trainable_variables if len(v.shape) > 1]
            yield (
                player,
                [
                    tf.reshape(tf.convert_to_tensor(compat.tensor_variable(v)), [-1])[:_WEIGHTS]
                    .numpy()
                    .astype(np.float64)
                    for v in kernels
                ],
            )


def describe(player: str, share: float, optimizer: keras.optimizers.Optimizer) -> str:
    """The warning for a step that changes a player's weights too much."""
    rate = compat.get_learning_rate(optimizer)
    return (
        f"a single step changes the weights of the {player} by {share:.0%} of their size, so they"
        f" run away; divide its learning rate, {rate:g}, by 10 or more"
    )
