"""Decoded images of earlier starts: uint8 arrays in a cache folder, read by memory mapping.

An entry belongs to files and decoding options; where a file's name, size or time of change is
another, it is stale and removed. What is read from it is what decoding would return, bit by bit.
Nothing here stops a program: on a full or read-only disk there is no cache.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils import files
from tfgan_suite.utils.json_files import read_json

# Smaller sets are decoded before anybody notices.
FEWEST = 500
_FORMAT = 2
# Seconds after which nobody writes an entry any more, and after which nobody needs it.
_ABANDONED, _UNUSED = 86_400.0, 30 * 86_400.0
_FACTS = "entry.json"
_SCHEMA = {"stamp": str, "home": str, "arrays": {str: list}, "facts": dict}
_folder: contextvars.ContextVar[Path | None] = contextvars.ContextVar("folder", default=None)


@contextlib.contextmanager
def using(folder: Path | None) -> Iterator[None]:
    """Within it decoded images are kept in a folder; `None`: they are not kept."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def is_used() -> bool:
    """Whether decoded images are kept."""
    return _folder.get() is not None


class Entry:
    """The decoded images of some files.

    Args:
        home: the folder that holds the files; where it is gone, so is the entry.
        options: whatever decoding depends on beside the files; it has to be equal at every start.
        stamp: of the files, from `stamp_of` or `stamp_of_tree`; another one makes an entry stale.
        count: number of files.
        part: which of the files they are, where others of the same home and options have an entry
            of their own, such as those of another split.
    """

    def __init__(self, home: Path, options: Any, stamp: str, count: int, part: str = ""):
        self.home, self.stamp = os.path.realpath(home), stamp
        folder = _folder.get() if count >= FEWEST else None
        self._group = _hash(_FORMAT, _versions(), self.home, options)
        self.folder = None if folder is None else folder / f"{self._group}-{_hash(part)}"

    def read(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Arrays by name and the facts that were kept with them; `None`: there is no such entry.

        A stale or damaged entry is removed.
        """
        if self.folder is None or not self.folder.is_dir():
            return None
        try:
            facts = read_json(self.folder / _FACTS, _SCHEMA, advice="")
            if facts["stamp"] == self.stamp:
                shapes = facts["arrays"].items()
                arrays = {name: self._array(name, *form) for name, form in shapes}
                with contextlib.suppress(OSError):
                    os.utime(self.folder)  # it is in use
                return arrays, facts["facts"]
        except (InputError, OSError, ValueError, KeyError, EOFError):
            pass  # cut, mixed up or edited
        _remove(self.folder)
        return None

    def write(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Keeps arrays, if there is room for them; several processes may do so at once."""
        if self.folder is None:
            return
        part = None
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            remove_orphans(self.folder.parent)
            self._remove_siblings()
            size = sum(array.nbytes for array in arrays.values())
            if shutil.disk_usage(self.folder.parent).free < 2 * size:
                return  # the rest of the disk is for runs
            part = Path(tempfile.mkdtemp(prefix=files.PART, dir=self.folder.parent))
            for name, array in arrays.items():
                array.tofile(part / name)
            content = {
                "stamp": self.stamp,
                "home": self.home,
                "arrays": {n: [a.dtype.str, list(a.shape), _sum(a)] for n, a in arrays.items()},
                "facts": facts,
            }
            (part / _FACTS).write_text(json.dumps(content), "utf-8")
            files.sync_tree(part)
            os.rename(part, self.folder)  # fails where another process was faster
        except OSError:
            if part is not None:
                _remove(part)

    def _remove_siblings(self) -> None:
        """Of the entries of other lists of the same files the newest one stays."""
        if self.folder is None:
            return
        siblings = sorted(self.folder.parent.glob(f"{self._group}-*"), key=os.path.getmtime)
        for sibling in siblings[:-1]:
            _remove(sibling)

    def _array(self, name: str, kind: str, shape: list[int], checksum: int) -> np.ndarray:
        path = Path(self.folder or "") / name
        array = np.memmap(path, np.dtype(kind), "r", shape=tuple(shape))
        if path.stat().st_size != array.nbytes:
            raise ValueError(f"{path} does not hold an array {shape}")
        if _sum(array) != checksum:
            raise ValueError(f"{path} was damaged")
        return array


def _sum(array: np.ndarray) -> int:
    """CRC-32 of an array's bytes: about a second for each GiB that is in memory."""
    return zlib.crc32(memoryview(np.ascontiguousarray(array)).cast("B"))


def stamp_of(paths: Iterable[str | os.PathLike]) -> str:
    """Changes when a file of a list is renamed, resized or written."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            status = os.stat(path)
            marks: tuple[int, ...] = (status.st_size, status.st_mtime_ns)
        except OSError:
            marks = (-1,)
        digest.update(repr((os.fspath(path), *marks)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def stamp_of_tree(folder: Path) -> tuple[str, int]:
    """As `stamp_of`, for all files below a folder; also their number."""
    paths, visited = [], set()
    for current, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(current)
        if real in visited:  # a link that leads back
            folders.clear()
            continue
        visited.add(real)
        folders.sort()
        paths += [os.path.join(current, name) for name in sorted(names)]
    return stamp_of(paths), len(paths)


def remove_orphans(folder: Path) -> None:
    """Removes entries that nobody uses or whose files are gone, and what a kill left behind."""
    for entry in folder.iterdir():
        with contextlib.suppress(InputError, OSError):
            age = time.time() - entry.stat().st_mtime
            if age > (_ABANDONED if entry.name.startswith(files.PART) else _UNUSED):
                _remove(entry)
            elif not entry.name.startswith(files.PART) and not os.path.isdir(
                read_json(entry / _FACTS, _SCHEMA, advice="")["home"]
            ):
                _remove(entry)


def _versions() -> tuple[str, ...]:
    """What decodes: another version of it may decode other bits."""
    import PIL

    from tfgan_suite import __version__

    return __version__, PIL.__version__, np.__version__


def _hash(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
