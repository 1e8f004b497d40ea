"""The table of docs/speed.md from the files that `speed.py --output` wrote.

    python benchmarks/tables.py machine.json                          prints it
    python benchmarks/tables.py machine.json --write docs/speed.md    rewrites the page's table

Rows are ordered by game, TensorFlow version and precision. Of results of the same thing in several
files the latest counts. With the results of several machines the first column names the machine.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import records  # noqa: E402
from comparison import markdown, rate  # noqa: E402

from tfgan_suite.errors import InputError  # noqa: E402
from tfgan_suite.utils.files import failure_reason, write_bytes  # noqa: E402

TITLES = {
    "dcgan": "DCGAN",
    "wgan_gp": "WGAN-GP",
    "sngan": "SN-GAN",
    "infogan": "InfoGAN",
    "pix2pix": "pix2pix",
    "cyclegan": "CycleGAN",
    "srresnet": "SRResNet",
    "cgan": "CGAN",
    "gan_cls": "GAN-CLS",
    "wav2lip": "Wav2Lip",
    "stylegan2": "StyleGAN2",
}
HEADER = (
    "game", "stack", "precision", "images/s", "PyTorch images/s", "ratio", "CPU ratio",
    "`fit` overhead",
)  # fmt: skip
PRECISIONS = ("float32", "bfloat16")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE.json", help="of speed.py --output")
    parser.add_argument(
        "--write", metavar="PAGE.md", help="replaces the table of this page instead of printing it"
    )
    return parser.parse_args(arguments)


def table(files: Sequence[dict[str, Any]]) -> str:
    """The results of files as one Markdown table.

    Args:
        files: the contents, as `records.read` returns them.
    """
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for content in files:
        machine = "{processor}, {cores} cores".format(**content["machine"])
        for result in content["results"]:
            key = machine, records.setting(result)
            if key not in latest or latest[key]["date"] <= result["date"]:
                latest[key] = {**result, "machine": machine}
    results = sorted(latest.values(), key=_order)
    several = len({result["machine"] for result in results}) > 1
    rows = [["machine", *HEADER], *([result["machine"], *_cells(result)] for result in results)]
    return markdown(rows if several else [row[1:] for row in rows])


def _order(result: dict[str, Any]) -> tuple[Any, ...]:
    def position(value: str, order: Sequence[str]) -> tuple[int, str]:
        return (order.index(value) if value in order else len(order)), value

    versions = [int(number) for number in _release(result).split(".")]
    precision = position(result["precision"], PRECISIONS)
    return result["machine"], position(result["game"], list(TITLES)), versions, precision


def _release(result: dict[str, Any]) -> str:
    """TensorFlow's release, such as "2.15"."""
    numbers = result["versions"]["tensorflow"].split(".")[:2]
    if not all(number.isdecimal() for number in numbers):
        raise InputError(f"TensorFlow's version is {'.'.join(numbers)!r}, expected such as 2.15.1")
    return ".".join(numbers)


def _cells(result: dict[str, Any]) -> list[str]:
    game = TITLES.get(result["game"], result["game"])
    if result.get("peer_adam") == "default":
        game += ", PyTorch's default Adam"
    keras = result["versions"]["keras"].partition(".")[0]

    def written(key: str, pattern: str) -> str:
        value, limits = result.get(key), result.get(f"{key}_range")
        if value is None:
            return "-"
        text = pattern.format(value)
        return f"{text} ({' to '.join(map(pattern.format, limits))})" if limits else text

    theirs = result.get("peer_images_per_s")
    return [
        game,
        f"TensorFlow {_release(result)}, Keras {keras}",
        result["precision"],
        rate(result["images_per_s"]),
        "-" if theirs is None else rate(theirs),
        written("ratio", "{:.2f}"),
        written("cpu_ratio", "{:.2f}"),
        written("fit_overhead", "{:+.1%}"),
    ]


def rewritten(page: str, new: str) -> str:
    """A page with another table.

    Args:
        page: Markdown with one table whose header has the columns game and stack.
        new: the table that replaces it.

    Raises:
        InputError: the page has no such table, or several.
    """
    lines = page.splitlines()
    starts = [i for i, line in enumerate(lines) if "| game | stack |" in line]
    if len(starts) != 1:
        raise InputError(f'the page has {len(starts)} tables with "| game | stack |", expected one')
    end = starts[0]
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return "\n".join([*lines[: starts[0]], new, *lines[end:]]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints or writes the table: 0, or 2 with a reason if a file cannot be read or written."""
    options = parse(arguments)
    try:
        text = table([records.read(file) for file in options.files])
        if not options.write:
            print(text)
            return 0
        page = pathlib.Path(options.write)
        try:
            write_bytes(page, rewritten(page.read_text("utf-8"), text).encode())
        except OSError as error:
            raise InputError(f"{page}: {failure_reason(error)}") from None
    except InputError as error:
        print(f"tables.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
