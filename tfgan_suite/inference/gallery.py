"""A web page that shows inputs, outputs and true answers side by side, in one file."""

from __future__ import annotations

import base64
import html
import io
import os

import numpy as np

from tfgan_suite.utils import files

# Images are shown at most so large; those up to SMALL pixels are kept exactly, and enlarged
# without smoothing.
LARGEST, SMALL = 512, 128

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
        title: headline.
        note: a line below it.
    """

    def __init__(self, title: str, note: str = ""):
        self.title, self.note = title, note
        self._rows: list[tuple[str, str, list[str]]] = []
        self._with_truth = False

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        name: str,
        given: np.ndarray,
        made: np.ndarray,
        truth: np.ndarray | None = None,
        about: str = "",
    ) -> None:
        """Adds a row.

        Args:
            name: of the image.
            given: input, uint8 `(height, width, 1 or 3)`.
            made: output.
            truth: the true answer, where there is one.
            about: words behind the name.
        """
        cells = [_image(given, f"input of {name}"), _image(made, f"output of {name}")]
        if truth is not None:
            cells.append(_image(truth, f"target of {name}"))
            self._with_truth = True
        self._rows.append((name, about, cells))

    def page(self) -> str:
        """The page's HTML."""
        heads = ["input", "output", *(["target"] if self._with_truth else [])]
        lines = []
        for name, about, cells in self._rows:
            said = f"<b>{html.escape(name)}</b> {html.escape(about)}".rstrip()
            lines.append(f'<tr><td class="name" colspan="{len(heads)}">{said}</td></tr>')
            filled = [*cells, *[""] * (len(heads) - len(cells))]
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in filled) + "</tr>")
        head = "".join(f'<th scope="col">{word}</th>' for word in heads)
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
        """Writes the page whole or not at all."""
        files.write_bytes(path, self.page().encode())


def _image(pixels: np.ndarray, words: str) -> str:
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    longest = max(image.size)
    small = longest <= SMALL
    if longest > LARGEST:
        sides = [max(1, round(side * LARGEST / longest)) for side in image.size]
        image = image.resize(sides, Image.Resampling.LANCZOS)
    content, kind = io.BytesIO(), "png" if small else "jpeg"
    image.save(content, kind, **({} if small else {"quality": 90}))
    data = base64.b64encode(content.getvalue()).decode()
    style = ' class="small"' if small else ""
    return (
        f'<img{style} loading="lazy" alt="{html.escape(words)}"'
        f' width="{image.size[0]}" height="{image.size[1]}"'
        f' src="data:image/{kind};base64,{data}">'
    )
