"""A web page, in a single file, that shows inputs, outputs and targets side by side."""

from __future__ import annotations

import base64
import html
import io
import os

import numpy as np

from tfgan_suite.utils import files
from tfgan_suite.utils.text import printable

# Images are reduced to MAX_SIDE pixels; those of up to SMALL pixels are stored losslessly and
# enlarged without smoothing.
MAX_SIDE, SMALL = 512, 128

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

    Args:
        title: the page's title.
        note: a line below the title.
    """

    def __init__(self, title: str, note: str = ""):
        self.title, self.note = printable(title), printable(note)
        self._rows: list[tuple[str, str, list[str]]] = []
        self._has_target = False

    def __len__(self) -> int:
        return len(self._rows)

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
        """
        name, note = printable(name), printable(note)
        cells = [_image_tag(image, f"input of {name}"), _image_tag(output, f"output of {name}")]
        if target is not None:
            cells.append(_image_tag(target, f"target of {name}"))
            self._has_target = True
        self._rows.append((name, note, cells))

    def page(self) -> str:
        """The page's HTML."""
        heads = ["input", "output", *(["target"] if self._has_target else [])]
        lines = []
        for name, note, cells in self._rows:
            caption = f"<b>{html.escape(name)}</b> {html.escape(note)}".rstrip()
            lines.append(f'<tr><td class="name" colspan="{len(heads)}">{caption}</td></tr>')
            padded = [*cells, *[""] * (len(heads) - len(cells))]
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in padded) + "</tr>")
        head = "".join(f'<th scope="col">{column}</th>' for column in heads)
        title = html.escape(self.title)
        return "\n".join(
            [
                '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
                f"<h1>{title}</h1>\n<p>{html.escape(self.note)}</p>",
                f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>",
                *lines,
                "</tbody>\n</table>\n</body>\n</html>\n",
            ]
        )

    def write(self, path: str | os.PathLike) -> None:
        """Writes the page atomically."""
        files.write_bytes(path, self.page().encode())


def _image_tag(pixels: np.ndarray, description: str) -> str:
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    longest = max(image.size)
    small = longest <= SMALL
    if longest > MAX_SIDE:
        sides = [max(1, round(side * MAX_SIDE / longest)) for side in image.size]
        image = image.resize(sides, Image.Resampling.LANCZOS)
    content, suffix = io.BytesIO(), "png" if small else "jpeg"
    image.save(content, suffix, **({} if small else {"quality": 90}))
    data = base64.b64encode(content.getvalue()).decode()
    style = ' class="small"' if small else ""
    return (
        f'<img{style} loading="lazy" alt="{html.escape(description)}"'
        f' width="{image.size[0]}" height="{image.size[1]}"'
        f' src="data:image/{suffix};base64,{data}">'
    )
