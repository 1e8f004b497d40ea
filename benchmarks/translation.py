"""How good translators are on the test split of their data, beside what needs no learning.

    python benchmarks/translation.py runs/pix2pix_facades runs/pix2pix_l1 --extractor squeezenet.npz
    python benchmarks/translation.py runs/cyclegan_day2night --extractor mobilenet_v2

Of pairs: the mean absolute difference from the targets, in [-1, 1], and FID and KID of the
translations against the targets, beside the `nearest` row: for every test image the target of
the training pair whose source is the nearest by pixels. Of data without pairs: FID and KID against
real images of the other domain, beside the `untranslated` row, for both directions. Features are
those of the named extractor, so that figures can be compared within one table only; FID of few
images is too high, KID is not. Lines of JSON with `--json`.
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

from tfgan_suite import InputError, data  # noqa: E402
from tfgan_suite.core.translation_game import TranslationGame  # noqa: E402
from tfgan_suite.features import extractors  # noqa: E402
from tfgan_suite.measures.fid import Moments, fid  # noqa: E402
from tfgan_suite.measures.kid import polynomial_mmd  # noqa: E402
from tfgan_suite.measures.memorisation import nearest_by_pixels  # noqa: E402
from tfgan_suite.training import launch  # noqa: E402
from tfgan_suite.training.run_folder import Run  # noqa: E402

MOST = 10_000
Describe = Callable[[np.ndarray], np.ndarray]


def rows(
    game: TranslationGame, source: data.Source, describe: Describe
) -> Iterator[dict[str, Any]]:
    """Figures of a trained game and of what needs no learning.

    Args:
        game: the trained game.
        source: the data that it was trained on.
        describe: features `(n, d)` of images.

    Yields:
        `{"row", "direction", "images", "fid", "kid"}`, of pairs also `"l1"`.

    Raises:
        InputError: the data have no test split.
    """
    test = source.held_out(MOST)
    sides = (game.takes, game.gives)
    known = {key: describe(test[key]) for key in sides if key != "source"}
    for signature, given in game.translations().items():
        wanted = sides[1] if given == sides[0] else sides[0]
        real = known[wanted]
        for name, made in _made(game, source, test, signature, given):
            row = {"row": name, "direction": f"{given} to {wanted}", "images": len(made)}
            if wanted == "target":
                row["l1"] = float(np.abs(made - test[wanted]).mean())
            features = known[given] if name == "untranslated" else describe(made)
            row["fid"] = fid(Moments.of(real), Moments.of(features)).value
            size = min(len(real), len(features))
            row["kid"] = polynomial_mmd(real[:size], features[:size])
            yield row


def _made(
    game: TranslationGame, source: data.Source, test: Mapping[str, np.ndarray], way: str, given: str
) -> Iterator[tuple[str, np.ndarray]]:
    yield "translated", game.translate(test[given], signature=way)
    if given == "source":
        known = source.take(len(source))
        found = nearest_by_pixels(test[given], known["source"], shifts=0)
        yield "nearest", known["target"][found.index]
    else:
        yield "untranslated", test[given]


def _measure(folder: Path, describe: Describe) -> list[dict[str, Any]]:
    run = Run(folder)
    game, args, _ = run.load()
    if not isinstance(game, TranslationGame):
        raise InputError(f"{folder} is a run of {type(game).__name__}, which translates nothing")
    source = launch.data_of(run, args)
    return [{"run": folder.name, **row} for row in rows(game, source, describe)]


def table(found: list[dict[str, Any]], extractor: str) -> str:
    """The rows as a Markdown table."""
    lines = [
        f"| run | images | n | L1 | FID ({extractor}) | KID |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in found:
        first = f"{row['l1']:.3f}" if "l1" in row else "-"
        lines.append(
            f"| {row['run']}, {row['direction']} | {row['row']} | {row['images']} | {first} |"
            f" {row['fid']:.4g} | {row['kid']:.4g} |"
        )
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Measures and prints; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of translators")
    parser.add_argument("--extractor", default="inception_v3", help="as for `measure`")
    parser.add_argument("--json", action="store_true", help="one JSON line for each row")
    args = parser.parse_args(words)
    try:
        extractor = extractors.load(args.extractor)
        found = [row for run in args.runs for row in _measure(run, extractor.features)]
    except InputError as error:
        print(f"translation.py: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    if args.json:
        facts = {"extractor": extractor.name, "weights": extractor.weights_hash}
        print("\n".join(json.dumps({**row, **facts}) for row in found))
    else:
        print(table(found, f"{extractor.name}, {extractor.weights_hash}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
