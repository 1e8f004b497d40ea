"""Arguments that the commands for latent spaces share, and how they end."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    from tfgan_suite.latent.space import Space

_RANGE = re.compile(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10}))?\s*")
MOST_NUMBERS = 4096


def add_source(parser: argparse.ArgumentParser) -> None:
    """Adds the argument `source`."""
    parser.add_argument(
        "source",
        help="run folder, export (saved_models/NAME[/VERSION]) or a shipped export's name",
    )


def add_images(parser: argparse.ArgumentParser, count: int) -> None:
    """Adds the argument `input`, and `--split` and `--count` for data; `count` is the default."""
    parser.add_argument(
        "input", help="an image of the size that the generator draws, a folder of them, or data"
    )
    parser.add_argument("--split", choices=("train", "test"), default="test", help="of data [test]")
    parser.add_argument(
        "--count", type=int, default=count, help=f"examples of data, at most [{count}]"
    )


def check_count(count: int) -> None:
    """Refuses `--count` below 1 (`InputError`)."""
    if count < 1:
        raise InputError(f"--count is {count}; it must be at least 1")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds the flag `--seed`."""
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the samples, as for the command sample [0]"
    )


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds the flags `--out`, a folder, and `--json`."""
    parser.add_argument(
        "--out", default=default, help=f"folder for the images and numbers.json [{default}]"
    )
    add_json(parser)


def parse_numbers(text: str, flag: str) -> list[int]:
    """Numbers of samples: `"3,8,12"` or `"0-7"`, or both.

    Raises:
        InputError: something else; names the flag.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise InputError(
                f"{flag} is {text!r}; expected numbers of samples, such as 3,8,12 or 0-7"
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or len(numbers) + last - first >= MOST_NUMBERS:
            raise InputError(
                f"{flag} is {text!r}; expected at most {MOST_NUMBERS} numbers, from small to large"
            )
        numbers += range(first, last + 1)
    return numbers


def parse_labels(space: Space, text: str | None) -> list[int] | None:
    """The classes of `--labels`, by name or index.

    Raises:
        InputError: an unknown class, or a generator without labels.
    """
    if text is None:
        return None
    from tfgan_suite.core.labels import parse_labels as parse

    if space.label is None or space.label.classes is None:
        raise InputError(
            f"--labels is {text!r}, but {space.generator.name} takes no label; omit it, or train a"
            " game that does, such as recipes/cgan.py"
        )
    # Codes that a game found for itself have no names.
    facts = space.generator.facts if space.label.name == "label" else {}
    return parse(text, space.label.classes, facts.get("classes"), facts.get("class_counts"))


def check_folder(out: str) -> Path:
    """The folder of `--out`.

    Raises:
        InputError: it is a file, or named like one.
    """
    from tfgan_suite.utils import image_endings

    if Path(out).is_file() or image_endings.is_file_name(out):
        raise InputError(f"--out is {out}, a file; pass a folder, which receives several files")
    return Path(out)


def print_numbers(args: argparse.Namespace, numbers: Mapping[str, Any], sentence: str) -> int:
    """Prints the result as JSON, or in a sentence with its folder; exit code 0."""
    print(json.dumps(numbers) if args.json else f"{sentence}; see {args.out}")
    return 0
