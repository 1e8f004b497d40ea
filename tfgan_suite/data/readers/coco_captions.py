"""Captions in COCO's JSON: `images` with `id` and `file_name`, `annotations` with `caption`."""

from __future__ import annotations

from pathlib import Path

from tfgan_suite.data.readers.caption_records import CaptionSet, Records
from tfgan_suite.errors import InputError
from tfgan_suite.utils.json_files import read_json

_SCHEMA = {
    "images": [{"id": (int, str), "file_name": str}],
    "annotations": [{"image_id": (int, str), "caption": str}],
}
_ADVICE = (
    "expected images with id and file_name, and annotations with image_id and caption: correct "
    "the file"
)
_SPLITS = {"train": ("train",), "test": ("test", "val")}  # in order of preference


def find(folder: Path) -> dict[str, Path]:
    """The files of the splits, with the key "train" alone where there is one file only.

    Files are `captions*.json`, in the folder or in `annotations/`; of `captions_train2017.json`
    and `captions_val2017.json` the latter is for testing.
    """
    files = [
        path
        for parent in (folder, folder / "annotations")
        for path in sorted(parent.glob("captions*.json"))
    ]
    splits = {}
    for split, words in _SPLITS.items():
        matches = (path for word in words for path in files if word in path.stem.lower())
        first = next(matches, None)
        if first is not None:
            splits[split] = first
    if "train" not in splits and files:
        plain = [path for path in files if path != splits.get("test")]
        return {"train": (plain or files)[0]}
    return splits


def load(path: Path) -> CaptionSet:
    """Reads a file of captions.

    The images lie in a folder called like the end of the file's name (`train2017`), in `images/`,
    or beside the file; that of `annotations/` counts as beside it.

    Raises:
        InputError: the file is broken, a caption is of an image that it does not list, or what
            `Records` refuses.
    """
    content = read_json(path, _SCHEMA, advice=_ADVICE)
    home = path.parent.parent if path.parent.name == "annotations" else path.parent
    suffix = path.stem.partition("_")[2]
    folders = [home / suffix, home / "images" / suffix, home / "images", home]
    files = {image["id"]: image["file_name"] for image in content["images"]}
    folder = folders[-1]
    if files:
        first = next(iter(files.values()))
        folder = next((f for f in folders if (f / first).is_file()), folders[0])
    records = Records()
    for number, annotation in enumerate(content["annotations"]):
        origin = f"{path} (annotations[{number}])"
        name = files.get(annotation["image_id"])
        if name is None:
            raise InputError(
                f"{origin}: there is no image {annotation['image_id']!r} in its list; expected the "
                "image of each caption: add it under images, or remove the caption"
            )
        records.add(folder / name, [annotation["caption"]], origin)
    return records.finish(path, f"COCO's captions in {path.name}")
