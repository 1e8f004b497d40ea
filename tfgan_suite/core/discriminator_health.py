"""What the losses of a discriminator say is wrong, in words."""

from __future__ import annotations

from collections.abc import Mapping

# The discriminator has won when its loss is below this share of its loss at a draw: 0.02 of 1.39.
WON = 0.0144
# It is blind when each term of its loss stays this close to a draw, as a share of the draw: its
# outputs for all examples are then the same to about 0.04.
BLIND = 2e-4


def blind(
    logs: Mapping[str, float], player: str, draw: float, shares: Mapping[str, float]
) -> list[str]:
    """Words where its outputs are the same for all examples.

    Args:
        logs: losses of a finished epoch.
        player: `"discriminator"` or `"critic"`.
        draw: its loss when it cannot tell real from generated examples.
        shares: of each term its share of that.
    """
    terms = {term: logs.get(f"{player}/{term}", 0.0) for term in shares}
    if any(abs(terms[term] - share * draw) > BLIND * draw for term, share in shares.items()):
        return []
    return [
        f"the discriminator is blind (its loss stays at {sum(terms.values()):.4f}, a draw): it"
        " answers the same for real and generated examples and the generator learns nothing; start"
        " again with its learning rate divided by 4 or more, or without its normalization"
    ]


def won(
    logs: Mapping[str, float], player: str, draw: float, shares: Mapping[str, float]
) -> list[str]:
    """Words where it wins outright: its losses are close to 0; arguments as for `blind`."""
    loss = sum(logs.get(f"{player}/{term}", draw) for term, share in shares.items() if share)
    if loss >= WON * draw:
        return []
    return [
        f"the discriminator wins outright (its loss is {loss:.4f}, where {draw:.2f} is a draw):"
        " the generator gets hardly any gradient; likely causes: a discriminator much wider or"
        " faster than the generator, too little data, or no penalty (try r1_weight)"
    ]
