"""Folders of clips: which there are, which split they belong to, and a cache of their faces."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfgan_suite.data.pipeline.talking_source import Clip
from tfgan_suite.data.readers import containers, face_boxes, npz_files, video
from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.files import user_path, write_bytes

LISTS = "filelists"  # folder of LRS2's train.txt, val.txt and test.txt
_FORM = 1  # of the cached files; a change makes old ones useless
_HELD_OUT = 10  # without lists, one group of clips in so many is held out


def list_clips(spec: str) -> tuple[Path, dict[str, Path]]:
    """The clips below a folder, or the only one where `spec` is a file.

    Returns:
        The folder, and for each clip by its name (its path below the folder, without ending) the
        container, or the folder of its frames.

    Raises:
        InputError: there is no such folder, or no clip in it.
    """
    path = user_path(spec)
    if not path.is_dir():
        if not path.exists():
            raise InputError(f"{spec} does not exist; expected a folder of clips, or a video")
        containers.check_regular(path, video.EXPECTED)
        if path.suffix.lower() not in video.CONTAINERS:
            raise InputError(f"{spec} is no video; expected a folder of clips, or a video")
        return path.parent, {path.stem: path}
    clips: dict[str, Path] = {}
    for folder, folders, files in os.walk(path, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(folder)
        if video.SOUND in files and any(video.is_frame(here / name) for name in files):
            clips[here.relative_to(path).as_posix()] = here
            continue
        for name in sorted(files):
            if Path(name).suffix.lower() in video.CONTAINERS and not name.startswith("."):
                clips[(here / name).relative_to(path).with_suffix("").as_posix()] = here / name
    if not clips:
        raise InputError(
            f"{spec} has no clips; expected videos ({', '.join(sorted(video.CONTAINERS)[:5])}, ..)"
            f" or folders of frames 0.jpg, 1.jpg, .. with {video.SOUND}"
        )
    return path, dict(sorted(clips.items()))


def split_names(folder: Path, names: Sequence[str], split: str | None) -> list[str]:
    """The names of the clips of a split.

    Lists beside the clips decide (`filelists/train.txt`, one name a line, also in the folder's
    parents); the test split is that of `test.txt`, or of `val.txt`. Without lists one in ten of
    the sub-folders (speakers, in LRS2 broadcasts) is held out; of clips that lie in one folder one
    in ten clips.

    Raises:
        InputError: there are too few clips for two splits, or the lists name none of them.
    """
    if split is None:
        return list(names)
    for home in (folder, *list(folder.resolve().parents)[:2]):
        lists = [home / LISTS / f"{word}.txt" for word in _words(split)]
        file = next((path for path in lists if path.is_file()), None)
        if file is not None:
            lines = foreign_files.read_text(file).splitlines()
            listed = {line.split()[0] for line in lines if line.split()}
            chosen = [name for name in names if name in listed]
            if not chosen:
                raise InputError(
                    f"{file} names none of the {len(names)} clips in {folder} (such as {names[0]});"
                    " expected their paths without endings"
                )
            return chosen
    tops = [name.split("/")[0] for name in names]
    groups = tops if len(set(tops)) > 1 else list(names)
    ordered = sorted(set(groups))
    if len(ordered) < 2:
        raise InputError(
            f"{folder} has {len(names)} clip; expected two or more, as one in {_HELD_OUT} is held"
            " out to measure on: add clips, or cut it into parts"
        )
    held_out = set(ordered[::_HELD_OUT])
    return [name for name, group in zip(names, groups) if (group in held_out) == (split == "test")]


def _words(split: str) -> tuple[str, ...]:
    return ("train", "pretrain") if split == "train" else ("test", "val")


def read_clips(
    folder: Path,
    paths: dict[str, Path],
    boxes: face_boxes.BoxSource,
    size: int,
    *,
    cache: Path | None,
) -> tuple[list[Clip], list[tuple[str, str]]]:
    """Reads clips, from the cache where it has them.

    Args:
        folder: that the names are below.
        paths: the clips by name.
        boxes: where the faces are.
        size: side of the face crops.
        cache: folder of decoded faces; `None`: none. A clip is decoded again when its file, the
            size or the boxes have changed.

    Returns:
        The clips, and `(name, reason)` of those that could not be read.
    """
    clips, skipped = [], []
    for name, path in paths.items():
        file = None if cache is None else cache / "faces" / f"{_key(path, boxes, size)}.npz"
        clip = None if file is None else _cached(file, name)
        if clip is None:
            try:
                clip = video.read_clip(path, name, boxes, size)
            except (InputError, OSError) as error:
                if "is not installed" in str(error) or "has no face cascades" in str(error):
                    raise
                skipped.append((name, str(error)))
                continue
            if file is not None:
                _keep(file, clip)
        clips.append(clip)
    return clips, skipped


def _key(path: Path, boxes: face_boxes.BoxSource, size: int) -> str:
    """Changes when a clip's files, the size of the crops or the boxes do."""
    parts: list[object] = [_FORM, size, boxes.spec, path.resolve()]
    spec = None if boxes.spec is None else user_path(boxes.spec)
    if spec is not None and spec.is_file():
        parts.append(foreign_files.read_bytes(spec))
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        facts = file.stat()
        parts.append((file.name, facts.st_size, facts.st_mtime_ns))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _cached(file: Path, name: str) -> Clip | None:
    """A clip of the cache; `None` if it is missing or damaged: then it is decoded again."""
    with contextlib.suppress(OSError, InputError):
        if file.is_file():
            faces, mel, numbers = npz_files.read_arrays(file, ("faces", "mel", "numbers"))
            return Clip(name, faces, mel, numbers)
    return None


def _keep(file: Path, clip: Clip) -> None:
    """Writes a clip; a cache that cannot be written is none."""
    content = io.BytesIO()
    np.savez(content, faces=clip.faces, mel=clip.mel, numbers=clip.frame_numbers())
    with contextlib.suppress(OSError, InputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, content.getvalue())
