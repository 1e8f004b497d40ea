"""Translations that need no network: what a trained translator should be better than.

    python benchmarks/baselines.py DAY2NIGHT OUT --size 128
    python -m tfgan_suite measure OUT/AtoB/gamma --against DAY2NIGHT/testB --split train --size 128

Two curves are fitted on the training images of both domains, one per channel, for values in [0, 1]:
`constant`, y = c x with the quotient of the means, and `gamma`, y = x^g where g gives the mean of
the other domain. `unchanged` is the source itself. The translated test images are written as
folders of PNG files, OUT/AtoB/gamma and so on, which `measure` judges like any other images.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfgan_suite import InputError, data  # noqa: E402
from tfgan_suite.utils import image_grids  # noqa: E402
from tfgan_suite.utils.command_line import exit_code  # noqa: E402
from tfgan_suite.utils.files import user_path, writing_to  # noqa: E402

MOST = 10_000
# Exponents outside leave nothing of an image.
_SMALLEST, _LARGEST = 1 / 64, 64.0
Curve = Callable[[np.ndarray], np.ndarray]


def fit_constant(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The factor of every channel that gives the source the target's mean.

    Args:
        source, target: float `(n, height, width, channels)` in [0, 1].

    Returns:
        float64 `(channels,)`; 1 for a channel that is black.
    """
    means = [np.asarray(images, np.float64).mean(axis=(0, 1, 2)) for images in (source, target)]
    return np.where(means[0] > 0, means[1] / np.maximum(means[0], 1e-12), 1.0)


def fit_gamma(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The exponent of every channel that gives the source the target's mean.

    Args:
        source, target: as for `fit_constant`, in steps of 1/255.

    Returns:
        float64 `(channels,)`, from 1/64 to 64.
    """
    levels = np.arange(256) / 255.0
    exponents = []
    for channel in range(source.shape[-1]):
        values = np.rint(source[..., channel] * 255.0).astype(int).ravel()
        counts = np.bincount(values, minlength=256) / values.size
        mean = float(target[..., channel].mean(dtype=np.float64))
        low, high = np.log(_SMALLEST), np.log(_LARGEST)
        for _ in range(60):  # the mean falls as the exponent grows
            middle = (low + high) / 2
            darker = counts @ levels ** np.exp(middle) < mean
            low, high = (low, middle) if darker else (middle, high)
        exponents.append(np.exp((low + high) / 2))
    return np.array(exponents)


def curves(source: np.ndarray, target: np.ndarray) -> dict[str, Curve]:
    """The baselines by name, fitted on the training images of two domains.

    Args:
        source, target: float `(n, height, width, channels)` in [-1, 1].

    Returns:
        Functions of such images, float32 in [-1, 1].
    """
    source, target = (np.asarray(images, np.float32) * 0.5 + 0.5 for images in (source, target))
    factor, exponent = fit_constant(source, target), fit_gamma(source, target)

    def on_unit(curve: Curve) -> Curve:
        return lambda images: (
            np.clip(curve(np.clip(images * 0.5 + 0.5, 0, 1)), 0, 1) * 2 - 1
        ).astype(np.float32)

    return {
        "unchanged": lambda images: images,
        "constant": on_unit(lambda images: images * factor),
        "gamma": on_unit(lambda images: images**exponent),
    }


def write(spec: str, out: Path, size: int | None) -> list[Path]:
    """Writes the translated test images of both directions.

    Args:
        spec: the data, as for `data.load_unpaired`.
        out: folder for the results.
        size: side of the images.

    Returns:
        The folders that were written.

    Raises:
        InputError: the data cannot be read, or `out` cannot be written.
    """
    source = data.load_unpaired(spec, size=size)
    test, train = source.held_out(MOST), source.take(len(source))
    if train["domain_a"].ndim != 4:
        raise InputError(f"{spec} holds points; the baselines are curves for images")
    folders = []
    for direction, first, second in (
        ("AtoB", "domain_a", "domain_b"),
        ("BtoA", "domain_b", "domain_a"),
    ):
        for name, curve in curves(train[first], train[second]).items():
            folder = out / direction / name
            with writing_to(folder):
                folder.mkdir(parents=True, exist_ok=True)
                for index, image in enumerate(curve(test[first])):
                    pixels = np.rint((image + 1) * 127.5).astype(np.uint8)
                    image_grids.write_png(folder / f"{index:05d}.png", pixels)
            folders.append(folder)
    return folders


def main(words: list[str] | None = None) -> int:
    """Fits and writes; 2 with a one-line reason for bad input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a folder with trainA trainB testA testB, or another form")
    parser.add_argument("out", type=Path, help="folder for the translated images")
    parser.add_argument("--size", type=int, help="side of the images [64]")
    args = parser.parse_args(words)

    def command() -> None:
        for folder in write(args.data, user_path(args.out), args.size):
            print(folder)

    return exit_code("baselines.py", command)


if __name__ == "__main__":
    sys.exit(main())
