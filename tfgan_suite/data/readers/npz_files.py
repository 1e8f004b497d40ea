"""Reads `.npz` and `.npy` files of any origin: no pickles, no lying headers, no zip bombs."""

from __future__ import annotations

import ast
import contextlib
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files, memory_budget
from tfgan_suite.utils.text import message_of

_MAX_HEADER = 10_000
_MAX_BYTES = 2**36  # of one array
# An array that unpacks to more than this many times its compressed size, and to more than this many
# bytes, was made to fill the memory: deflate packs zeros about 1,030 times.
_MAX_RATIO, _BOMB_BYTES = 500, 2**28
_ERRORS = (
    ValueError, OSError, EOFError, KeyError, IndexError, TypeError, OverflowError, MemoryError,
    RecursionError, SyntaxError, NotImplementedError, RuntimeError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def array_names(path: Path) -> list[str]:
    """Names of the arrays of an `.npz` file.

    Raises:
        InputError: not a zip file of arrays.
    """
    with _opened(path) as file:
        members = [name for name in file.namelist() if not name.endswith("/")]
        names = [name[:-4] for name in members if name.endswith(".npy")]
        if members and not names:
            raise InputError(
                f"{path} is a zip file without arrays (it holds {_listed(members)}); expected one "
                "that np.savez has written: save the images as an array, or unpack the file and "
                "name its folder"
            )
        return names


def read_arrays(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Reads some arrays of an `.npz` file.

    Raises:
        InputError: a damaged file, an array of Python objects (which could run code when it is
            read), a header that does not fit the bytes, or more bytes than memory should hold.
    """
    with _opened(path) as file:
        return [_read(file, name, path) for name in names]


def read_array(path: Path) -> np.ndarray:
    """Reads the array of an `.npy` file.

    Raises:
        InputError: as for `read_arrays`.
    """
    with _one_line(path, ".npy", "np.save"), foreign_files.open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        return _read_values(file, size, size, path.name, path)


@contextlib.contextmanager
def _one_line(path: Path, kind: str, writer: str):
    """Turns whatever the parsers raise into one line."""
    try:
        if not path.is_file():
            raise InputError(f"{path} is not a file; expected an {kind} file: choose another path")
        yield
    except InputError:
        raise
    except _ERRORS as error:
        raise InputError(
            f"{path} cannot be read as {kind} ({message_of(error)}); expected arrays of numbers: "
            f"write them with {writer}"
        ) from error


@contextlib.contextmanager
def _opened(path: Path):
    """The zip file."""
    with _one_line(path, ".npz", "np.savez"), foreign_files.open_file(path) as stored:
        if stored.read(6) == b"\x93NUMPY":
            raise InputError(
                f"{path} is a single array (.npy) under the name of an .npz file; expected a file"
                " of named arrays: rename it to .npy, or save it with np.savez(file, image=images)"
            )
        with zipfile.ZipFile(stored) as file:
            yield file


def _read(file: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    info = file.getinfo(f"{name}.npy")
    with file.open(info) as member:
        return _read_values(member, info.file_size, max(info.compress_size, 1), name, path)


def _read_values(file: IO[bytes], file_size: int, packed: int, name: str, path: Path) -> np.ndarray:
    """An array in NumPy's format.

    Args:
        file: at the array's header.
        file_size: bytes from there to the end of the array.
        packed: bytes that they take on disk.
        name: of the array, for messages.
        path: of the file, for messages.
    """
    shape, fortran, dtype, start = _header(file, path, name)
    size = math.prod(shape) * dtype.itemsize
    if start + size != file_size:
        raise InputError(
            f"{path}: the header of {name} states the shape {shape} of {dtype}, which is "
            f"{size} bytes; found {file_size - start}: the file is damaged, write it again"
        )
    if size > _BOMB_BYTES:
        free = memory_budget.available_bytes()
        most = _MAX_BYTES if free is None else min(_MAX_BYTES, free)
        if size > most or size > _MAX_RATIO * packed:
            raise InputError(
                f"{path}: {name} would take {size / 2**30:.1f} GiB, unpacked from "
                f"{packed / 2**20:.1f} MiB; expected images that fit into memory, of which "
                f"{most / 2**30:.1f} GiB are free: use a folder of images, which is streamed"
            )
    values = np.empty(size, np.uint8)
    view, count = memoryview(values), 0
    while count < size:
        block = file.read(min(2**22, size - count))
        if not block:
            raise EOFError(f"{name} ends after {count} of {size} bytes")
        view[count : count + len(block)] = block
        count += len(block)
    if file.read(1):  # reads to the end, where zipfile compares the checksum
        raise ValueError(f"{name} holds more bytes than its header states")
    array = values.view(dtype) if size else np.empty(0, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _header(member, path: Path, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, type and length of an array's header."""
    magic = member.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise ValueError(f"{name} is not an array in NumPy's format")
    width, kind = (2, "<H") if magic[6] == 1 else (4, "<I")
    (length,) = struct.unpack(kind, member.read(width))
    if length > _MAX_HEADER:
        raise ValueError(f"the header of {name} has {length} bytes")
    text = member.read(length).decode("utf-8" if magic[6] == 3 else "latin1")
    fields = ast.literal_eval(text.strip())
    shape, dtype = fields["shape"], np.dtype(fields["descr"])
    sides = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 2**48 for n in shape)
    if not sides or type(fields["fortran_order"]) is not bool:
        raise ValueError(f"the header of {name} states no shape")
    if dtype.hasobject:
        raise InputError(
            f"{path} cannot be read as {path.suffix} ({name} holds Python objects, which could run"
            " code); expected arrays of numbers: write images of one size as uint8"
        )
    if dtype.subdtype is not None or not dtype.itemsize and dtype.kind not in "US":
        raise ValueError(f"{name} has values of type {dtype}")
    return shape, fields["fortran_order"], dtype, 8 + width + length


def _listed(names: Sequence[str | os.PathLike]) -> str:
    listed = ", ".join(str(name)[:60] for name in names[:3])
    return listed + (f" and {len(names) - 3} more" if len(names) > 3 else "")
