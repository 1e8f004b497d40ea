"""The worker that measures PyTorch; `speed.py` starts it, under `--peer-python`."""

from __future__ import annotations

import torch
import torch_conditional
import torch_enlarging
import torch_latent
import torch_style
import torch_translation
from protocol import repeat, serve, timed_steps, versions

# As TensorFlow does: numbers below 1e-38, as Adam's averages become, cost a hundred times as much.
# Before any threads start, as they take it over.
torch.set_flush_denormal(True)

_state = {}
GAMES = {
    **torch_latent.GAMES,
    **torch_translation.GAMES,
    **torch_enlarging.GAMES,
    **torch_conditional.GAMES,
    **torch_style.GAMES,
}


def setup(game: str, threads: int, **options) -> dict:
    """Builds a game and warms it up."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    built = GAMES[game](**options)
    _state.update(bare=built.step, period=built.period)
    for _ in range(3):
        losses = built.step()
    tensors = built.tensors()
    return {
        "versions": versions(torch=torch.__version__),
        "parameters": {player: sum(sizes) for player, sizes in tensors.items()},
        "tensors": tensors,
        "images_per_step": built.batch * built.batches_per_step,
        "losses": {name: float(value) for name, value in losses.items()},
    }


def enlarging(size: int, width: int, blocks: int, threads: int, layout: str) -> dict:
    """Builds SRResNet's generator and warms up a pass of one image of `size` by `size`."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    game = torch_enlarging.SRResNet(
        size=4 * size, width=width, blocks=blocks, batch=1, layout=layout
    )
    game.generator.networks.eval()
    _state["bare"] = game.upscale
    for _ in range(3):
        game.upscale()
    tensors = game.tensors()
    return {
        "versions": versions(torch=torch.__version__),
        "parameters": {player: sum(sizes) for player, sizes in tensors.items()},
        "tensors": tensors,
    }


def steps(seconds: float) -> tuple[int, float, float]:
    """Trains, or upscales, for about `seconds`: number of steps, their seconds and CPU seconds."""
    return timed_steps(_state["bare"], seconds, _state.get("period", 1))


def matmul(side: int, precision: str, seconds: float) -> float:
    """Floating-point operations per second of the product of two square matrices."""
    matrix = torch.rand(side, side).to(getattr(torch, precision))
    count, passed = repeat(lambda: matrix @ matrix, seconds)
    return 2.0 * side**3 * count / passed


if __name__ == "__main__":
    serve(
        {
            "setup": setup,
            "steps": steps,
            "enlarging": enlarging,
            "matmul": matmul,
        }
    )
