"""A web page, in a single file, that shows inputs, outputs and targets side by side."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence

import numpy as np

from tfgan_suite.data.readers import image_scaling
from tfgan_suite.utils import files
from tfgan_suite.utils.text import printable

# Images are reduced to MAX_SIDE pixels; those of up to SMALL pixels are stored losslessly and
# enlarged without smoothing.
MAX_SIDE, SMALL = 512, 128
SPOOLED = 2**25  # bytes of rows that are kept in memory

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 1600px; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; table-layout: fixed }
th { position: sticky; top: 0; background: Canvas; text-align: left; padding: .5rem }
td { padding: .5rem; vertical-align: top }
img { width: 100%; height: auto; max-width: 512px; display: block }
img.small { image-rendering: pixelated }
.name { padding: 1rem .5rem 0; border-top: 1px solid #8886 }
"""


class Gallery:
    """Collects rows and writes them as one page, which needs no other file and no network.

    Of many rows, those above 32 MiB wait in a temporary file.

    Args:
        title: the page's title.
        note: a line below the title.
        heads: of the two or three columns.
    """

    def __init__(
        self, title: str, note: str = "", heads: Sequence[str] = ("input", "output", "target")
    ):
        self.title, self.note = printable(title), printable(note)
        self._heads = list(heads)
        # A row takes about 100 KiB, as a line of JSON: of many rows, a file holds them.
        self._rows = tempfile.SpooledTemporaryFile(SPOOLED)  # noqa: SIM115
        weakref.finalize(self, self._rows.close)
        self._count = 0
        self._has_target = False

    def __len__(self) -> int:
        return self._count

    def add(
        self,
        name: str,
        image: np.ndarray,
        output: np.ndarray,
        target: np.ndarray | None = None,
        note: str = "",
    ) -> None:
        """Adds a row.

        Args:
            name: the image's name.
            image: the input, uint8 `(height, width, 1 or 3)`.
            output: the output.
            target: the true answer, if there is one.
            note: text after the name.

        Raises:
            InputError: the rows do not fit on the disk of temporary files.
        """
        name, note = printable(name), printable(note)
        images = [image, output, *([] if target is None else [target])]
        cells = [_image_tag(array, f"{h} of {name}") for h, array in zip(self._heads, images)]
        if target is not None:
            self._has_target = True
        with files.writing_to(tempfile.gettempdir()):
            self._rows.seek(0, os.SEEK_END)
            self._rows.write(json.dumps([name, note, cells]).encode() + b"\n")
        self._count += 1

    def page(self) -> str:
        """The page's HTML."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        """The page's HTML, row by row."""
        heads = self._heads if self._has_target else self._heads[:2]
        head = "".join(f'<th scope="col">{column}</th>' for column in heads)
        title = html.escape(self.title)
        yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        yield f"<h1>{title}</h1>\n<p>{html.escape(self.note)}</p>\n"
        yield f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        self._rows.seek(0)
        for line in self._rows:
            name, note, cells = json.loads(line)
            caption = f"<b>{html.escape(name)}</b> {html.escape(note)}".rstrip()
            yield f'<tr><td class="name" colspan="{len(heads)}">{caption}</td></tr>\n'
            padded = [*cells, *[""] * (len(heads) - len(cells))]
            yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in padded) + "</tr>\n"
        yield "</tbody>\n</table>\n</body>\n</html>\n"

    def write(self, path: str | os.PathLike) -> None:
        """Writes the page atomically."""
        files.write_parts(path, (part.encode() for part in self._parts()))


def _image_tag(pixels: np.ndarray, description: str) -> str:
    from PIL import Image

    longest = max(pixels.shape[:2])
    small = longest <= SMALL
    if longest > MAX_SIDE:
        height, width = (max(1, round(side * MAX_SIDE / longest)) for side in pixels.shape[:2])
        pixels = image_scaling.resize_array(pixels, (width, height), is_smaller=True)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    content, suffix = io.BytesIO(), "png" if small else "jpeg"
    image.save(content, suffix, **({} if small else {"quality": 90}))
    data = base64.b64encode(content.getvalue()).decode()
    style = ' class="small"' if small else ""
    return (
        f'<img{style} loading="lazy" alt="{html.escape(description)}"'
        f' width="{image.size[0]}" height="{image.size[1]}"'
        f' src="data:image/{suffix};base64,{data}">'
    )
