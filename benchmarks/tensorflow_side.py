"""The worker that measures the suite; `speed.py` starts it."""

from __future__ import annotations

import contextlib
import io
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from protocol import repeat, serve  # noqa: E402
from work import step_flops  # noqa: E402

from tfgan_suite import compat, data  # noqa: E402
from tfgan_suite.games import dcgan, wgan_gp  # noqa: E402
from tfgan_suite.optimizers import FusedAdam  # noqa: E402

_state = {}


def make_game(game: str, size: int, width: int, kernel: int) -> keras.Model:
    """A compiled game."""
    if game == "dcgan":
        shared = {"size": size, "width": width, "kernel": kernel}
        made = dcgan.DCGAN(dcgan.build_generator(**shared), dcgan.build_critic(**shared))
        rates = (2e-4, 0.5)
    else:
        shared = {"shape": (size, size, 3), "architecture": "conv", "width": width}
        made = wgan_gp.WGANGP(wgan_gp.build_generator(**shared), wgan_gp.build_critic(**shared))
        rates = (2e-4, 0.0, 0.9)
    made.compile(generator=FusedAdam(*rates), critic=FusedAdam(*rates))
    return made


def setup(
    game: str, size: int, width: int, kernel: int, batch: int, precision: str, threads: int
) -> dict:
    """Builds a game, compiles its step and warms it up."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    compat.set_precision(precision)
    keras.utils.set_random_seed(0)
    made = make_game(game, size, width, kernel)
    images = batch * made.batches_per_step
    pictures = {"image": tf.random.stateless_uniform((images, size, size, 3), [0, 1], -1.0, 1.0)}
    compiled = tf.function(made.train_step)
    _state.update(game=made, size=size, images=images, bare=lambda: compiled(pictures))
    for _ in range(3):
        losses = compiled(pictures)
    return {
        "version": f"tensorflow {tf.__version__}, keras {keras.__version__}",
        "parameters": {
            player: sum(int(np.prod(v.shape)) for net in nets for v in net.trainable_variables)
            for player, nets in made.players().items()
        },
        "images_per_step": images,
        "flops_per_step": step_flops(game, made.generator, made.critic, batch),
        "losses": {name: float(np.mean(value)) for name, value in losses.items()},
    }


def steps(seconds: float) -> tuple[int, float]:
    """Trains through the bare compiled step for so many seconds: steps and seconds."""
    return repeat(_state["bare"], seconds)


def load() -> None:
    """Loads the embedded pictures and compiles `fit`'s step."""
    _state["source"] = data.load("shapes", size=_state["size"])
    _fit(2)


def fit_overhead(seconds: float, rounds: int) -> float:
    """How much longer a step takes in `fit` than alone, as a share: median of the rounds.

    `fit` is timed from the end of its first step to the end of training, over two epochs.
    """
    shares = []
    for _ in range(rounds):
        count, passed = steps(seconds)
        shares.append(_fit(max(2, count)) / (passed / count) - 1.0)
    return statistics.median(shares)


def input_images(seconds: float) -> float:
    """Images a second of the input pipeline alone."""
    batches = iter(_batches())
    for _ in range(5):  # what was fetched ahead
        next(batches)
    count, passed = repeat(lambda: next(batches), seconds)
    return _state["images"] * count / passed


def matmul(side: int, precision: str, seconds: float) -> float:
    """Floating-point operations a second of the product of two square matrices."""
    matrix = tf.cast(tf.random.stateless_uniform((side, side), [0, 1]), precision)
    product = tf.function(tf.matmul)
    product(matrix, matrix)
    count, passed = repeat(lambda: product(matrix, matrix), seconds)
    return 2.0 * side**3 * count / passed


def _batches() -> tf.data.Dataset:
    return data.distribute(_state["source"], None, _state["images"], seed=0)


class _Clock(keras.callbacks.Callback):
    """When the first step and when training ended."""

    def __init__(self):
        super().__init__()
        self.first = self.last = 0.0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.first = self.first or time.perf_counter()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.last = time.perf_counter()


def _fit(count: int) -> float:
    """Seconds a step of about so many steps in `fit`, in two epochs."""
    clock, each = _Clock(), max(1, (count + 1) // 2)
    with contextlib.redirect_stdout(io.StringIO()):
        _state["game"].fit(
            _batches(), epochs=2, steps_per_epoch=each, callbacks=[clock], verbose=2
        )
    return (clock.last - clock.first) / (2 * each - 1)


if __name__ == "__main__":
    serve(
        {
            "setup": setup,
            "steps": steps,
            "load": load,
            "fit_overhead": fit_overhead,
            "input_images": input_images,
            "matmul": matmul,
        }
    )
