"""`index.html` in a run folder: what the run looks like, for a browser, without scripts.

It is made from the files of the folder alone, so a resumed run continues it. Whatever is wrong
with it, training goes on.
"""

from __future__ import annotations

import base64
import html
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from tfgan_suite.errors import InputError
from tfgan_suite.training import best, next_steps
from tfgan_suite.training.callbacks import EverySteps
from tfgan_suite.utils import files, foreign_files, svg_charts
from tfgan_suite.utils.json_files import COUNT, parse_json, read_json

FILE, HEALTH = "index.html", "health.jsonl"
# Lines of a log that are read, grids that are shown, and bytes of images that the page holds
# itself; larger ones it shows from the folder.
_LINES, _GRIDS, _IMAGE_BYTES, _PAGE_BYTES = 400, 6, 600_000, 3_000_000
_WARNINGS = 20
_STYLE = Path(__file__).with_name("run_page.css")


class RunPage(EverySteps):
    """Writes the page of a run whenever a checkpoint is saved.

    Args:
        folder: the run folder.
        every: steps between two checkpoints.
        log: gets a line where the page cannot be written, once.
    """

    def __init__(self, folder: Path, every: int, log: Callable[[str], None] = print):
        super().__init__(every)
        self.folder, self.log = folder, log
        self._complained = False

    def act(self, step: int, logs: object) -> None:
        if self.chief:
            self.write(step)

    def write(self, step: int) -> None:
        """Writes the page now."""
        reason = write(self.folder, self.model, step)
        if reason and not self._complained:
            self._complained = True
            self.log(f"\nstep {step}: {FILE} could not be written ({reason}); training goes on")


def write(folder: Path, game: keras.Model, step: int) -> str:
    """Writes the page of a run, atomically.

    Args:
        folder: the run folder.
        game: its game.
        step: that is trained.

    Returns:
        Why it could not be written; empty where it was.
    """
    try:
        page = build(folder, game.usage, step, game.notice)
        files.write_bytes(folder / FILE, page.encode("utf-8", "replace"))
    except Exception as error:  # of whatever kind: a page is never worth hours of training
        return files.failure_reason(error)
    return ""


def record_warning(folder: Path, step: int, message: str) -> None:
    """Keeps a warning of the health check for the page; a full disk does not matter here."""
    try:
        files.append_json(folder / HEALTH, {"step": step, "message": message})
    except OSError:
        return


def build(folder: Path, usage: str, step: int, notice: str = "") -> str:
    """The page of a run.

    Args:
        folder: the run folder.
        usage: the game's, for the commands.
        step: that is trained.
        notice: what those who use the game are asked.

    Returns:
        HTML that needs no other file, but for images that are too large to be a part of it.

    Raises:
        InputError, OSError: the manifest cannot be read.
    """
    manifest = read_json(folder / "run.json", {"constants": {}}, advice="")
    constants = manifest["constants"]
    title = f"{manifest.get('recipe', 'run')} on {_data_name(manifest)}"
    record = best.read(folder)
    parts = [
        f"<h1>{_text(title)}</h1>",
        _progress(step, constants.get("steps")),
        f'<p class="soft">{_text(folder.name)}</p>',
        f"<p><em>{_text(notice)}</em></p>" if notice else "",
        _warnings(_lines(folder / HEALTH)),
        _grids(folder),
        _charts("Measures", _lines(folder / "measures.jsonl"), record),
        f"<p>Best checkpoint: {_text(best.describe(record))}, in <code>best/</code>.</p>"
        if record
        else "",
        _charts("Losses", _lines(folder / "losses.jsonl"), None),
        _commands(folder, usage, constants, step, record is not None),
        _table("Constants", constants),
        _table("Versions", manifest.get("versions") or {}),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE.read_text('utf-8')}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )


def _progress(step: int, steps: Any) -> str:
    if not isinstance(steps, int) or steps < 1:
        return f"<p>step {step}</p>"
    words = "all steps trained" if step >= steps else "training"
    return (
        f'<progress max="{steps}" value="{min(step, steps)}"></progress>'
        f"<p>step {step} of {steps}: {words}</p>"
    )


def _warnings(lines: Sequence[Mapping[str, Any]]) -> str:
    if not lines:
        return ""
    rows = (f"<li>step {e['step']}: {_text(e.get('message', ''))}</li>" for e in lines[-_WARNINGS:])
    return f'<h2>Warnings</h2><div class="warn"><ul>{"".join(rows)}</ul></div>'


def _grids(folder: Path) -> str:
    """The newest grid of each kind, and those of the same noise over training."""
    images = _Images(folder)
    kinds: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/step_*.png")):
        if path.parent.name != best.FOLDER:
            kinds.setdefault(path.parent.name, []).append(path)
    parts = []
    for name in sorted(kinds, key=lambda name: (name != "samples", name)):
        grids = kinds[name]
        count = min(len(grids), _GRIDS)
        chosen = [grids[round(i * (len(grids) - 1) / max(count - 1, 1))] for i in range(count)]
        newest = images.figure(grids[-1], f"step {_step(grids[-1])}")
        film = "".join(images.figure(path, f"step {_step(path)}") for path in chosen[:-1])
        parts.append(
            f'<h2>{_text(name.capitalize())}</h2><div class="large">{newest}</div>'
            f'<div class="film">{film}</div>'
        )
    held_out = folder / "samples" / "held_out.png"
    if held_out.is_file():
        figure = images.figure(held_out, "examples that training never showed")
        parts.append(f'<h2>Held-out examples</h2><div class="large">{figure}</div>')
    return "".join(parts)


class _Images:
    """Turns files into `<img>`: as a part of the page until that is full, then by name."""

    def __init__(self, folder: Path):
        self.folder, self.left = folder, _PAGE_BYTES

    def figure(self, path: Path, caption: str) -> str:
        source = path.relative_to(self.folder).as_posix()
        size = path.stat().st_size
        if size <= min(_IMAGE_BYTES, self.left):
            self.left -= size
            source = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
        return (
            f'<figure><img src="{html.escape(source)}" alt="{_text(caption)}" loading="lazy">'
            f"<figcaption>{_text(caption)}</figcaption></figure>"
        )


def _charts(
    title: str, lines: Sequence[Mapping[str, Any]], record: Mapping[str, Any] | None
) -> str:
    """A chart for each number of a log; the best step is marked in the measure that chose it."""
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for entry in lines:
        for name, value in _numbers(entry):
            steps, values = curves.setdefault(name, ([], []))
            steps.append(entry["step"])
            values.append(value)
    chosen = record["measure"].split(" x ") if record else []
    charts = [
        svg_charts.line_chart(name, *curves[name], record["step"] if record else None)
        if name in chosen
        else svg_charts.line_chart(name, *curves[name])
        for name in sorted(curves, key=lambda name: name not in chosen)
    ]
    return f'<h2>{title}</h2><div class="grid">{"".join(charts)}</div>' if charts else ""


def _numbers(entry: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Names and numbers of a line, of training or of `python -m tfgan_suite measure`."""
    if isinstance(entry.get("name"), str) and "value" in entry:
        entry = {entry["name"]: entry["value"]}
    fixed = ("step", "samples", "translations", "seed", "images", "points")
    return [
        (name, math.nan if value is None else float(value))
        for name, value in entry.items()
        if name not in fixed and isinstance(value, (int, float)) and not isinstance(value, bool)
    ]


def _commands(
    folder: Path, usage: str, constants: Mapping[str, Any], step: int, has_best: bool
) -> str:
    run = str(folder)
    commands = {
        "Use it": next_steps.use(usage, run),
        "Use the best checkpoint": next_steps.use(usage, f"{run}/best") if has_best else None,
        "Export it": next_steps.use("export {}", run),
        "Measure it": next_steps.measure(usage, run, str(constants.get("data", "DATA"))),
        "Curves": next_steps.curves(run),
        "Train longer": next_steps.train_longer(sys.argv, run, max(step, 1)),
    }
    blocks = {command: words for words, command in commands.items() if command}
    rows = (f"<p>{_text(w)}</p><pre>{_text(command)}</pre>" for command, w in blocks.items())
    return f"<h2>How to use it</h2>{''.join(rows)}"


def _table(title: str, entries: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{_text(name)}</td><td>{_text(value)}</td></tr>" for name, value in entries.items()
    )
    return (
        f"<h2>{title}</h2><details><summary>{len(entries)}</summary><table>{rows}</table></details>"
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """At most `_LINES` entries of a log, spread over it, the last one among them."""
    try:
        lines = foreign_files.read_bytes(path).splitlines()
    except OSError:
        return []
    stride = max(1, -(-len(lines) // _LINES))
    entries = []
    for line in lines[(len(lines) - 1) % stride :: stride]:
        try:
            text = line.decode()
            entries.append(parse_json(text, path.name, {"step": COUNT}, advice=""))
        except (UnicodeDecodeError, InputError):
            continue  # cut short by a kill
    return entries


def _data_name(manifest: Mapping[str, Any]) -> str:
    entry = manifest.get("data")
    return str(entry.get("name", "data")) if isinstance(entry, Mapping) else "data"


def _step(path: Path) -> str:
    number = path.stem.partition("_")[2]
    return str(int(number)) if number.isdecimal() else number


def _text(value: object) -> str:
    return html.escape(str(value))
