"""Folders of pictures, some of them cut, changed, mislabelled or no pictures at all."""

import dataclasses
import os
import struct
import zlib

import numpy as np
from picture_formats import Picture, noise, whole_picture

from tfgan_suite.data.readers import listing


def flip(content, draws):
    content = bytearray(content)
    for at in draws.integers(0, len(content), draws.integers(1, 9)):
        content[at] ^= int(draws.integers(1, 256))
    return bytes(content)


def lie(content, draws):
    """The same file with a size of its own choice in the header."""
    sides = draws.choice([0, 1, 7, 400, 30_000, 65_535, 2**31 - 1], 2).astype(int).tolist()
    if content[:4] == b"\x89PNG":
        head = struct.pack(">II", *sides) + content[24:29]
        check = struct.pack(">I", zlib.crc32(b"IHDR" + head))
        return content[:16] + head + check + content[33:]
    if content[:2] == b"BM":
        return content[:18] + struct.pack("<ii", *sides) + content[26:]
    if content[:3] == b"GIF":
        return content[:6] + struct.pack("<HH", *(side % 65536 for side in sides)) + content[10:]
    if content[:1] == b"P":
        lines = content.split(b"\n", 3)
        return b"\n".join([lines[0], b"%d %d" % tuple(sides), *lines[2:]])
    start = next((content.find(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in content), -1)
    if content[:2] == b"\xff\xd8" and start > 0:
        head = struct.pack(">HH", *(side % 65536 for side in sides))
        return content[: start + 5] + head + content[start + 9 :]
    return flip(content[:64], draws) + content[64:]


def damaged(picture, draws, states):
    """The picture in one of many states, of which the first seven are bad, and its verdict."""
    state, content = int(draws.integers(states)), picture.content
    is_text = "PNM P2" in picture.kind or "PNM P3" in picture.kind
    has_no_mark = picture.name == ".tga"
    change = {}
    if state == 0:
        cut = int(draws.integers(1, len(content)))
        change = {"content": content[:cut], "verdict": "any" if is_text else "either"}
    elif state == 1:
        change = {"content": flip(content, draws), "verdict": "any"}
    elif state == 2 and not has_no_mark:
        change = {"content": lie(content, draws), "verdict": "any"}
    elif state == 3:
        change = {"content": content + noise(draws, 50).tobytes()}
        change["verdict"] = "any" if is_text else "right"
    elif state == 4 and not has_no_mark:
        change = {"name": str(draws.choice([".png", ".JPG", ".webp", ".tif", ".bmp", ".gif", ""]))}
    elif state == 5:
        change = {"content": b"", "verdict": "refused"}
    elif state == 6:
        change = {
            "content": noise(draws, 900).tobytes(),
            "verdict": "any" if has_no_mark else "refused",
        }
    return dataclasses.replace(picture, **change)


def pictures(seed, count, states=12, **options):
    draws = np.random.default_rng(seed)
    for number in range(count):
        picture = damaged(whole_picture(draws, **options), draws, states)
        yield dataclasses.replace(picture, name=f"{number:03}{picture.name}")


def write(folder, seed, count, **options):
    """A folder of pictures, and of what only looks like some: by name."""
    folder.mkdir()
    written = {picture.name: picture for picture in pictures(seed, count, **options)}
    for name, picture in written.items():
        (folder / name).write_bytes(picture.content)
    os.mkfifo(folder / "pipe.png")
    (folder / "nowhere.jpg").symlink_to(folder / "gone.jpg")
    nothing = np.zeros((1, 1, 3), np.uint8)
    for name in ("pipe.png", "nowhere.jpg"):
        written[name] = Picture(name, b"", nothing, verdict="refused", kind=name)
    (folder / "folder.png").mkdir()
    return {n: p for n, p in written.items() if n in set(listing.find_images(folder))}
