"""Version folders: numbered, written to a staging folder beside them, and published by a rename.

`<folder>/<name>/<version>/` is TensorFlow Serving's layout. It reads only the folders whose name
is a number, so other files may stand beside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.utils import files, processes
from tfgan_suite.utils.export_names import check_name as check_name

_STAGED = ".export-"
_UNFINISHED = re.compile(
    r"\.(export-|[a-z]+\.(json|config)\.)((?P<host>[0-9a-f]{6})-(?P<pid>\d+)(-.*)?|\w+)"
)
_DAY = 24 * 3600
_LONGEST = 128
# Letters that Unicode does not decompose into a Latin one and an accent.
_LATIN = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "Æ": "Ae",
        "œ": "oe",
        "Œ": "Oe",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
        "þ": "th",
        "Þ": "Th",
    }
)
# How TensorFlow's file system reports what Python reports as OSError.
_FILE_ERRORS = (
    OSError,
    tf.errors.AlreadyExistsError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)


def model_name(game: str, data: str) -> str:
    """The name of an export, which TensorFlow Serving accepts.

    Args:
        game: name of the recipe.
        data: name of the data. Accents are dropped (`Übung` gives `Ubung`); a name of which no
            Latin letter or digit remains becomes a short hash, always the same. A name that is too
            long ends with a hash of all of it.
    """
    name = f"{_latin(game)}_{_latin(data)}"
    return shorten(name if name[0].isalpha() else f"m{name}", _LONGEST).rstrip(".")


def shorten(name: str, longest: int) -> str:
    """A name of at most `longest` bytes; a longer one is cut and ends with a hash of all of it."""
    content = name.encode("utf-8", "surrogateescape")
    if len(content) <= longest:
        return name
    return f"{content[: longest - 9].decode('utf-8', 'ignore')}-{_hash(name)}"


def _hash(text: str) -> str:
    content = unicodedata.normalize("NFC", text).encode("utf-8", "backslashreplace")
    return hashlib.sha256(content).hexdigest()[:8]


def _latin(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_LATIN)).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", plain)
    if safe != text:
        safe = safe.strip("-._")
    if not re.search("[A-Za-z0-9]", safe):
        safe = _hash(text)
    return safe


def versions(home: Path) -> list[int]:
    """Numbers of the version folders in `home`, in ascending order."""
    if not home.is_dir():
        return []
    return sorted(int(entry.name) for entry in home.iterdir() if entry.name.isdecimal())


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns "disk full", "permission denied" and the like into an InputError naming the folder.

    Args:
        folder: where the block writes; for a staging folder its parent is named.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, _FILE_ERRORS) and not files.is_failed_write(error):
            raise
        for path in (folder, *folder.parents):
            if path.name.startswith(_STAGED):
                folder = path.parent.resolve() if path.parent.is_symlink() else path.parent
        raise InputError(
            f"cannot write an export into {str(folder)!r}: {files.failure_reason(error)}; free some"
            " space, check the permissions or choose another folder"
        ) from error


@contextlib.contextmanager
def staging(home: Path) -> Iterator[Path]:
    """A hidden folder in `home` that is removed at the end, unless `publish` has moved it.

    What killed exports left there is removed first. The path is one that TensorFlow can read.

    Raises:
        InputError: `home` or the folder cannot be created.
    """
    created = [path for path in (home, *home.parents) if not path.exists()]
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        _remove_stale(home)
        path = Path(tempfile.mkdtemp(prefix=f"{_STAGED}{_owner()}-", dir=home))
    try:
        with files.plain_path(path) as plain:
            yield Path(plain)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        for folder in created:
            with contextlib.suppress(OSError):  # no longer empty: it stays
                folder.rmdir()


def _owner() -> str:
    """This process, as unfinished files name it: a hash of its host, and its number."""
    return f"{hashlib.sha256(platform.node().encode()).hexdigest()[:6]}-{os.getpid()}"


def _remove_stale(home: Path) -> None:
    """Removes unfinished files and folders whose process has ended."""
    host = _owner().partition("-")[0]
    for path in home.iterdir():
        match = _UNFINISHED.fullmatch(path.name)
        if not match:
            continue
        stale, running = False, None
        if match["host"] == host:
            running = processes.is_running(int(match["pid"]))
        # Of processes on other hosts, and those of older versions, only the age is known.
        if running is None:
            with contextlib.suppress(OSError):
                stale = time.time() - path.stat().st_mtime > _DAY
        else:
            stale = not running
        if stale and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif stale:
            path.unlink(missing_ok=True)


def publish(staged: Path, home: Path, finish: Callable[[int], None]) -> int:
    """Renames a finished folder to the next version number.

    Args:
        staged: the folder from `staging`.
        home: `<folder>/<name>`.
        finish: called with the version number before the rename, to write files that contain it.

    Returns:
        The version number.
    """
    # mkdtemp creates folders that only their owner can read; a server often runs as another user.
    mask = os.umask(0)
    os.umask(mask)
    staged.chmod(0o777 & ~mask)
    version = 1 + max(versions(home), default=0)
    while True:
        finish(version)
        files.sync_tree(staged)
        try:
            staged.rename(home / str(version))
            files.sync_folder(home)
            return version
        except OSError:
            # Another process may have published this number in the meantime.
            if not (home / str(version)).exists():
                raise
            version += 1


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically: readers see the old text or the new, never a part."""
    with writing(path.parent):
        temporary = path.with_name(f".{path.name}.{_owner()}")
        try:
            temporary.write_text(text, encoding="utf-8")
            files.sync_file(temporary)
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
