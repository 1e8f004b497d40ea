"""Writes a site: one page, its scripts, the exports' TFLite files, and LiteRT.js.

site/index.html, page.css, *.js     our own page
site/demo.json                      what the exports take and return; written last
site/models/NAME/SIGNATURE.tflite
site/runtime/                       LiteRT.js, unless the page fetches it from its CDN
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tfgan_suite.demo import entries, pictures, runtime, sentences
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path, write_bytes, writing_to
from tfgan_suite.utils.json_files import Number, read_json

PAGE = Path(__file__).with_name("page")
INDEX = "demo.json"
_FORMAT = 1
_SCHEMA = {"format": Number(int, 1), "files": [str]}


@dataclasses.dataclass(frozen=True)
class Site:
    """A site that was written.

    Args:
        folder: its folder.
        exports: names of the exports on the page.
        size: of all its files, in bytes.
        remarks: what its user should know, in sentences.
    """

    folder: Path
    exports: tuple[str, ...]
    size: int
    remarks: tuple[str, ...]


def write(
    sources: Sequence[str | Path],
    out: str | Path,
    runtime_folder: str | Path | None,
    *,
    precision: str | None = None,
    texts: Sequence[str] = (),
    images: Sequence[str | Path] = (),
    title: str = "Generators to play with",
) -> Site:
    """Writes a site, or writes one again.

    Args:
        sources: exports: folders, or names of shipped ones.
        out: the site's folder: a new one, an empty one, or that of an earlier site.
        runtime_folder: of the npm package LiteRT.js, whose files are copied; None for a page that
            fetches them from their CDN.
        precision: which TFLite files run: `"float32"`, `"float16"` or `"int8"`; `None`: of each
            export the first of these that it has.
        texts: sentences that the page offers to generators of sentences.
        images: files that the page offers where an image goes in.
        title: headline of the page.

    Raises:
        InputError: an export without TFLite files, a folder that holds something else, a runtime
            without the files expected, a file that is no image, a sentence that no export takes.
    """
    folder = user_path(out)
    stale = _check_folder(folder)
    contents = {} if runtime_folder is None else runtime.read(user_path(runtime_folder))
    offered = pictures.read(images)
    contents.update(offered)
    read = _read_all(sources, precision)
    remarks = sentences.add(read, texts)
    for entry in read:
        contents.update(entry.files)
    contents.update({path.name: path.read_bytes() for path in sorted(PAGE.iterdir())})
    index = {
        "format": _FORMAT,
        "title": title,
        "runtime": runtime.FROM_CDN if runtime_folder is None else runtime.COPIED,
        "pictures": list(offered),
        "alphabet": sentences.alphabet(),
        "exports": [entry.description for entry in read],
        "files": sorted(contents),
    }
    _write_files(folder, stale, contents, json.dumps(index, indent=1).encode() + b"\n")
    names = tuple(entry.description["id"] for entry in read)
    return Site(folder, names, sum(map(len, contents.values())), tuple(remarks))


def _read_all(sources: Sequence[str | Path], precision: str | None) -> list[entries.Entry]:
    """The exports; those of the same name are numbered."""
    read: list[entries.Entry] = []
    for source in sources:
        entry = entries.read(source, precision)
        name = entry.description["id"]
        taken_names = {other.description["id"] for other in read}
        number = 2
        while (identity := name if number == 2 else f"{name}-{number - 1}") in taken_names:
            number += 1
        read.append(entry if identity == name else entries.read(source, precision, identity))
    return read


def _check_folder(folder: Path) -> list[Path]:
    """The files of an earlier site in a folder.

    Raises:
        InputError: it is a file, or holds something else.
    """
    with writing_to(folder):
        if not folder.is_dir():
            if folder.exists():
                raise InputError(f"--out is {folder}, a file; pass a folder for the site")
            return []
        if not any(folder.iterdir()):
            return []
    if not (folder / INDEX).is_file():
        raise InputError(
            f"{folder} holds files and no {INDEX}, so it is no earlier site; pass a new folder as"
            " --out"
        )
    index: dict[str, Any] = read_json(folder / INDEX, _SCHEMA, advice="pass a new folder as --out")
    paths = [PurePosixPath(name) for name in index["files"]]
    return [folder / path for path in paths if not path.is_absolute() and ".." not in path.parts]


def _write_files(folder: Path, stale: list[Path], contents: dict[str, bytes], index: bytes) -> None:
    """Writes the files, the index last, and removes those of an earlier site that are not new."""
    with writing_to(folder):
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        write_bytes(folder / INDEX, index)
        for path in set(stale) - {folder / name for name in contents}:
            path.unlink(missing_ok=True)
