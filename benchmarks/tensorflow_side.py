"""The worker that measures the suite; `speed.py` starts it."""

from __future__ import annotations

import contextlib
import io
import math
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from protocol import repeat, serve, timed_steps, versions  # noqa: E402
from tensorflow_games import CLASSES, SCALE, TEXT_DIM, make_game  # noqa: E402
from work import step_flops  # noqa: E402

from tfgan_suite import compat, data  # noqa: E402
from tfgan_suite.export import export  # noqa: E402
from tfgan_suite.networks import talking  # noqa: E402
from tfgan_suite.training import strategies  # noqa: E402

_state = {}


def tensors(built: keras.Model) -> dict[str, list[int]]:
    """Sizes of the trainable tensors of each player, in ascending order."""
    return {
        player: sorted(math.prod(v.shape) for net in nets for v in net.trainable_variables)
        for player, nets in built.players().items()
    }


def setup(
    game: str,
    size: int,
    batch: int,
    precision: str,
    threads: int,
    replicas: int = 1,
    cores: int | None = None,
    first_core: int = 0,
    **network: int,
) -> dict:
    """Builds a game, compiles its step and warms it up.

    Args:
        game, size, batch, **network: the setting; the batch is that of all replicas.
        precision: `"float32"` or `"bfloat16"`.
        threads: of TensorFlow.
        replicas: of a mirrored strategy on the processor; 1: no strategy.
        cores: of this machine that the process may use; `None`: all.
        first_core: the first of them.
    """
    if cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(first_core, first_core + cores))
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    compat.set_precision(precision)
    keras.utils.set_random_seed(0)
    strategy = strategies.get("one" if replicas == 1 else f"mirrored:{replicas}")
    with strategy.scope():
        made = make_game(game, size=size, **network)
    count = batch * made.batches_per_step
    images = {
        key: tf.random.stateless_uniform((count, *shape), [0, number], -1.0, 1.0)
        for number, (key, shape) in enumerate(_shapes(game, made, size).items(), 1)
    }
    if game == "cgan":
        images["label"] = tf.random.stateless_uniform((count,), [0, 0], 0, CLASSES, tf.int32)
    # As `fit` traces it.
    compiled = tf.function(made.train_step, autograph=False)
    if replicas > 1:
        images = strategy.experimental_distribute_values_from_function(
            lambda context: {
                key: tf.split(part, replicas)[context.replica_id_in_sync_group]
                for key, part in images.items()
            }
        )
        compiled = tf.function(lambda x: strategy.run(made.train_step, (x,)), autograph=False)
    _state.update(name=game, game=made, size=size, images=count, bare=lambda: compiled(images))
    _state["period"] = _period(made)
    for _ in range(3):
        losses = compiled(images)
    found, networks = tensors(made), [player[0] for player in made.players().values()]
    taken = size // SCALE if game == "srresnet" else size
    return {
        "versions": versions(tensorflow=tf.__version__, keras=keras.__version__),
        "parameters": {player: sum(sizes) for player, sizes in found.items()},
        "tensors": found,
        "images_per_step": count,
        "flops_per_step": step_flops(game, *[*networks, None][:2], batch, taken, made),
        "losses": {
            name: float(np.mean([np.mean(part) for part in strategy.experimental_local_results(v)]))
            for name, v in losses.items()
        },
    }


def _period(made: keras.Model) -> int:
    """Steps after which their costs repeat: those of lazy regularization."""
    options = getattr(made, "regularization", None)
    return options.r1_every if options and (options.r1_weight or options.r2_weight) else 1


def _shapes(game: str, made: keras.Model, size: int) -> dict[str, tuple[int, ...]]:
    """Of each part of a batch, without the batch."""
    if game == "gan_cls":
        return {
            key: (TEXT_DIM,) if key.endswith("embedding") else (size, size, 3)
            for key in made.batch_keys
        }
    if game == "wav2lip":
        frames, mel = (talking.FRAMES, size, size, 3), talking.MEL_SHAPE
        return {
            "target": frames, "reference": frames, "mels": (talking.FRAMES, *mel), "mel": mel
        }  # fmt: skip
    first = size // SCALE if game == "srresnet" else size
    sides = [first] + [size] * (len(made.batch_keys) - 1)
    return {key: (side, side, 3) for key, side in zip(made.batch_keys, sides)}


def export_enlarging(size: int, width: int, blocks: int, folder: str) -> dict:
    """Builds SRResNet's generator and exports it.

    Args:
        size: height and width of the input image.
        width, blocks: as for `setup`.
        folder: folder of the export.

    Returns:
        As `setup`, with the paths of the `saved_model` and of the `tflite` file.
    """
    keras.utils.set_random_seed(0)
    made = make_game("srresnet", size=size * SCALE, width=width, blocks=blocks)
    formats = ["saved_model", "tflite_float32"]
    exported = export(
        made, folder, name="srresnet", formats=formats, size=(size, size), warmup=False
    )
    found = tensors(made)
    return {
        "versions": versions(tensorflow=tf.__version__, keras=keras.__version__),
        "parameters": {player: sum(sizes) for player, sizes in found.items()},
        "tensors": found,
        "saved_model": str(exported.path),
        "tflite": str(next(exported.path.rglob("*float32.tflite"))),
    }


def enlarging(path: str, size: int, threads: int) -> dict:
    """Opens a SavedModel as a server does and warms up a pass of one image.

    Args:
        path: of the SavedModel.
        size: height and width of the input image.
        threads: as for `setup`.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    # A reference: without the model, its variables would be deleted.
    _state["model"] = tf.saved_model.load(path)
    served = _state["model"].signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    inputs = {name: tf.random.stateless_uniform((1, size, size, 3), [0, 1], -1.0, 1.0)}
    _state["bare"] = lambda: served(**inputs)
    for _ in range(3):
        _state["bare"]()
    return {"versions": versions(tensorflow=tf.__version__, keras=keras.__version__)}


def steps(seconds: float) -> tuple[int, float, float]:
    """Repeats the bare compiled step or pass for about `seconds`: count, seconds, CPU seconds."""
    return timed_steps(_state["bare"], seconds, _state.get("period", 1))


def load() -> None:
    """Loads embedded images and compiles `fit`'s step.

    Translators augment theirs as their papers do: an eighth larger, random crop and flip.
    """
    size = _state["size"]
    if _state["name"] == "pix2pix":
        _state["source"] = data.load_pairs("textures", size=size, random_crop=size // 8)
    elif _state["name"] == "cyclegan":
        _state["source"] = data.load_unpaired("colours", size=size, random_crop=size // 8)
    elif _state["name"] == "srresnet":
        _state["source"] = data.load_super_resolution("scenes", scale=SCALE, crop=size)
    elif _state["name"] == "gan_cls":
        _state["source"] = data.load_captions("captions", size=size, embedding=_vectors)
    elif _state["name"] == "wav2lip":
        _state["source"] = data.load_talking("talking", size=size, task="dub")
    else:
        _state["source"] = data.load("shapes", size=size)
    _fit(2)


def _vectors(texts: list[str]) -> np.ndarray:
    """Vectors of sentences, which cost nothing during training."""
    return np.random.default_rng(0).normal(size=(len(texts), TEXT_DIM)).astype(np.float32)


def fit_overheads(seconds: float, rounds: int) -> list[tuple[float, float]]:
    """Relative overheads of a step in `fit` over the bare step, in turn with it.

    `fit` is timed from the end of its first step, or first period of steps, to the end of training,
    over two epochs.

    Returns:
        Of each round that of wall seconds and that of CPU seconds.
    """
    overheads = []
    for _ in range(rounds):
        count, *bare = steps(seconds)
        wall, cpu = (in_fit / (alone / count) - 1.0 for in_fit, alone in zip(_fit(count), bare))
        overheads.append((wall, cpu))
    return overheads


def input_images(seconds: float) -> float:
    """Images per second of the input pipeline alone."""
    batches = iter(_batches())
    for _ in range(5):  # prefetched batches
        next(batches)
    count, passed = repeat(lambda: next(batches), seconds)
    return _state["images"] * count / passed


def matmul(side: int, precision: str, seconds: float) -> float:
    """Floating-point operations per second of the product of two square matrices."""
    matrix = tf.cast(tf.random.stateless_uniform((side, side), [0, 1]), precision)
    product = tf.function(tf.matmul)
    product(matrix, matrix)
    count, passed = repeat(lambda: product(matrix, matrix), seconds)
    return 2.0 * side**3 * count / passed


def _batches() -> tf.data.Dataset:
    horizontal_flip = _state["game"].takes_examples
    return data.distribute(
        _state["source"], None, _state["images"], seed=0, horizontal_flip=horizontal_flip
    )


class _Clock(keras.callbacks.Callback):
    """Wall and CPU seconds at which the first period of steps and training ended."""

    def __init__(self, period: int):
        super().__init__()
        self.period, self.count = period, 0
        self.first = self.last = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.count += 1
        if self.count == self.period:
            self.first = time.perf_counter(), time.process_time()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.last = time.perf_counter(), time.process_time()


def _fit(count: int) -> tuple[float, float]:
    """Wall and CPU seconds per step of about `count` steps in `fit`, over two epochs.

    Both the steps and those before the clock starts are whole periods.
    """
    period = _state["period"]
    each, clock = -(-count // (2 * period)) * period, _Clock(period)
    with contextlib.redirect_stdout(io.StringIO()):
        _state["game"].fit(_batches(), epochs=2, steps_per_epoch=each, callbacks=[clock], verbose=2)
    timed = 2 * each - period
    wall, cpu = ((end - start) / timed for start, end in zip(clock.first, clock.last))
    return wall, cpu


if __name__ == "__main__":
    serve(
        {
            "setup": setup,
            "export_enlarging": export_enlarging,
            "enlarging": enlarging,
            "steps": steps,
            "load": load,
            "fit_overheads": fit_overheads,
            "input_images": input_images,
            "matmul": matmul,
        }
    )
