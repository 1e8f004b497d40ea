"""The checkpoints in a folder, judged by their files.

TensorFlow's state file `checkpoint` names them, but it can be lost, cut or copied from elsewhere.
It is written for other programs and never read here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from tensorflow.core.protobuf import tensor_bundle_pb2

from tfgan_suite.utils import foreign_files

STATE = "checkpoint"
_FILE = re.compile(r"ckpt-(\d{1,18})\.(index|data-\d{5}-of-\d{5})")
# Folders that mark an unfinished save: ours, and TensorFlow's own.
_MARK = re.compile(r"\.saving-(\d+)|ckpt-(\d+)_temp")
# An index is a table of sorted strings; it ends with this number.
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER = 48
_NOT_COMPRESSED = 0
_MAX_SHARDS = 99999


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint.

    Args:
        step: the training step at which it was saved.
        prefix: path without endings, as TensorFlow takes it.
        files: all files of this checkpoint.
        damage: what is wrong with the files, e.g. `"ckpt-9.index is missing"`; empty if nothing.
        unfinished: a kill interrupted the save, so that it never was a checkpoint.
    """

    step: int
    prefix: Path
    files: tuple[Path, ...]
    damage: str
    unfinished: bool


def scan(folder: Path) -> list[CheckpointFiles]:
    """The checkpoints of a folder, the newest first.

    Args:
        folder: the folder; it may be missing.

    Raises:
        OSError: it cannot be read.
    """
    if not folder.is_dir():
        return []
    files: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _FILE.fullmatch(path.name)
        if match:
            files.setdefault(int(match[1]), []).append(path)
    marked = {step for _, step in unfinished_saves(folder)}
    return [
        CheckpointFiles(
            step,
            prefix := folder / f"ckpt-{step}",
            tuple(paths),
            find_damage(prefix),
            # The index comes last, so a save that has it is complete.
            step in marked and all(path.suffix != ".index" for path in paths),
        )
        for step, paths in sorted(files.items(), reverse=True)
    ]


def unfinished_saves(folder: Path) -> list[tuple[Path, int]]:
    """Folders that interrupted saves left behind, and their steps."""
    if not folder.is_dir():
        return []
    matches = ((path, _MARK.fullmatch(path.name)) for path in folder.iterdir())
    return [(path, int(match[1] or match[2])) for path, match in matches if match]


def find_damage(prefix: Path) -> str:
    """What is wrong with a checkpoint's files; empty if nothing is.

    Checksums are left to TensorFlow, which compares that of each tensor that it reads.

    Args:
        prefix: path of the checkpoint without endings.
    """
    index = prefix.with_name(prefix.name + ".index")
    try:
        content = foreign_files.read_bytes(index)
    except OSError:
        return f"{index.name} is missing" if not index.exists() else f"{index.name} is unreadable"
    try:
        sizes = shard_sizes(content)
    except ValueError:
        return f"{index.name} is damaged"
    for shard, size in enumerate(sizes):
        path = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{len(sizes):05d}")
        if not path.is_file():
            return f"{path.name} is missing"
        missing = size - path.stat().st_size
        if missing > 0:
            return f"{path.name} is {missing} bytes short"
    return ""


def shard_sizes(index: bytes) -> list[int]:
    """The sizes in bytes that the data files of a checkpoint have at least.

    Args:
        index: the content of its index file.

    Raises:
        ValueError: it is not an index.
    """
    try:
        entries = dict(_table(index))
        header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries.pop(b""))
        if header.num_shards > _MAX_SHARDS:
            raise ValueError(f"{header.num_shards} data files")
        sizes = [0] * header.num_shards
        for value in entries.values():
            entry = tensor_bundle_pb2.BundleEntryProto.FromString(value)
            sizes[entry.shard_id] = max(sizes[entry.shard_id], entry.offset + entry.size)
    except Exception as error:  # the parser of messages has an error class for each version
        raise ValueError(f"no index of a checkpoint: {error}") from error
    if not sizes or not entries:
        raise ValueError("an index without entries")
    return sizes


def _table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table of sorted strings."""
    footer = content[-_FOOTER:]
    if len(footer) < _FOOTER or not footer.endswith(_MAGIC):
        raise ValueError("no table")
    position = 0
    for _ in range(2):  # the table's list of extra blocks, which is not needed
        _, position = _varint(footer, position)
    for _, handle in _block(content, *_handle(footer, position)):
        yield from _block(content, *_handle(handle, 0))


def _handle(content: bytes, position: int) -> tuple[int, int]:
    offset, position = _varint(content, position)
    return offset, _varint(content, position)[0]


def _block(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Entries of a block: each key repeats a part of the key before it."""
    block = content[offset : offset + size]
    if len(block) < size or content[offset + size] != _NOT_COMPRESSED:
        raise ValueError("no block")
    restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        if position + unshared + length > end:
            raise ValueError("an entry is cut")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """A number in parts of seven bits, and the position after it."""
    number = shift = 0
    while shift < 64:
        byte = content[position]
        number |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return number, position
    raise ValueError("a number is too long")
