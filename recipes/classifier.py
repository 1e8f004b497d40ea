"""A small classifier of your labelled data, whose features measure generators if no pretrained
network can be downloaded.

    python recipes/classifier.py --data /usr/share/datasets/fashion-mnist
    python recipes/classifier.py --data shapes
    python recipes/classifier.py --data PHOTOS --size 64       one subfolder per class

It writes classifiers/NAME.keras and NAME.json beside it, a card with the accuracy on the test
split (without a test split: on a tenth of the data that is not trained on). Then

    python -m tfgan_suite measure runs/RUN --against DATA --extractor classifiers/NAME.keras

uses the layer `features` (128 dimensions) for FID, KID, precision and recall, and `logits` for the
Inception score. Train it once and keep the file: values of two classifiers cannot be compared,
which is why every result states its name and the hash of its weights. Pass the size that the games
are trained at; other images are resized to that of the classifier.
"""

import json
import sys
import time
from pathlib import Path

from tfgan_suite import InputError, compat, data
from tfgan_suite.cli.arguments import run_program
from tfgan_suite.features import extractors
from tfgan_suite.layers.convolution import Conv2D, Dense
from tfgan_suite.training.run_folder import versions
from tfgan_suite.utils import files, image_grids
from tfgan_suite.utils.command_line import Parser
from tfgan_suite.utils.files import writing_to
from tfgan_suite.utils.learning_rates import check_learning_rate

import keras
import numpy as np


def build_classifier(shape, classes, width=32, features=128):
    """Four convolutions with batch norm, a mean over space, then features and logits.

    Args:
        shape: of the images, `(height, width, channels)`.
        classes: number of classes.
        width: channels of the first convolution; the next have 2, 3 and 4 times as many.
        features: length of the feature vector.

    Returns:
        Model from images in [-1, 1] to logits `(batch, classes)`; layers `"features"` and
        `"logits"`.
    """
    image = keras.Input(shape, name="image")
    x = image
    for factor, kernel, stride in ((1, 5, 2), (2, 3, 2), (3, 3, 1), (4, 3, 2)):
        x = Conv2D(factor * width, kernel, stride, "same", use_bias=False)(x)
        x = keras.layers.ReLU()(compat.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = Dense(features, activation="relu", name="features")(x)
    logits = Dense(classes, name="logits")(keras.layers.Dropout(0.2)(x))
    return keras.Model(image, logits, name="classifier")


def load_both(options):
    """Training source, test source, and a description of the test set."""
    train = data.load(options.data, size=options.size, bit_depth=options.bit_depth)
    if train.classes is None or len(train.classes) < 2 or len(train.shape) != 3:
        raise InputError(
            f"{train.name} has no classes of images to learn; pass labelled images: one "
            "subfolder per class, an .npz with labels, IDX files, tfds:NAME or shapes"
        )
    try:
        test = data.load(options.data, size=options.size, split="test", bit_depth=train.bit_depth)
        if test.classes == train.classes[: len(test.classes or ())]:
            return train, test, "test split"
    except InputError:
        pass  # no such split
    if len(train) < 20:
        raise InputError(f"{train.name} has {len(train)} images; training needs 20 or more")
    batch = min(250, len(train) // 10)
    parts = [
        (image_grids.to_uint8(examples["image"].numpy()), examples["label"].numpy())
        for examples in train.batches(batch, seed=0).take(len(train) // batch)
    ]
    pixels, labels = (np.concatenate(column) for column in zip(*parts))
    test_count = len(pixels) // 10
    train, test = (
        data.ArraySource(train.name, pixels[part], labels[part], classes=train.classes)
        for part in (slice(test_count, None), slice(test_count))
    )
    return train, test, "a tenth of the data, not trained on"


def fit(network, source, options):
    """Trains with Adam and a cosine learning-rate decay to 0."""
    learning_rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(
        keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"], jit_compile=False
    )
    interval = -(-options.steps // 5)
    for start in range(0, options.steps, interval):
        batches = source.batches(
            min(options.batch, len(source)),
            seed=options.seed,
            start=start,
            horizontal_flip=options.horizontal_flip,
        )
        network.fit(
            batches.map(lambda batch: (batch["image"], batch["label"])),
            steps_per_epoch=min(interval, options.steps - start),
            shuffle=False,  # the batches are shuffled
            verbose=1 if sys.stdout.isatty() else 2,
        )


def accuracy(network, source, most=10_000):
    """Fraction of a source's images that are classified correctly, and the number of images."""
    examples = source.take(min(most, len(source)), seed=0)
    predicted = network.predict(examples["image"], batch_size=500, verbose=0).argmax(axis=1)
    return float(np.mean(predicted == examples["label"])), len(predicted)


def parser():
    """The flags."""
    parser = Parser(prog="classifier.py", description=__doc__, plain=True)
    parser.add_argument("--data", default="shapes", help="labelled data [shapes]")
    parser.add_argument("--size", type=int, help="height and width [that of the data]")
    parser.add_argument("--bit-depth", type=int, help="significant bits of 16-bit images")
    parser.add_argument("--steps", type=int, default=1500, help="training steps [1500]")
    parser.add_argument("--batch", type=int, default=128, help="images in a batch [128]")
    parser.add_argument(
        "--learning-rate", type=float, default=2e-3, help="Adam's initial learning rate [0.002]"
    )
    parser.add_argument("--width", type=int, default=32, help="channels of the first layer [32]")
    parser.add_argument("--features", type=int, default=128, help="dimension of the features [128]")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data order [0]")
    parser.add_argument(
        "--horizontal-flip",
        action="store_true",
        help="flip each image left to right with probability 0.5",
    )
    parser.add_argument("--out", help="file [classifiers/DATA.keras]")
    return parser


def main(words=None):
    """Trains, tests and saves; returns the exit code."""
    options = parser().parse_args(words)
    return run_program("classifier.py", _main, options)


def _main(options):
    start = time.monotonic()
    for name in ("steps", "batch", "width", "features"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}; it must be at least 1")
    check_learning_rate(options.learning_rate, "--learning-rate")
    if options.size is not None and options.size < 1:
        raise InputError(f"--size is {options.size}; it must be at least 1")
    train, test, tested_on = load_both(options)
    out = Path(f"classifiers/{train.name}.keras" if options.out is None else options.out)
    if out.suffix != ".keras":
        raise InputError(f"--out is {out}; pass a file that ends with .keras")
    with writing_to(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    network = build_classifier(train.shape, len(train.classes), options.width, options.features)
    fit(network, train, options)
    correct, tested = accuracy(network, test)
    with writing_to(out.parent), files.replacing(out) as part:
        network.save(part)
    card = {
        "name": out.stem,
        "data": train.name,
        "fingerprint": train.fingerprint,
        "classes": train.classes,
        "shape": train.shape,
        "range": "[-1, 1]",
        "layers": {"features": "features", "predictions": "logits"},
        "accuracy": correct,
        "accuracy_on": tested_on,
        "tested": tested,
        "constants": vars(options),
    }
    card["weights"] = extractors.load(f"{out}:features").weights_hash
    card |= {"seconds": round(time.monotonic() - start, 1), "versions": versions()}
    with writing_to(out.parent):
        files.write_bytes(out.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())
    print(f"accuracy {correct:.2%} on {tested} images ({tested_on})")
    print(f"wrote {out} (weights {card['weights']}) and {out.with_suffix('.json')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
