"""The front of all data: `load` takes what a user names and returns a source."""

from __future__ import annotations

import difflib
import functools
import os
from pathlib import Path

from tfgan_suite.data.pipeline.source import MEMORY_LIMIT, ArraySource, Source
from tfgan_suite.data.readers import arrays, bit_depths, folder, idx, image_files, listing, specs
from tfgan_suite.data.synthetic import gaussians, shapes
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path

SYNTHETIC = ("shapes", *gaussians.WORLDS)
# Number of examples and seed of each embedded set.
_SHAPES = {"train": (6000, 0), "test": (1000, 1)}
_POINTS = {"train": (100_000, 0), "test": (10_000, 1)}


def load(
    spec: str | os.PathLike,
    *,
    size: int | None = None,
    channels: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    strict: bool = False,
    split: str = "train",
    progress: folder.Progress | None = None,
    square: bool = False,
    bit_depth: int | None = None,
) -> Source:
    """Opens a data set.

    | `spec` | what it is |
    |---|---|
    | `"shapes"` | 6,000 coloured shapes, 18 classes, with an oracle (`synthetic.shapes.read`) |
    | `"ring"`, `"grid"` | 100,000 points of 8 or 25 Gaussians (`synthetic.gaussians.read`) |
    | a folder | images, an `.npz` file, or IDX files such as those of MNIST |
    | an `.npz` file | keys `image`, `x_train`, ..; `label`, `y_train`, .. |
    | an `.npy` file | images `(n, height, width)` or `(n, height, width, channels)` |
    | an IDX file | with its label file beside it |
    | `"tfds:NAME"`, `"tfds:NAME:SPLIT"` | a set of TensorFlow Datasets |

    The name of an embedded set takes precedence over a folder of that name: write `./shapes` for
    the folder.

    Folders of images: PNG, JPEG, WebP, GIF (first frame), BMP, TIFF of any size and bit depth, at
    any depth of sub-folders. Two or more sub-folders are the classes, in natural order (2 before
    10); a single one is descended into; sub-folders named train, test or val are splits. Hidden
    files and files that are not images are ignored. The EXIF rotation is applied, 16-bit values are
    scaled to 8 bits, and transparent images are composited onto white. Every image is scaled so
    that its shorter side is `size`, and cropped to the square in the centre.

    Args:
        spec: see above.
        size: side of the square images. `None`: 64 for folders, 32 for shapes, and the arrays'
            own size for arrays.
        channels: 1 (grey) or 3 (colour), or of arrays their own number. `None`: the arrays' own;
            for folders 3, or 1 if all images are grey.
        memory_limit: bytes of decoded images that may be kept in memory (briefly twice that
            while loading); a larger set is streamed.
        strict: a file that cannot be read is an error instead of being skipped.
        split: `"train"` or `"test"`, where a set has both.
        progress: called with (images done, total images) while a folder is decoded.
        square: without `size`, crop arrays that are not square to their shorter side, as images
            of folders are cropped.
        bit_depth: significant bits of 16-bit images and of integers in arrays, 8 to 16. `None`: the
            number that the files state, if the largest value of the set fits it, else the
            smallest of 8, 10, 12, 14 and 16 that holds it (`bit_depths.decide`); sets of
            TensorFlow Datasets: 16.

    Returns:
        `Source`.

    Raises:
        InputError: there is no such set, it cannot be read, or an option does not suit it.
    """
    image_files.check_size(size)
    bit_depths.check_bit_depth(bit_depth)
    specs.check_split(split)
    text = os.fspath(spec)
    if text == "shapes" or text.startswith("tfds:"):
        image_files.check_channels(channels)  # the other readers do it themselves
    if text == "shapes":
        return _shapes(size, channels, split)
    if text in gaussians.WORLDS:
        return _points(text, size, channels, split)
    if text.startswith("tfds:"):
        from tfgan_suite.data.readers import tfds  # here, because it is slow to import

        return tfds.load_tfds(
            text,
            size=size,
            channels=channels,
            memory_limit=memory_limit,
            split=split,
            square=square,
            bit_depth=bit_depth,
        )
    path = user_path(text)
    if not path.exists():
        raise InputError(_missing(text, path))
    name = _short_name(path)
    if path.is_dir():
        path, is_images = _data_in(path, split)
        if is_images:
            return folder.load_folder(
                path,
                name,
                size=size,
                channels=channels,
                memory_limit=memory_limit,
                strict=strict,
                split=split,
                progress=progress,
                bit_depth=bit_depth,
            )
    if path.suffix == ".npz":
        return arrays.load_npz(path, name, size, channels, split, square, bit_depth)
    if path.suffix == ".npy":
        return arrays.load_npy(path, name, size, channels, split, square, bit_depth)
    if idx.is_idx(path):
        return idx.load_idx(path, name, size, channels, square)
    raise InputError(
        f"{text} is a file of an unknown kind; expected a folder, an .npz or .npy file, an IDX "
        f"file (..idx3-ubyte, also .gz), tfds:NAME, or one of {', '.join(SYNTHETIC)}: convert the "
        "data to one of these"
    )


def _shapes(size: int | None, channels: int | None, split: str) -> Source:
    """The embedded images; grey ones have no oracle, because colour is half of their class."""
    count, seed = _SHAPES[split]
    examples = shapes.generate(count, size or 32, seed)
    if channels == 1:
        return arrays.from_arrays(
            examples.images,
            examples.label,
            name="shapes",
            origin="shapes",
            channels=1,
            classes=shapes.CLASSES,
        )
    return ArraySource(
        "shapes", examples.images, examples.label, classes=shapes.CLASSES, report=shapes.report
    )


def _points(world: str, size: int | None, channels: int | None, split: str) -> Source:
    """The embedded points in the plane."""
    if size is not None or channels is not None:
        raise InputError(
            f"{world} holds points in the plane, which have neither size nor channels; expected "
            "neither option: leave both out, or choose images"
        )
    count, seed = _POINTS[split]
    points, label = gaussians.generate(world, count, seed)
    return ArraySource(
        world,
        points,
        label,
        classes=gaussians.WORLDS[world].classes,
        key="point",
        report=functools.partial(gaussians.report, world=world),
    )


def _data_in(path: Path, split: str) -> tuple[Path, bool]:
    """What to open in a folder: a file, or the folder itself and `True` for images."""
    images = idx.find_images(path, split)
    if images is not None:
        return images, False
    npz_files = sorted(file for file in path.glob("*.npz") if not file.name.startswith("."))
    if not npz_files:
        return path, True
    try:
        listing.list_images(path, split)
    except InputError:  # no images: the usual case
        pass
    else:
        raise InputError(
            f"{path} holds both images and {npz_files[0].name}; expected one of them: name "
            "the .npz file itself, or move it elsewhere"
        )
    matches = [file for file in npz_files if file.stem == split]
    if len(npz_files) > 1 and not matches:
        raise InputError(
            f"{path} holds {len(npz_files)} .npz files "
            f"({', '.join(f.name for f in npz_files[:4])}); expected one, or one called "
            f"{split}.npz: name the one to use"
        )
    return (matches or npz_files)[0], False


def _short_name(path: Path) -> str:
    """A name for run folders: that of the file or folder, without endings."""
    path = path.resolve()
    name = path.name
    if path.is_file():
        name = path.parent.name if idx.is_idx(path) else path.stem
    return specs.safe_name(name)


def _missing(text: str, path: Path) -> str:
    """The message for a path that does not exist, with the nearest name that does."""
    near = difflib.get_close_matches(text.lower(), SYNTHETIC, 1, 0.6)
    if not near and path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir()]
        near = difflib.get_close_matches(path.name, names, 1, 0.75)
        near = [str(path.parent / name) for name in near]
    hint = f"did you mean {near[0]!r}?" if near else "check the path"
    return (
        f"{text} does not exist; expected a folder of images, an .npz or .npy file, IDX files, "
        f"tfds:NAME, or one of {', '.join(SYNTHETIC)}: {hint}"
    )
