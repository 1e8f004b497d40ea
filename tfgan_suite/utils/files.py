"""Writes that survive a kill and a power cut, errors that name the reason, paths for TensorFlow."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.json_files import parse_json

# What a file is called until it is complete.
PART = ".part"
# How much of a file is read at once, from its end.
_BLOCK = 2**16
# Reasons that TensorFlow reports as text, in errors of many classes.
_WRITE_REASONS, _OTHER_REASONS = (
    tuple(os.strerror(getattr(errno, name)) for name in names.split() if hasattr(errno, name))
    for names in ("ENOSPC EDQUOT EFBIG EROFS", "EIO EACCES EPERM ENOENT ENOTDIR ENAMETOOLONG")
)
# Characters that TensorFlow takes for a pattern where it looks for a file to read.
_PATTERN = re.compile(r"[*?\[]" if os.sep == "\\" else r"[*?\[\\]")


def user_path(text: str | os.PathLike) -> Path:
    """The path that a user wrote: `~` and `~NAME` are expanded where there is such a home."""
    return Path(os.path.expanduser(os.fspath(text)))


def append_json(path: str | os.PathLike, entry: Mapping[str, object]) -> None:
    """Appends a JSON line and waits until it is on disk.

    A last line that a kill cut short is removed first. Where writing fails, no part stays.
    """
    path = Path(path)
    new = not path.exists()
    try:
        # Unbuffered: what could not be written must not be tried again when the file is closed.
        with open(path, "ab+", buffering=0) as file:
            end, content = file.seek(0, os.SEEK_END), json_line(entry)
            line = _unfinished_line(file, end)
            if line and _is_cut(line):
                end -= len(line)
            elif line:
                content = b"\n" + content
            file.truncate(end)
            try:
                while content:
                    content = content[file.write(content) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise
    except OSError:
        if new:
            with contextlib.suppress(OSError):
                path.unlink()  # only now: Windows does not remove files that are open
        raise
    if new:
        sync_folder(path.parent)


def _unfinished_line(file: IO[bytes], end: int) -> bytes:
    """What stands after the last line break of a file."""
    line, start = b"", end
    while start and b"\n" not in line:
        start = max(0, start - _BLOCK)
        file.seek(start)
        line = file.read(end - start)
    return line.rpartition(b"\n")[2]


def _is_cut(line: bytes) -> bool:
    """Whether a line is the beginning of a JSON object; other text is a user's own."""
    if not line.startswith(b"{"):
        return False
    try:
        parse_json(line.decode(), "the last line", advice="")
    except (InputError, UnicodeDecodeError):
        return True
    return False


def json_line(entry: Mapping[str, object]) -> bytes:
    """An entry as a line of JSON."""
    return f"{json.dumps(entry)}\n".encode()


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file atomically: readers see the old content or the new, never a part.

    When it returns, the new content is on disk. Where writing fails, no part stays.

    Raises:
        OSError: it cannot be written, or is a pipe, a device or a folder, which a file must not
            replace.
    """
    write_parts(path, [content])


def write_parts(path: str | os.PathLike, parts: Iterable[bytes]) -> None:
    """As `write_bytes`, for content that is not in memory at once."""
    path = Path(path)
    if path.exists():
        foreign_files.check_file(path)
    part = path.with_name(path.name + PART)
    try:
        with open(part, "wb") as file:
            for content in parts:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Writes a file atomically with a program that needs a path, and the file's own suffix.

    Args:
        path: the file.

    Yields:
        The path to write to. It becomes `path` when the block ends, and is removed if it fails.
    """
    path = Path(path)
    part = path.with_name(f"{path.stem}{PART}{path.suffix}")
    try:
        yield part
        sync_file(part)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


def sync_file(path: str | os.PathLike) -> None:
    """Waits until a file's content is on disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: str | os.PathLike) -> None:
    """Waits until a folder's entries are on disk: without it, a power cut undoes a rename."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise  # some network file systems cannot sync folders
    finally:
        os.close(descriptor)


def sync_tree(path: str | os.PathLike) -> None:
    """Waits until all files and folders below a folder are on disk."""
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            sync_file(os.path.join(folder, name))
        sync_folder(folder)


@contextlib.contextmanager
def plain_path(path: str | os.PathLike) -> Iterator[str]:
    """A path for TensorFlow that names the same file or folder.

    TensorFlow looks for checkpoints and SavedModels by patterns, so it cannot read those in
    folders such as `[a] b`, and it cannot encode names that are not Unicode. Such a path is
    reached through a link in a temporary folder while the block runs; any other is returned as
    it is.

    Args:
        path: a file or folder; its parent has to exist.

    Raises:
        InputError: a link is needed, but cannot be created.
    """
    path = os.fspath(path)
    if not _PATTERN.search(path) and _is_unicode(path):
        yield path
        return
    parent, name = os.path.split(os.path.abspath(path))
    linked = name if not _PATTERN.search(name) and _is_unicode(name) else ""
    try:
        folder = tempfile.mkdtemp(prefix="tfgan_suite_")
        link = os.path.join(folder, "link")
        _link(parent if linked else os.path.join(parent, name), link)
    except OSError as error:
        raise InputError(
            f"TensorFlow cannot read {path}, because of special characters in it, and a link to"
            f" it cannot be created ({error.strerror or error}); rename the folder"
        ) from error
    try:
        yield os.path.join(link, linked) if linked else link
    finally:
        with contextlib.suppress(OSError):
            os.unlink(link)
            os.rmdir(folder)


def _link(target: str, link: str) -> None:
    """Creates a link; a junction where links need privileges, as on Windows."""
    try:
        os.symlink(target, link, target_is_directory=os.path.isdir(target))
    except OSError:
        try:
            from _winapi import CreateJunction  # leads to folders only
        except ImportError:
            CreateJunction = None
        if CreateJunction is None or not os.path.isdir(target):
            raise
        CreateJunction(target, link)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def failure_reason(error: BaseException) -> str:
    """Why reading or writing failed, in few words: "No space left on device".

    Args:
        error: an `OSError`, or one of TensorFlow's, whose text has the reason after a long path.
    """
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    text = " ".join(str(error).split())
    for reason in (*_WRITE_REASONS, *_OTHER_REASONS):
        if reason in text:
            return reason
    text = re.sub(r"\{\{[^}]*\}\}|\[Op:[^\]]*\]", "", text).strip()
    return text[:200] or type(error).__name__


def is_failed_write(error: BaseException) -> bool:
    """Whether an error comes from a full disk, a quota or a read-only file system.

    Args:
        error: any error; every `OSError` counts, of TensorFlow's errors those that say so.
    """
    if isinstance(error, OSError):
        return True
    return type(error).__module__.startswith("tensorflow") and bool(write_reason(str(error)))


def write_reason(text: str) -> str:
    """The reason why a write failed that a message states; empty if it states none."""
    return next((reason for reason in _WRITE_REASONS if reason in text), "")


@contextlib.contextmanager
def writing_to(folder: str | os.PathLike) -> Iterator[None]:
    """Turns a failed write into an InputError with a one-line reason.

    Args:
        folder: where the block writes.

    Raises:
        InputError: the folder cannot be created or written, or its disk is full.
    """
    try:
        yield
    except Exception as error:
        if not is_failed_write(error):
            raise
        raise InputError(
            f"cannot write to {folder} ({failure_reason(error)}{free_space(folder)}); free some"
            " space, check the permissions or choose another folder; what was saved before is kept"
        ) from error


def free_space(folder: str | os.PathLike) -> str:
    """`", 12 MiB free"`: the space on the disk of a folder; empty if it cannot be read."""
    with contextlib.suppress(OSError):
        path = Path(os.path.realpath(folder))  # `resolve` raises where a link leads to itself
        path = next(parent for parent in (path, *path.parents) if parent.exists())
        return f", {shutil.disk_usage(path).free // 2**20} MiB free"
    return ""
