"""The command `sample`: draws images from a trained generator."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from tfgan_suite.cli import place_arguments
from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_endings

if TYPE_CHECKING:
    import numpy as np

    from tfgan_suite.inference.generator import Generator

# Two seeds and the layers that --mix takes from the second.
Mix = tuple[tuple[int, int], Optional[range]]
_MIX = re.compile(r"(\d{1,9})\.(\d{1,9})(?::(\d{1,4})(?:-(\d{1,4}))?)?")
GRID_PIXELS = 2**25  # of a grid: about 100 MB
PLOT_POINTS = 2**23


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    parser.add_argument(
        "source",
        help="run folder, export (saved_models/NAME[/VERSION]), .tflite file, or a name that `list`"
        " shows",
    )
    parser.add_argument(
        "--count", type=int, help="number of images [64]; with --text of each sentence [8]"
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images [0]")
    parser.add_argument(
        "--label",
        help="class to draw, by name or index, where the game has classes; several, separated by"
        " commas, alternate",
    )
    parser.add_argument(
        "--text",
        action="append",
        metavar="SENTENCE",
        help="sentence to draw, where the game draws sentences; several --text give a row each",
    )
    parser.add_argument(
        "--style",
        action="append",
        metavar="PICTURE",
        help="GAN-CLS, with --text: draw the sentence in the style of a picture (all that sentences"
        " do not say); several --style give a column each. The first time a style encoder is"
        " trained, which the run keeps",
    )
    place_arguments.add_arguments(parser)
    parser.add_argument(
        "--psi",
        type=float,
        help="style-based generators: truncation, from -1 to 1; below 1 samples are more alike and"
        " better, at 0 all are the average [1]",
    )
    parser.add_argument(
        "--psi-cutoff", type=int, metavar="N", help="truncate the first N layers only [all]"
    )
    parser.add_argument(
        "--mix",
        metavar="A.B[:LAYERS]",
        help="style-based generators: a grid of the samples of seed A (first column) with styles of"
        " those of seed B (first row), in coarse, middle and fine layers, or in LAYERS such as 2-3",
    )
    parser.add_argument(
        "--out",
        default="samples.png",
        help="grid to write (.png, .jpg or .webp), or folder for one file each: .png, or .npy where"
        " images have neither one channel nor three [samples.png]",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    if args.style and (args.count is not None or not args.text):
        raise InputError(
            "--style gives one image of each --text in the style of each picture; "
            + ("omit --count" if args.text else "pass a --text, too")
        )
    args.count = (8 if args.text else 64) if args.count is None else args.count
    if args.count < 1:
        raise InputError(f"--count is {args.count}; it must be at least 1")
    to_grid = image_endings.names_image(args.out)
    mix = _check_styles(args, to_grid)
    place_arguments.check(args)
    from tfgan_suite.inference.generator import open_generator
    from tfgan_suite.utils.files import writing_to

    generator, out = open_generator(args.source), Path(args.out)
    if not generator.signature().drawable:
        generator.check_command("sample", "draws no images from noise")
    from tfgan_suite.cli import sample_text

    place_arguments.check_generator(generator, args)
    if args.text or sample_text.needs_text(generator):
        return sample_text.run(generator, args, out, to_grid)
    with writing_to(out.parent):
        if mix:
            files = _write_mixed(generator, args, out, *mix)
        elif to_grid:
            files = _write_grid(generator, args, out)
        else:
            files = _write_files(generator, args, out)
    if args.json:
        print(json.dumps({"files": files, "count": args.count}))
    elif mix:
        print(f"wrote a grid of mixed styles to {out}")
    else:
        print(f"wrote {args.count} examples to {out}")
    return 0


def _check_styles(args: argparse.Namespace, to_grid: bool) -> Mix | None:
    """Checks what can be checked before TensorFlow is imported; what `--mix` says."""
    if args.psi is not None and not -1.0 <= args.psi <= 1.0:
        raise InputError(f"--psi is {args.psi}; it must be in [-1, 1]")
    if args.psi_cutoff is not None and args.psi is None:
        raise InputError("--psi-cutoff is set without --psi; pass --psi 0.7, too")
    if args.psi_cutoff is not None and args.psi_cutoff < 1:
        raise InputError(f"--psi-cutoff is {args.psi_cutoff}; it must be at least 1")
    if args.mix is None:
        return None
    match = _MIX.fullmatch(args.mix)
    if match is None:
        raise InputError(
            f"--mix is {args.mix!r}; expected two seeds such as 1.2, or also layers: 1.2:4-7"
        )
    if not to_grid:
        raise InputError(f"--out is {args.out}, but --mix draws a grid: pass a .png file")
    first, second, start, stop = (int(n) if n else None for n in match.groups())
    assert first is not None and second is not None
    if start is None:
        return (first, second), None
    return (first, second), range(start, (start if stop is None else stop) + 1)


def _write_mixed(
    generator: Generator,
    args: argparse.Namespace,
    out: Path,
    seeds: tuple[int, int],
    layers: range | None,
) -> list[str]:
    """Writes the grid of `--mix`."""
    from tfgan_suite.inference import styles
    from tfgan_suite.utils import image_grids

    psi = styles.layer_psi(generator, 1.0 if args.psi is None else args.psi, args.psi_cutoff)
    inputs = generator.signature().inputs
    labels = _labels(inputs, args.label, 1, generator.facts)
    first_label = {name: values[0] for name, values in labels.items()}
    images, columns = styles.mixing_grid(generator, seeds, psi, layers, first_label)
    out.parent.mkdir(parents=True, exist_ok=True)
    image_grids.write_image(out, image_grids.image_grid(images, columns))
    return [str(out)]


def _write_grid(generator: Generator, args: argparse.Namespace, out: Path) -> list[str]:
    """Writes all samples as one image, which has to fit into memory."""
    import numpy as np

    from tfgan_suite.utils import image_grids

    shape = generator.signature().output.shape
    if len(shape) == 3 and None not in shape:
        most = max(1, GRID_PIXELS // ((shape[0] + 2) * (shape[1] + 2)))
        if args.count > most:
            raise InputError(
                f"--out {out} would be a grid of {args.count} images of {shape[1]}x{shape[0]};"
                f" a grid holds at most {most} of them: pass a folder as --out for one file each"
            )
    elif len(shape) == 1 and args.count > PLOT_POINTS:
        raise InputError(
            f"--count is {args.count}; a plot holds at most {PLOT_POINTS} points: draw fewer"
        )
    samples = np.concatenate(list(_draw(generator, args)))
    out.parent.mkdir(parents=True, exist_ok=True)
    image_grids.write_image(out, image_grids.draw(samples))
    return [str(out)]


def _write_files(generator: Generator, args: argparse.Namespace, out: Path) -> list[str]:
    """Writes a file for each sample as it is drawn; what is written stays if it is interrupted."""
    import numpy as np

    from tfgan_suite.utils import image_grids
    from tfgan_suite.utils.files import write_bytes

    files: list[str] = []
    index = 0
    for samples in _draw(generator, args):
        if samples.ndim == 2:
            raise InputError(f"--out is {out}, but points are drawn as one grid: pass a .png file")
        out.mkdir(parents=True, exist_ok=True)
        for image in samples:
            file = out / file_name(args.seed, index, args.count)
            if image.shape[-1] in (1, 3):
                image_grids.write_png(file, image)
            else:  # no image format holds them: the numbers
                file = file.with_suffix(".npy")
                content = io.BytesIO()
                np.save(content, image)
                write_bytes(file, content.getvalue())
            index += 1
            if args.json:
                files.append(str(file))
    return files


def file_name(seed: int, index: int, count: int) -> str:
    """The file of one of `count` samples; names sort as numbers."""
    digits = max(5, len(str(count - 1)))
    return f"{seed}_{index:0{digits}d}.png"


def _draw(generator: Generator, args: argparse.Namespace) -> Iterator[np.ndarray]:
    """Images as uint8, or points, part by part."""
    labels = _labels(generator.signature().inputs, args.label, args.count, generator.facts)
    if args.psi is not None:
        from tfgan_suite.inference import styles
        from tfgan_suite.utils import image_grids

        psi = styles.layer_psi(generator, args.psi, args.psi_cutoff)
        for images in styles.truncated(generator, args.count, psi, args.seed, labels):
            yield image_grids.to_uint8(images)
        return
    for part in generator.stream(args.count, args.seed, **labels):
        samples = next(iter(part.values()))
        if len(part) > 1:  # the images are those of the first output that is one
            samples = next((array for array in part.values() if array.ndim == 4), None)
        if samples is None or samples.ndim not in (2, 4):
            raise InputError(f"{args.source} draws neither images nor points; use it from a script")
        yield samples


def _labels(
    inputs: Sequence[Any], label: str | None, count: int, facts: Mapping[str, Any]
) -> dict[str, list[int]]:
    """The label of each sample, under the name of the input that takes it."""
    if label is None:
        return {}
    from tfgan_suite.core.labels import parse_labels

    labels = [spec for spec in inputs if spec.kind == "label"]
    if not labels:
        raise InputError(
            f"--label is {label!r}, but this game does not draw by class; omit it, or train"
            " one that does, such as recipes/cgan.py"
        )
    # Codes that a game found for itself have no names.
    known = facts if labels[0].name == "label" else {}
    classes = parse_labels(
        label, labels[0].classes, known.get("classes"), known.get("class_counts")
    )
    return {labels[0].name: [classes[index % len(classes)] for index in range(count)]}
