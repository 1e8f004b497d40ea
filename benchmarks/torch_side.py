"""The worker that measures PyTorch; `speed.py` starts it, under `--peer-python`."""

from __future__ import annotations

import torch
import torch_games
from protocol import repeat, serve

_state = {}


def setup(game: str, threads: int, **options) -> dict:
    """Builds a game and warms it up."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    made = _state["game"] = torch_games.GAMES[game](**options)
    for _ in range(3):
        losses = made.step()
    tensors = made.tensors()
    return {
        "version": f"torch {torch.__version__}",
        "parameters": {player: sum(sizes) for player, sizes in tensors.items()},
        "tensors": tensors,
        "images_per_step": made.batch * made.critic_steps,
        "losses": {name: float(value) for name, value in losses.items()},
    }


def steps(seconds: float) -> tuple[int, float]:
    """Trains for so many seconds: steps and seconds."""
    return repeat(_state["game"].step, seconds)


def matmul(side: int, precision: str, seconds: float) -> float:
    """Floating-point operations a second of the product of two square matrices."""
    matrix = torch.rand(side, side).to(getattr(torch, precision))
    count, passed = repeat(lambda: matrix @ matrix, seconds)
    return 2.0 * side**3 * count / passed


if __name__ == "__main__":
    serve({"setup": setup, "steps": steps, "matmul": matmul})
