"""Opens files that users name: regular files only, so that nothing hangs or reads a device."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

# Opening a FIFO waits for its writer, and opening a terminal or a tape has effects of its own.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)
_KINDS = {
    stat.S_IFDIR: "a folder, not a file",
    stat.S_IFIFO: "a named pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


class NotAFileError(OSError):
    """A folder, a pipe, a socket or a device where a file was expected."""


def open_file(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file, or a link to one, for reading bytes.

    Raises:
        OSError: it does not exist, cannot be read, or is not a regular file; `strerror` is a
            reason in a few words.
    """
    path = os.fspath(path)
    try:
        check_file(path)
        descriptor = os.open(path, _FLAGS)
    except ValueError as error:  # a null character in the name
        raise OSError(errno.EINVAL, str(error), path) from error
    try:
        _check_mode(os.fstat(descriptor).st_mode, path)  # another file may have taken its place
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_file(path: str | os.PathLike) -> os.stat_result:
    """The status of a regular file, or of the one that a link leads to; opens nothing.

    Raises:
        OSError: as for `open_file`.
    """
    if os.path.islink(path) and not os.path.lexists(os.path.realpath(path)):
        raise FileNotFoundError(errno.ENOENT, "a link that leads nowhere", os.fspath(path))
    status = os.stat(path)
    _check_mode(status.st_mode, path)
    return status


def check_folder(folder: str | os.PathLike) -> None:
    """Checks that a folder holds, at any depth, regular files and folders only.

    For folders that a library opens: it would wait for a pipe among them.

    Raises:
        OSError: as for `open_file`.
    """
    for parent, _, names in os.walk(folder):
        for name in names:
            check_file(os.path.join(parent, name))


def read_bytes(path: str | os.PathLike) -> bytes:
    """The contents of a regular file.

    Raises:
        OSError: as for `open_file`.
    """
    with open_file(path) as file:
        return file.read()


def read_text(path: str | os.PathLike, encoding: str = "utf-8") -> str:
    """The text of a regular file, with `\\n` at the end of each line.

    Raises:
        OSError: as for `open_file`.
        UnicodeDecodeError: it is not text of this encoding.
    """
    return read_bytes(path).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _check_mode(mode: int, path: str | os.PathLike) -> None:
    if not stat.S_ISREG(mode):
        reason = _KINDS.get(stat.S_IFMT(mode), "not a regular file")
        raise NotAFileError(errno.EINVAL, reason, os.fspath(path))
