"""The part of the command `sample` that draws sentences."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    from tfgan_suite.inference.generator import Generator


def needs_text(generator: Generator) -> bool:
    """Whether a generator draws nothing without a sentence."""
    from tfgan_suite.inference import sentences

    return sentences.takes_text(generator)


def run(generator: Generator, args: argparse.Namespace, out: Path, to_grid: bool) -> int:
    """Writes a grid with a row for each sentence, or a file for each image; exit code 0.

    Args:
        generator: what was opened.
        args: `text`, `count`, `seed`, `json`, and those of `place_arguments`.
        out: an image file, or a folder.
        to_grid: whether it is an image file.

    Raises:
        InputError: bad input.
    """
    from tfgan_suite.cli import place_arguments
    from tfgan_suite.inference import sentences
    from tfgan_suite.utils import caption_grids, image_grids
    from tfgan_suite.utils.files import writing_to

    if not args.text:
        raise InputError(
            f"{generator.name} draws what a sentence says; pass one, such as --text 'a red circle'"
        )
    sentences.check_text(generator)
    for line in sentences.remarks(generator, args.text):
        print(line, file=sys.stderr)
    rows = list(args.text)
    if args.style:
        images, grid = _styled(generator, args)
        rows = ["style", *rows]
    else:
        places = place_arguments.conditions(generator, args)
        shared = args.box_to is not None
        images = sentences.draw(generator, args.text, args.count, args.seed, places, shared)
        grid = images
    with writing_to(out.parent):
        if to_grid:
            out.parent.mkdir(parents=True, exist_ok=True)
            image_grids.write_image(out, caption_grids.captioned_rows(rows, grid))
            files = [str(out)]
        else:
            files = _write_files(images, args, out)
    if args.json:
        print(json.dumps({"files": files, "count": args.count, "texts": args.text}))
    else:
        each = "one sentence" if len(args.text) == 1 else f"each of {len(args.text)} sentences"
        images_of = "one image" if args.count == 1 else f"{args.count} images"
        print(f"wrote {images_of} of {each} to {out}")
    return 0


def _styled(generator: Generator, args: argparse.Namespace) -> tuple[Any, Any]:
    """Images of each sentence in each style, and the same below a row of the styles."""
    import numpy as np

    from tfgan_suite.inference import sentences, style_transfer

    sentences.vectors(generator, args.text)  # refuses empty sentences before anything is trained
    pictures = style_transfer.read_pictures(args.style, generator.signature().output.shape)
    images = style_transfer.transfer(generator, args.text, pictures)
    args.count = len(pictures)
    return images, np.concatenate([pictures[None], images])


def _write_files(images: Any, args: argparse.Namespace, out: Path) -> list[str]:
    """Files `TEXT_SEED_INDEX.png`, numbered from 0 in the order of the sentences."""
    from tfgan_suite.utils import image_grids

    out.mkdir(parents=True, exist_ok=True)
    files = []
    for row, of_sentence in enumerate(image_grids.to_uint8(images)):
        for index, image in enumerate(of_sentence):
            file = out / f"{row}_{args.seed}_{index:05d}.png"
            image_grids.write_png(file, image)
            files.append(str(file))
    return files
