"""Makes a study: one web page that needs no network, and the key that says what it showed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite.data.readers import image_files
from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import write_bytes, writing_to

KEY_FORMAT = "tfgan_suite study key 1"
QUESTIONS = {
    "preference": "Which image is better?",
    "mos": "How good is this image?",
    "turing": "Is this image real or generated?",
}
INTRODUCTIONS = {
    "preference": "You will see two images at a time. Choose the better one.",
    "mos": "You will see one image at a time. Give it a grade from 1 (bad) to 5 (excellent); a "
    "image in which hardly anything can be seen gets a 1.",
    "turing": "You will see one image at a time. Some are real, some were made by a computer. "
    "Say which; mere noise counts as generated.",
}
PAIRINGS = ("auto", "names", "random")
_HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Study:
    """What `make` wrote.

    Args:
        page: the web page for the raters.
        key: the file that `analyse` needs; raters must not have it.
        id: of the study, in the page, the key and every result file.
        trials: number of questions, catch trials among them.
        catch: number of catch trials.
        paired: whether images of the same name belong together.
        skipped: `(file, reason)` of files that could not be read.
    """

    page: Path
    key: Path
    id: str
    trials: int
    catch: int
    paired: bool
    skipped: list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class _Image:
    side: str  # "first", "second" or "catch"
    file: str
    pixels: np.ndarray


def make(
    first: str | Path,
    second: str | Path,
    out: str | Path,
    kind: str,
    *,
    trials: int = 40,
    catch: int | None = None,
    seed: int = 0,
    size: int | None = None,
    pairing: str = "auto",
    title: str = "Image study",
    question: str = "",
) -> Study:
    """Makes a study from two folders of images.

    Images are written again as PNG without names or notes, under opaque names; which is which
    stands in the key file only. Catch trials have one sure answer: a destroyed image is the
    worse one, is bad, is not real.

    Args:
        first: folder; `"turing"`: the real images.
        second: folder; `"turing"`: the generated images.
        out: page to write, `NAME.html`; the key is `NAME.key.json` beside it.
        kind: `"preference"` (which of two is better), `"mos"` (grades 1 to 5), `"turing"` (real
            or generated).
        trials: questions without catch trials; fewer where the folders have fewer images.
        catch: catch trials; default one for ten questions, at least 2.
        seed: of the choice of images, their pairing and sides.
        size: side in pixels to which all are scaled and cut; needed where sizes would tell.
        pairing: `"names"`: files of one name belong together; `"random"`; `"auto"`: by names
            where all names of the smaller folder are in the other one.
        title: headline of the page.
        question: what is asked at each trial; default by kind.

    Raises:
        InputError: fewer than two images a side, sizes that would tell the sides apart, unknown
            words, numbers out of range, a page that would be overwritten, no room to write.
    """
    _check(kind, trials, catch, pairing)
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the page is {out}; expected a name that ends with .html")
    draws = np.random.default_rng(seed)
    names = [_list(Path(folder)) for folder in (first, second)]
    paired = _is_paired(names, pairing, (first, second))
    wanted = max(2, trials if kind == "preference" else trials // 2)
    skipped: list[tuple[str, str]] = []
    sides = _choose((Path(first), Path(second)), names, paired, wanted, size, draws, skipped)
    _check_sides(sides, (first, second), size, kind, skipped)
    catch = (
        max(2, len(sides[0]) * (1 if kind == "preference" else 2) // 10) if catch is None else catch
    )
    asked = _trials(kind, sides, catch, draws)
    asked = [asked[i] for i in draws.permutation(len(asked))]
    named = _opaque_names(asked, draws)
    page, key = _compose(kind, asked, named, title, question or QUESTIONS[kind])
    key.update(seed=seed, paired=paired, first=_label(first), second=_label(second), size=size)
    key_path = out.with_suffix(".key.json")
    _write(out, key_path, page, key)
    return Study(out, key_path, key["study"], len(asked), catch, paired, skipped)


def _check(kind: str, trials: int, catch: int | None, pairing: str) -> None:
    if kind not in QUESTIONS:
        raise InputError(f"there is no study {kind!r}; choose {', '.join(QUESTIONS)}")
    if pairing not in PAIRINGS:
        raise InputError(f"pairing is {pairing!r}; it must be {', '.join(PAIRINGS)}")
    if not 2 <= trials <= 1000:
        raise InputError(f"{trials} trials were asked for; expected 2 to 1000")
    if catch is not None and not 0 <= catch <= trials:
        raise InputError(f"{catch} catch trials were asked for; expected 0 to {trials}")


def _list(folder: Path) -> list[str]:
    """Images below a folder, in a fixed order."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; a study needs two folders of images")
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in image_files.SUFFIXES and path.is_file()
    )
    if len(found) < 2:
        raise InputError(f"{folder} holds {len(found)} images; a study needs two a side at least")
    return found


def _is_paired(names: Sequence[list[str]], pairing: str, folders: Sequence[Any]) -> bool:
    stems = [{Path(name).with_suffix("").as_posix() for name in side} for side in names]
    shared = stems[0] & stems[1]
    if pairing == "names" and len(shared) < 2:
        raise InputError(
            f"{folders[0]} and {folders[1]} share {len(shared)} names of images; pairing by "
            "names needs two at least"
        )
    return pairing == "names" or (pairing == "auto" and len(shared) == min(map(len, stems)))


def _choose(folders, names, paired, wanted, size, draws, skipped) -> list[list[_Image]]:
    """Up to `wanted` readable images of each side; with pairing, the same names in one order."""
    if not paired:
        sides = []
        for side, folder, found in zip(("first", "second"), folders, names):
            got: list[_Image] = []
            for index in draws.permutation(len(found)):
                image = _read(folder, found[index], side, size, skipped)
                got += [] if image is None else [image]
                if len(got) == wanted:
                    break
            sides.append(got)
        return sides
    by_stem = [{Path(n).with_suffix("").as_posix(): n for n in found} for found in names]
    shared = sorted(set(by_stem[0]) & set(by_stem[1]))
    pairs: list[tuple[_Image, _Image]] = []
    for index in draws.permutation(len(shared)):
        pair = [
            _read(folder, stems[shared[index]], side, size, skipped)
            for side, folder, stems in zip(("first", "second"), folders, by_stem)
        ]
        pairs += [] if None in pair else [tuple(pair)]
        if len(pairs) == wanted:
            break
    return [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]


def _read(folder, name, side, size, skipped) -> _Image | None:
    try:
        return _Image(side, name, image_files.read(folder / name, image_files.check_size(size), 3))
    except image_files.Unreadable as error:
        skipped.append((str(folder / name), str(error)))
        return None


def _check_sides(sides, folders, size, kind, skipped) -> None:
    for side, folder in zip(sides, folders):
        if len(side) < 2:
            why = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
            raise InputError(
                f"{folder} gives {len(side)} readable images{why}; a study needs two a side at "
                "least"
            )
    sizes = [{image.pixels.shape[:2] for image in side} for side in sides]
    uneven = kind == "preference" and any(
        one.pixels.shape != two.pixels.shape for one, two in zip(*sides)
    )
    if size is None and (sizes[0] != sizes[1] or uneven):
        said = [", ".join(f"{w}x{h}" for h, w in sorted(s)[:3]) for s in sizes]
        raise InputError(
            f"the images' sizes tell the sides apart ({folders[0]}: {said[0]}; {folders[1]}: "
            f"{said[1]}); give --size to bring all to one"
        )


def _trials(kind, sides, catch, draws) -> list[dict[str, Any]]:
    """The questions: images from left to right, and of catch trials the sure answer."""
    count = min(map(len, sides))
    spoilt = [sides[0][i % len(sides[0])] for i in draws.permutation(max(catch, 1))[:catch]]
    destroyed = [_Image("catch", "", _destroy(p.pixels, draws)) for p in spoilt]
    if kind == "preference":
        asked = [{"images": [a, b]} for a, b in zip(sides[0][:count], sides[1][:count])]
        sure = [{"images": [p, d], "sure": p} for p, d in zip(spoilt, destroyed)]
        for group in (asked, sure):  # each side is on the left in half of the trials
            for index in draws.permutation(len(group))[: len(group) // 2]:
                group[index]["images"].reverse()
        return asked + sure
    asked = [{"images": [image]} for side in sides for image in side[:count]]
    answer = "generated" if kind == "turing" else [1, 2]
    return asked + [{"images": [image], "sure": answer} for image in destroyed]


def _destroy(pixels: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """An image of which a fifth is left below noise."""
    noise = draws.integers(0, 256, pixels.shape)
    return np.round(0.2 * pixels + 0.8 * noise).astype(np.uint8)


def _opaque_names(asked, draws) -> dict[int, str]:
    """A name for each image object, in an order that means nothing."""
    images = {id(p): p for trial in asked for p in trial["images"]}
    order = draws.permutation(len(images))
    return {one: f"p{order[i] + 1:04d}" for i, one in enumerate(images)}


def _compose(kind, asked, named, title, question) -> tuple[str, dict[str, Any]]:
    """The page's text and the key."""
    images = {named[id(p)]: p for trial in asked for p in trial["images"]}
    encoded = {name: _png(images[name].pixels) for name in sorted(images)}
    plain = [
        {"id": f"t{number:04d}", "images": [named[id(p)] for p in trial["images"]]}
        for number, trial in enumerate(asked, 1)
    ]
    digest = hashlib.sha256(json.dumps([kind, question, plain]).encode())
    for content in encoded.values():
        digest.update(hashlib.sha256(content).digest())
    study = digest.hexdigest()[:16]
    shown = {
        "id": study,
        "kind": kind,
        "trials": plain,
        "sizes": {name: images[name].pixels.shape[1::-1] for name in encoded},
        "images": {
            name: "data:image/png;base64," + base64.b64encode(content).decode()
            for name, content in encoded.items()
        },
    }
    key = {
        "format": KEY_FORMAT,
        "study": study,
        "kind": kind,
        "question": question,
        "images": {
            name: {"side": images[name].side, "file": images[name].file} for name in encoded
        },
        "trials": [
            {**trial, "sure": _sure(given.get("sure"), named)} for trial, given in zip(plain, asked)
        ],
    }
    return _page(shown, kind, title, question), key


def _sure(answer, named) -> list[Any] | None:
    """Answers that pass a catch trial; `None` for a question."""
    if isinstance(answer, _Image):
        return [named[id(answer)]]
    return [answer] if isinstance(answer, str) else answer


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def _page(shown, kind, title, question) -> str:
    # "<" cannot end or open anything inside the JSON.
    parts = {
        "TITLE": html.escape(title),
        "QUESTION": html.escape(question),
        "INTRODUCTION": html.escape(INTRODUCTIONS[kind]),
        "STYLE": (_HERE / "page.css").read_text("utf-8"),
        "SCRIPT": (_HERE / "page.js").read_text("utf-8"),
        "STUDY": json.dumps(shown).replace("<", "\\u003c"),
    }
    pieces = (_HERE / "page.html").read_text("utf-8").split("@")
    # Every other piece is the name of a part; parts are not searched for names again.
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _label(folder: str | Path) -> str:
    return Path(folder).resolve().name or str(folder)


def _write(page: Path, key: Path, text: str, content: dict[str, Any]) -> None:
    if page.exists() or key.exists():
        try:
            same = json.loads(key.read_text("utf-8"))["study"] == content["study"]
        except (OSError, ValueError, KeyError, TypeError):
            same = False
        if not same:
            raise InputError(
                f"{page} or {key} belongs to another study, whose answers need its key; give "
                "another --out"
            )
    with writing_to(page.parent):
        page.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(key, (json.dumps(content, indent=1) + "\n").encode())
        write_bytes(page, text.encode())
