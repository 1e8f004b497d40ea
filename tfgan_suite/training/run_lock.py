"""Keeps a second process out of a run folder, on every system and file system.

The system's own lock is the best: it ends with its process, however that ends. Where a file system
offers none (some network file systems), a file names the owner instead, whose heartbeat tells
a running process from one that was killed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tfgan_suite.errors import InputError
from tfgan_suite.utils import files, processes
from tfgan_suite.utils.json_files import POSITIVE, read_json

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
try:
    import msvcrt
except ImportError:
    msvcrt = None  # type: ignore[assignment]

LOCK, OWNER = ".lock", ".lock-owner"
# What the lock leaves in a folder; a folder with nothing else is empty.
NAMES = (LOCK, OWNER)
# Seconds between two signs of life, and after which an owner on another machine is dead.
HEARTBEAT, STALE = 30.0, 600.0
# How systems say that another process has the lock; anything else means that there are no locks.
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextlib.contextmanager
def lock(folder: Path, log: Callable[[str], None] = print) -> Iterator[None]:
    """Keeps other processes out of a folder while the block runs.

    Args:
        folder: the folder; created if missing.
        log: receives one line where the file system has no locks.

    Raises:
        InputError: another process has it, or it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with files.writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open(folder / LOCK, "a+b"))
        try:
            _lock_file(file)
        except OSError as error:
            if error.errno in _BUSY:
                raise _busy(folder) from None
            reason = error.strerror or str(error)
            log(
                f"the file system of {folder} has no file locks ({reason}); {folder / OWNER} keeps"
                " other processes out instead"
            )
            stack.enter_context(_owner_file(folder))
        # An owner that found no locks, perhaps on another machine, keeps this process out too.
        else:
            _refuse_owner(folder)
        yield


def _lock_file(file: IO[bytes]) -> None:
    """Locks an open file until it is closed.

    Raises:
        OSError: another process has the lock (`_BUSY`), or the file system has no locks.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt is not None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


@contextlib.contextmanager
def _owner_file(folder: Path) -> Iterator[None]:
    """Creates the file that names this process, keeps it fresh, and removes it at the end."""
    path, token = folder / OWNER, secrets.token_hex(8)
    _refuse_owner(folder)
    with files.writing_to(folder):
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:  # another process was a moment earlier
            raise _busy(folder) from None
        os.close(descriptor)
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
        files.write_bytes(path, files.json_line({**owner, "time": time.time()}))
    end = threading.Event()

    def beat() -> None:
        while not end.wait(HEARTBEAT):
            with contextlib.suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        with contextlib.suppress(OSError):
            path.unlink()


def _refuse_owner(folder: Path) -> None:
    """Removes the file of an owner that is dead.

    Raises:
        InputError: the owner is alive, or may be.
    """
    path = folder / OWNER
    try:
        age = _age(path)
    except OSError:
        return  # there is none
    try:
        schema = {"host": str, "pid": POSITIVE}
        owner = read_json(path, schema, advice="delete it")
    except InputError:
        owner = {"host": "", "pid": 0}  # cut short by a kill
    here = owner["host"] == socket.gethostname()
    alive = processes.is_running(owner["pid"]) if here else None
    if alive is None:
        alive = age < STALE
    if alive:
        raise _busy(folder, f" (process {owner['pid']} on {owner['host'] or 'an unknown host'})")
    with files.writing_to(folder), contextlib.suppress(FileNotFoundError):
        # Moved before it is removed: of two processes that see a dead owner one fails here.
        grave = folder / f"{OWNER}-{secrets.token_hex(4)}"
        os.replace(path, grave)
        grave.unlink()


def _age(path: Path) -> float:
    """Seconds since the last sign of life, by the clock of the file system."""
    touched = path.stat().st_mtime
    probe = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
    try:
        probe.touch()
        return probe.stat().st_mtime - touched
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def _busy(folder: Path, owner: str = "") -> InputError:
    advice = f"; if it is no training, delete {folder / OWNER}" if owner else ""
    return InputError(
        f"another process is training in {folder}{owner}; wait for it, or pass another --run"
        f"{advice}"
    )
