"""How good translators are on the test split of their data, compared with trivial baselines.

    python benchmarks/translation.py runs/pix2pix_facades runs/pix2pix_l1 --extractor squeezenet.npz
    python benchmarks/translation.py runs/cyclegan_day2night --extractor mobilenet_v2

With pairs: the mean absolute difference from the targets, in [-1, 1], and FID and KID of the
translations against the targets. The baseline is the `nearest` row: for every test image, the
target of the training pair with the nearest source by pixels. Without pairs: FID and KID against
real images of the other domain for both directions, with the `untranslated` images and those of
two curves that are fitted on the training sets (`baselines.py`) as baselines. As a ruler, `real`
compares one half of the real images with the other and `blurred` the blurred other half. Features
are those of the named extractor, so that figures are comparable within one table only; FID of few
images is biased upwards, KID is not. `--json` prints JSON lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import baselines  # noqa: E402

from tfgan_suite import InputError, data  # noqa: E402
from tfgan_suite.core.translation_game import TranslationGame  # noqa: E402
from tfgan_suite.features import extractors  # noqa: E402
from tfgan_suite.features.scale import scale_of  # noqa: E402
from tfgan_suite.measures import ruler  # noqa: E402
from tfgan_suite.measures.fid import Moments, fid  # noqa: E402
from tfgan_suite.measures.kid import polynomial_mmd  # noqa: E402
from tfgan_suite.measures.memorisation import nearest_by_pixels  # noqa: E402
from tfgan_suite.training import launch  # noqa: E402
from tfgan_suite.training.run_folder import Run  # noqa: E402
from tfgan_suite.utils import image_grids  # noqa: E402

MOST = 10_000
Describe = Callable[[np.ndarray], np.ndarray]


def rows(
    game: TranslationGame, source: data.Source, describe: Describe
) -> Iterator[dict[str, Any]]:
    """Figures of a trained game and of the baselines.

    Args:
        game: the trained game.
        source: the data that it was trained on.
        describe: features `(n, d)` of images.

    Yields:
        `{"row", "direction", "images", "fid", "kid"}`, with pairs also `"l1"`.

    Raises:
        InputError: the data have no test split.
    """
    test = source.held_out(MOST)
    sides = (game.takes, game.gives)
    real_features = {key: describe(test[key]) for key in sides if key != "source"}
    for signature, domain in game.translations().items():
        other = sides[1] if domain == sides[0] else sides[0]
        real = real_features[other]
        for name, outputs in _outputs(game, source, test, signature, domain):
            row = {"row": name, "direction": f"{domain} to {other}", "images": len(outputs)}
            if other == "target":
                row["l1"] = float(np.abs(outputs - test[other]).mean())
            features = real_features[domain] if name == "untranslated" else describe(outputs)
            row["fid"] = fid(Moments.of(real), Moments.of(features)).value
            size = min(len(real), len(features))
            row["kid"] = polynomial_mmd(real[:size], features[:size])
            yield row


def ruler_rows(
    game: TranslationGame, source: data.Source, describe: Describe
) -> Iterator[dict[str, Any]]:
    """One half of the real images against the other, as it is and blurred.

    Args:
        game, source, describe: as for `rows`.

    Yields:
        As `rows`; nothing for points, or where the test split has fewer than four images.
    """
    test = source.held_out(MOST)
    for key in sorted({game.gives, *game.translations().values()} - {"source"}):
        half = len(test[key]) // 2
        if half < 2 or test[key].ndim != 4:
            continue
        images = image_grids.to_uint8(test[key])
        features = describe(images[: 2 * half])
        fakes = {"real": features[half:], "blurred": describe(ruler.blur(images[half : 2 * half]))}
        for name, fake in fakes.items():
            distance = fid(Moments.of(features[:half]), Moments.of(fake)).value
            facts = {"row": name, "direction": key, "images": half}
            yield {**facts, "fid": distance, "kid": polynomial_mmd(features[:half], fake)}


def _outputs(
    game: TranslationGame,
    source: data.Source,
    test: Mapping[str, np.ndarray],
    signature: str,
    domain: str,
) -> Iterator[tuple[str, np.ndarray]]:
    yield "translated", game.translate(test[domain], signature=signature)
    if domain == "source":
        pairs = source.take(len(source))
        matches = nearest_by_pixels(test[domain], pairs["source"], shifts=0)
        yield "nearest", pairs["target"][matches.index]
    else:
        yield "untranslated", test[domain]
        if test[domain].ndim == 4:
            other = game.gives if domain == game.takes else game.takes
            train = source.take(len(source))
            fitted = baselines.curves(train[domain], train[other])
            for name in ("constant", "gamma"):
                yield name, fitted[name](test[domain])


def _measure(folder: Path, describe: Describe) -> list[dict[str, Any]]:
    run = Run(folder)
    game, args, _ = run.load()
    if not game.usage.startswith("translate "):
        raise InputError(
            f"{folder} is a run of {type(game).__name__}, which is not a translator; pass the run"
            " folder of one"
        )
    source = launch.data_of(run, args)
    figures = (*rows(game, source, describe), *ruler_rows(game, source, describe))
    return [{"run": folder.name, **row} for row in figures]


def table(results: list[dict[str, Any]], extractor: str) -> str:
    """The rows as a Markdown table."""
    lines = [
        f"| run | images | n | L1 | FID ({extractor}) | KID |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in results:
        first = f"{row['l1']:.3f}" if "l1" in row else "-"
        lines.append(
            f"| {row['run']}, {row['direction']} | {row['row']} | {row['images']} | {first} |"
            f" {row['fid']:.4g} | {row['kid']:.4g} |"
        )
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of translators")
    parser.add_argument("--extractor", default="inception_v3", help="as for `measure`")
    parser.add_argument("--json", action="store_true", help="one JSON line per row")
    args = parser.parse_args(words)
    try:
        extractor = extractors.load(args.extractor)
        scale = scale_of(extractor)
        results = [
            row
            for run in args.runs
            for row in _measure(run, lambda images: extractor.features(images) / scale)
        ]
    except InputError as error:
        print(f"translation.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    if args.json:
        facts = extractor.protocol()
        print("\n".join(json.dumps({**row, **facts}) for row in results))
    else:
        print(table(results, f"{extractor.name}, {extractor.weights_hash}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
