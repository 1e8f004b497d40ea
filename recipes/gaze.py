"""The value of refined eyes: a gaze predictor trained on them is tested on real eyes.

    python recipes/gaze.py runs/simgan_eyes              a run of recipes/simgan.py
    python recipes/gaze.py saved_models/simgan_eyes      or its export

The same predictor is trained three times, for the same number of steps from the same weights: on
the simulated images as they are (raw), on the same images refined, and on labelled real images
(oracle: an upper bound for any simulation). Each is tested on labelled real images that none was
trained on, and this is repeated for every seed. Refining helps if the error in the refined row is
below the raw one; it should stay above the oracle's. The recipe writes gaze.json into the run
folder and prints the mean error of each row and the fraction of images with an error up to
--within.

Errors are distances in units of the labels (for the embedded eyes, pixels of the pupil's position).
With `--labels vector` labels are gaze vectors, with `--labels angles` pitch and yaw in radians;
their errors are in degrees. Your own data need `real_test/` with labels. One half trains the
oracle, the other half is the test set; the embedded eyes have enough labels for both.

Paper (MPIIGaze): 62.3% of the images within 7 degrees with simulated training images, 69.4%
with refined, 87.2% with four times as many; mean error 11.2 degrees simulated, 7.8 refined. The
paper's predictor is --width 32 --dense 1000.
"""

import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tfgan_suite import InputError, data, export
from tfgan_suite.cli.arguments import run_program
from tfgan_suite.data.synthetic import eyes
from tfgan_suite.errors import must_be
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.networks.blocks import check_positive_integers
from tfgan_suite.training.run_folder import Run, versions
from tfgan_suite.utils import files
from tfgan_suite.utils.command_line import Parser
from tfgan_suite.utils.files import writing_to

import keras
import numpy as np

KINDS = ("raw", "refined", "oracle")
LABELS = ("distance", "vector", "angles")
_REAL_SEED = 101  # of the oracle's labelled real eyes, which are in no other set


def build_predictor(shape=(35, 55, 1), outputs=3, width=32, dense=1000):
    """The paper's predictor: five convolutions without padding, two pools, two dense layers.

    Args:
        shape: of the images, `(height, width, channels)`, 24 or more pixels each way.
        outputs: dimension of a label; paper 3, a gaze vector.
        width: channels of the first convolution; paper 32.
        dense: units before the output; paper 1000.

    Returns:
        Model from images in [-1, 1] to float32 `(batch, outputs)`. Its layer `"features"`
        has 9,600 outputs for the paper's images.

    Raises:
        InputError: the images are too small, or a width is not a positive integer.
    """
    check_positive_integers(outputs=outputs, width=width, dense=dense)
    if min(shape[:2]) < 24:
        raise InputError(f"images of {shape[0]}x{shape[1]}; the predictor needs at least 24x24")
    image = x = keras.Input(shape, name="image")
    for channels in (width, width, 2 * width):
        x = _convolution(channels)(x)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for channels in (5 * width // 2, 6 * width):
        x = _convolution(channels)(x)
    x = keras.layers.Flatten(name="features")(keras.layers.MaxPooling2D(2, 2)(x))
    x = Dense(dense, activation="relu", kernel_initializer="he_uniform")(x)
    label = Dense(outputs, dtype="float32", name="label")(x)
    return keras.Model(image, label, name="gaze_predictor")


def _convolution(channels):
    return Conv2D(channels, 3, activation="relu", kernel_initializer="he_uniform")


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images: float32 `(n, height, width, channels)` in [-1, 1] and `(n, k)`."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        if len(self.images) != len(self.labels):
            raise InputError(f"{len(self.images)} images with {len(self.labels)} labels")


def errors(predicted, labels, kind):
    """The error of each prediction.

    Args:
        predicted, labels: `(n, k)`.
        kind: `"distance"` (Euclidean, in units of the labels), `"vector"` (angle in degrees
            between vectors of three numbers) or `"angles"` (the same for pitch and yaw in
            radians).

    Returns:
        float64 `(n,)`.

    Raises:
        InputError: the kind is unknown, or the labels have the wrong dimension.
    """
    if kind not in LABELS:
        raise InputError(f"--labels is {kind!r}; {must_be(kind, LABELS)}")
    needed = {"vector": 3, "angles": 2}.get(kind, labels.shape[1])
    if labels.shape[1] != needed:
        raise InputError(
            f"--labels {kind} needs {needed} numbers per image; these labels have {labels.shape[1]}"
        )
    first, second = np.asarray(predicted, np.float64), np.asarray(labels, np.float64)
    if kind == "distance":
        return np.linalg.norm(first - second, axis=1)
    if kind == "angles":
        first, second = _directions(first), _directions(second)
    # From the tangent of the angle: its cosine is flat near 0.
    across = np.linalg.norm(np.cross(first, second), axis=1)
    return np.degrees(np.arctan2(across, np.sum(first * second, axis=1)))


def _directions(angles):
    """Unit vectors of pitch and yaw."""
    pitch, yaw = angles.T
    return np.stack([np.cos(pitch) * np.sin(yaw), np.sin(pitch), np.cos(pitch) * np.cos(yaw)], 1)


def train(examples, options, seed):
    """A predictor trained on images, as a function from images to labels.

    Labels are scaled to mean 0 and standard deviation 1 in training; the learning rate follows a
    cosine decay.
    """
    keras.utils.set_random_seed(seed)
    mean, deviation = examples.labels.mean(0), np.maximum(examples.labels.std(0), 1e-6)
    shape, outputs = examples.images.shape[1:], examples.labels.shape[1]
    network = build_predictor(shape, outputs, options.width, options.dense)
    learning_rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.steps)
    network.compile(keras.optimizers.Adam(learning_rate), "mse", jit_compile=False)
    network.fit(
        _batches(examples, mean, deviation, options, seed), steps_per_epoch=options.steps, verbose=0
    )

    def predict(images):
        return network.predict(images, batch_size=256, verbose=0) * deviation + mean

    return predict


def _batches(examples, mean, deviation, options, seed):
    """Infinitely many batches, sampled with replacement, whatever the number of images."""
    generator, scaled = np.random.default_rng(seed), (examples.labels - mean) / deviation
    while True:
        indices = generator.integers(0, len(scaled), min(options.batch, len(scaled)))
        yield examples.images[indices], scaled[indices].astype("f4")


def split(source, count):
    """The three sets of the experiment.

    Args:
        source: of `data.load_simulated`.
        count: largest number of simulated images.

    Returns:
        Simulated images, real ones for the oracle, and real ones for the test: `Images`.

    Raises:
        InputError: labels are missing, or there are too few labelled real images.
    """
    examples = source.take(min(count, source.lengths["simulated"]))
    if "label" not in examples:
        raise InputError(
            f"the simulated images of {source.name} have no labels; put a labels.csv beside them"
        )
    size = min(count, source.lengths["simulated"])
    simulated = Images(examples["simulated"][:size], examples["label"][:size])
    held_out = source.held_out(10_000)
    real = Images(held_out["real"], held_out["real_label"])
    if source.report is eyes.report:
        generated = eyes.generate(size, source.shape[:2], _REAL_SEED, real=True)
        return simulated, Images(generated.images / np.float32(127.5) - 1.0, generated.pupil), real
    half = len(real.labels) // 2
    if half < 1:
        raise InputError(
            f"{source.name} has {len(real.labels)} labelled real images; at least 2 are needed"
        )
    # Every second image: neighbours in a folder often show the same person.
    oracle, test = (Images(real.images[i::2], real.labels[i::2]) for i in (0, 1))
    return simulated, oracle, test


def experiment(source, refine, options, log=print):
    """Trains the predictors and measures them.

    Args:
        source: of `data.load_simulated`.
        refine: function from simulated images to refined ones.
        options: the flags.
        log: receives a line for every trained predictor.

    Returns:
        `{"labels", "within", "trained_on": {kind: images}, "tested_on", "rows": {kind:
        {"mean", "median", "within": over the seeds, "by_seed": [means]}}}`.

    Raises:
        InputError: labels are missing or have the wrong dimension.
    """
    simulated, oracle, test = split(source, options.count)
    kind, within = options.labels, options.within
    if kind is None:
        kind = "vector" if test.labels.shape[1] == 3 else "distance"
    if within is None:
        within = 1.0 if kind == "distance" else 7.0
    errors(test.labels, test.labels, kind)  # fail before the long part
    refined = Images(np.asarray(refine(simulated.images), np.float32), simulated.labels)
    training_sets = dict(zip(KINDS, (simulated, refined, oracle)))
    results = {name: [] for name in KINDS}
    for seed in range(options.seeds):
        for name, examples in training_sets.items():
            predict = train(examples, options, seed)
            results[name].append(errors(predict(test.images), test.labels, kind))
            log(f"seed {seed}, {name:8s} mean error {results[name][-1].mean():.3f}")
    return {
        "labels": kind,
        "within": within,
        "trained_on": {name: len(examples.labels) for name, examples in training_sets.items()},
        "tested_on": len(test.labels),
        "rows": {name: _summary(by_seed, within) for name, by_seed in results.items()},
    }


def _summary(by_seed, within):
    pooled = np.concatenate(by_seed)
    return {
        "mean": float(pooled.mean()),
        "median": float(np.median(pooled)),
        "within": float(np.mean(pooled <= within)),
        "by_seed": [float(values.mean()) for values in by_seed],
    }


def table(results):
    """The results as a table."""
    unit = "" if results["labels"] == "distance" else " degrees"
    column = f"within {results['within']:g}{unit}"
    lines = [f"{'trained on':12s}{'images':>9s}{'mean':>9s}{'median':>9s}  {column}"]
    for name, row in results["rows"].items():
        lines.append(
            f"{name:12s}{results['trained_on'][name]:9d}{row['mean']:9.3f}{row['median']:9.3f}"
            f"  {row['within']:.1%}"
        )
    raw, refined = (results["rows"][name]["mean"] for name in ("raw", "refined"))
    seeds = zip(results["rows"]["raw"]["by_seed"], results["rows"]["refined"]["by_seed"])
    better = [b < a for a, b in seeds]
    lines.append(
        f"errors on {results['tested_on']} real images; refining changes the mean error by"
        f" {refined / raw - 1:+.1%} (lower in {sum(better)} of {len(better)} seeds)"
    )
    return "\n".join(lines)


def open_refiner(source) -> tuple[Callable, str, tuple[int, ...], Path]:
    """A trained refiner: its function, its data, the shape of its images, and its folder.

    Args:
        source: run folder or export.

    Raises:
        InputError: it is neither of the two, or belongs to another game.
    """
    folder = Path(source)
    if (folder / "run.json").is_file():
        game, options, info = Run(folder).load()
        if getattr(game, "takes", "") != "simulated":
            raise InputError(f"{folder} is a run of {type(game).__name__}; pass a run of simgan")
        refine = functools.partial(game.translate, batch=64)
        return refine, options.data, info.shape, folder
    exported = export.load(folder)
    constants = exported.card.get("constants", {})
    if exported.card.get("game") != "simgan":
        raise InputError(f"{folder} is an export of {exported.card.get('game')}, not of simgan")

    def refine(images):
        parts = [images[start : start + 64] for start in range(0, len(images), 64)]
        return np.concatenate([exported(image=part) for part in parts])

    shape = tuple(exported.card.get("shape", (35, 55, 1)))
    return refine, constants.get("data", ""), shape, exported.path


def parser():
    """The flags."""
    parser = Parser(prog="gaze.py", description=__doc__, plain=True)
    parser.add_argument("refiner", help="run folder or export of recipes/simgan.py")
    parser.add_argument("--data", help="labelled data [that of the refiner]")
    parser.add_argument("--bit-depth", type=int, help="significant bits of 16-bit images")
    parser.add_argument("--labels", help="distance, vector or angles [by their dimension]")
    parser.add_argument(
        "--within", type=float, help="error bound of the last column [1; 7 degrees]"
    )
    parser.add_argument("--seeds", type=int, default=3, help="repetitions [3]")
    parser.add_argument("--steps", type=int, default=600, help="training steps per predictor [600]")
    parser.add_argument("--batch", type=int, default=64, help="images in a batch [64]")
    parser.add_argument(
        "--learning-rate", type=float, default=1e-3, help="Adam's initial learning rate [0.001]"
    )
    parser.add_argument("--width", type=int, default=8, help="channels of the first layer [8]")
    parser.add_argument("--dense", type=int, default=64, help="units of the dense layer [64]")
    parser.add_argument(
        "--count", type=int, default=20_000, help="largest number of simulated images [20000]"
    )
    parser.add_argument("--out", help="file [gaze.json in the refiner's folder]")
    return parser


def main(words=None):
    """Runs the experiment; returns the exit code."""
    options = parser().parse_args(words)
    return run_program("gaze.py", _main, options)


def _main(options):
    start = time.monotonic()
    for name in ("seeds", "steps", "batch", "width", "dense", "count"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}; it must be at least 1")
    refine, spec, shape, folder = open_refiner(options.refiner)
    if options.data is not None:
        spec = options.data
    source = data.load_simulated(
        spec, size=shape[:2], channels=shape[2], bit_depth=options.bit_depth
    )
    results = experiment(source, refine, options)
    facts = {
        "refiner": str(folder),
        "data": source.name,
        "fingerprint": source.fingerprint,
        "constants": vars(options),
        "seconds": round(time.monotonic() - start, 1),
        "versions": versions(),
    }
    out = folder / "gaze.json" if options.out is None else Path(options.out)
    with writing_to(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(out, (json.dumps({**results, **facts}, indent=2) + "\n").encode())
    print(table(results))
    print(f"wrote {out} ({facts['seconds']:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
