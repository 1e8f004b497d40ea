"""How long opening a folder of images takes at the first start and, from the cache, at the second.

    python benchmarks/folder_start.py                      5,000 JPEG files of 256x256, to 64x64
    python benchmarks/folder_start.py --files 100000 --size 32

The files are generated in a temporary folder. Both starts follow each other, so that their ratio
does not depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.pipeline import decoded_cache, decoding


def generate(folder: Path, count: int, side: int) -> None:
    """Writes JPEG files of smooth noise, of two classes."""
    draws = np.random.RandomState(0)
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
    for number in range(count):
        coarse = draws.randint(0, 256, (16, 16, 3)).astype("u1")
        image = Image.fromarray(coarse).resize((side, side))
        image.save(folder / "ab"[number % 2] / f"{number}.jpg", quality=90)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--side", type=int, default=256, help="of the files")
    parser.add_argument("--size", type=int, default=64, help="of the images in a batch")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        generate(Path(home) / "images", flags.files, flags.side)
        seconds, batches = [], []
        with decoding.reporting(), decoded_cache.using(Path(home) / "cache"):
            for _ in range(2):
                start = time.perf_counter()
                source = data.load(Path(home) / "images", size=flags.size)
                seconds.append(time.perf_counter() - start)
                batches.append(source.take(min(64, flags.files))["image"])
        same = np.array_equal(*batches)
    first, second = seconds
    print(
        f"{flags.files} files: first start {first:.2f} s, second {second:.2f} s,"
        f" {first / second:.0f} times faster; same bits: {same}"
    )


if __name__ == "__main__":
    main()
