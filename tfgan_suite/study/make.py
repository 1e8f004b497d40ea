"""Makes a study: a web page that needs no network, and the key to what it shows."""

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

from tfgan_suite.data.readers import bit_depths, image_files, listing
from tfgan_suite.errors import InputError, did_you_mean, must_be
from tfgan_suite.study.questions import INTRODUCTIONS, PAIRINGS, QUESTIONS
from tfgan_suite.utils.files import write_bytes, writing_to
from tfgan_suite.utils.json_files import read_json
from tfgan_suite.utils.memory_budget import format_bytes
from tfgan_suite.utils.text import printable

KEY_FORMAT = "tfgan_suite study key 1"
PAGE_BYTES = 2**28  # of the decoded images
_HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Study:
    """What `make` wrote.

    Args:
        page: the web page for the raters.
        key: the file that `analyse` needs; raters must not have it.
        id: of the study, in the page, the key and every result file.
        trials: number of questions, including catch trials.
        catch: number of catch trials.
        paired: whether images of the same name form a pair.
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
    question: str | None = None,
) -> Study:
    """Makes a study from two folders of images.

    Images are written again as PNG without metadata, under opaque names; only the key file tells
    which is which. Catch trials have a certain answer: a destroyed image is the worse one, is bad,
    is not real.

    Args:
        first: folder; `"turing"`: the real images.
        second: folder; `"turing"`: the generated images.
        out: page to write, `NAME.html`; the key is `NAME.key.json` beside it.
        kind: `"preference"` (which of two is better), `"mos"` (grades 1 to 5), `"turing"` (real
            or generated).
        trials: questions without catch trials; fewer if the folders have fewer images. Default 40.
        catch: catch trials; default one per ten questions, at least 2.
        seed: of the selection of images, their pairing and sides.
        size: side in pixels to which all images are scaled and cropped; required if sizes would
            give the sides away.
        pairing: `"names"`: files of the same name form a pair; `"random"`; `"auto"`: by names if
            all names of the smaller folder are in the other one.
        title: headline of the page.
        question: text of every question; default depends on the kind.

    Raises:
        InputError: fewer than two images a side, sizes that would give the sides away, unknown
            options, numbers out of range, a page that would be overwritten, a full disk.
    """
    _check(kind, trials, catch, pairing)
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the page is {out}; expected a name that ends with .html")
    draws = np.random.default_rng(seed)
    names = [_list(Path(folder)) for folder in (first, second)]
    paired = _is_paired(names, pairing, (first, second))
    count = max(2, trials if kind == "preference" else trials // 2)
    skipped: list[tuple[str, str]] = []
    sides = _select((Path(first), Path(second)), names, paired, count, size, draws, skipped)
    _check_sides(sides, (first, second), size, kind, skipped)
    if catch is None:
        catch = max(2, len(sides[0]) * (1 if kind == "preference" else 2) // 10)
    questions = _trials(kind, sides, catch, draws)
    questions = [questions[i] for i in draws.permutation(len(questions))]
    opaque = _opaque_names(questions, draws)
    question = QUESTIONS[kind] if question is None else question
    page, key = _compose(kind, questions, opaque, title, question)
    key.update(seed=seed, paired=paired, first=_label(first), second=_label(second), size=size)
    key_path = out.with_suffix(".key.json")
    _write(out, key_path, page, key)
    return Study(out, key_path, key["study"], len(questions), catch, paired, skipped)


def _check(kind: str, trials: int, catch: int | None, pairing: str) -> None:
    if kind not in QUESTIONS:
        raise InputError(
            f"there is no study {kind!r}; choose {', '.join(QUESTIONS)}"
            f"{did_you_mean(kind, QUESTIONS)}"
        )
    if pairing not in PAIRINGS:
        raise InputError(f"pairing is {pairing!r}; {must_be(pairing, PAIRINGS)}")
    if not 2 <= trials <= 1000:
        raise InputError(f"{trials} trials were requested; expected 2 to 1000")
    if catch is not None and not 0 <= catch <= trials:
        raise InputError(f"{catch} catch trials were requested; expected 0 to {trials}")


def _list(folder: Path) -> list[str]:
    """Images below a folder, in a fixed order."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; a study needs two folders of images")
    names = listing.find_images(folder)
    if len(names) < 2:
        raise InputError(f"{folder} holds {len(names)} images; a study needs at least two a side")
    return names


def _is_paired(names: Sequence[list[str]], pairing: str, folders: Sequence[Any]) -> bool:
    stems = [{Path(name).with_suffix("").as_posix() for name in side} for side in names]
    shared = stems[0] & stems[1]
    if pairing == "names" and len(shared) < 2:
        raise InputError(
            f"{folders[0]} and {folders[1]} have {len(shared)} image names in common; pairing by "
            "names needs at least two"
        )
    return pairing == "names" or (pairing == "auto" and len(shared) == min(map(len, stems)))


def _select(folders, names, paired, count, size, draws, skipped) -> list[list[_Image]]:
    """Up to `count` readable images of each side; with pairing, the same names in one order."""
    paths = [folder / name for folder, files in zip(folders, names) for name in files]
    bit_depth = bit_depths.decide(paths)
    if not paired:
        sides = []
        for side, folder, files in zip(("first", "second"), folders, names):
            images: list[_Image] = []
            for index in draws.permutation(len(files)):
                image = _read(folder, files[index], side, size, bit_depth, skipped)
                images += [] if image is None else [image]
                _check_page(images, folder)
                if len(images) == count:
                    break
            sides.append(images)
        return sides
    by_stem = [{Path(n).with_suffix("").as_posix(): n for n in files} for files in names]
    shared = sorted(set(by_stem[0]) & set(by_stem[1]))
    pairs: list[tuple[_Image, _Image]] = []
    for index in draws.permutation(len(shared)):
        pair = [
            _read(folder, stems[shared[index]], side, size, bit_depth, skipped)
            for side, folder, stems in zip(("first", "second"), folders, by_stem)
        ]
        pairs += [] if None in pair else [tuple(pair)]
        _check_page([image for both in pairs for image in both], folders[0])
        if len(pairs) == count:
            break
    return [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]


def _check_page(images: Sequence[_Image], folder: Path) -> None:
    """Checks that a page can hold the images: raters load it as a whole."""
    total = sum(image.pixels.nbytes for image in images)
    if total > PAGE_BYTES:
        height, width = images[-1].pixels.shape[:2]
        raise InputError(
            f"the first {len(images)} images, such as {folder / images[-1].file} of"
            f" {width}x{height} pixels, take {format_bytes(total)}; a page holds at most"
            f" {format_bytes(PAGE_BYTES)}: pass --size or fewer --trials"
        )


def _read(folder, name, side, size, bit_depth, skipped) -> _Image | None:
    size = image_files.check_size(size)
    try:
        return _Image(side, name, image_files.read(folder / name, size, 3, bit_depth))
    except image_files.Unreadable as error:
        skipped.append((str(folder / name), str(error)))
        return None


def _check_sides(sides, folders, size, kind, skipped) -> None:
    for side, folder in zip(sides, folders):
        if len(side) < 2:
            reason = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
            raise InputError(
                f"{folder} holds {len(side)} readable images{reason}; a study needs at least two "
                "a side"
            )
    sizes = [{image.pixels.shape[:2] for image in side} for side in sides]
    uneven = kind == "preference" and any(a.pixels.shape != b.pixels.shape for a, b in zip(*sides))
    if size is None and (sizes[0] != sizes[1] or uneven):
        listed = [", ".join(f"{w}x{h}" for h, w in sorted(s)[:3]) for s in sizes]
        raise InputError(
            f"the images' sizes give the sides away ({folders[0]}: {listed[0]}; {folders[1]}: "
            f"{listed[1]}); pass --size to bring all to one size"
        )


def _trials(kind, sides, catch, draws) -> list[dict[str, Any]]:
    """The questions: images from left to right, and for catch trials the certain answer."""
    count = min(map(len, sides))
    intact = [sides[0][i % len(sides[0])] for i in draws.permutation(max(catch, 1))[:catch]]
    destroyed = [_Image("catch", "", _destroy(image.pixels, draws)) for image in intact]
    if kind == "preference":
        questions = [{"images": [a, b]} for a, b in zip(sides[0][:count], sides[1][:count])]
        catches = [{"images": [a, d], "sure": a} for a, d in zip(intact, destroyed)]
        for group in (questions, catches):  # each side is on the left in half of the trials
            for index in draws.permutation(len(group))[: len(group) // 2]:
                group[index]["images"].reverse()
        return questions + catches
    questions = [{"images": [image]} for side in sides for image in side[:count]]
    answer = "generated" if kind == "turing" else [1, 2]
    return questions + [{"images": [image], "sure": answer} for image in destroyed]


def _destroy(pixels: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """A fifth of an image under four fifths of noise."""
    noise = draws.integers(0, 256, pixels.shape)
    return np.round(0.2 * pixels + 0.8 * noise).astype(np.uint8)


def _opaque_names(questions, draws) -> dict[int, str]:
    """A name for each image object, in a random order."""
    images = {id(image): image for trial in questions for image in trial["images"]}
    order = draws.permutation(len(images))
    return {key: f"p{order[i] + 1:04d}" for i, key in enumerate(images)}


def _compose(kind, questions, opaque, title, question) -> tuple[str, dict[str, Any]]:
    """The page's text and the key."""
    images = {opaque[id(image)]: image for trial in questions for image in trial["images"]}
    encoded = {name: _png(images[name].pixels) for name in sorted(images)}
    trials = [
        {"id": f"t{number:04d}", "images": [opaque[id(image)] for image in trial["images"]]}
        for number, trial in enumerate(questions, 1)
    ]
    digest = hashlib.sha256(json.dumps([kind, question, trials]).encode())
    for content in encoded.values():
        digest.update(hashlib.sha256(content).digest())
    study = digest.hexdigest()[:16]
    visible = {
        "id": study,
        "kind": kind,
        "trials": trials,
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
            name: {"side": images[name].side, "file": printable(images[name].file)}
            for name in encoded
        },
        "trials": [
            {**trial, "sure": _sure(question.get("sure"), opaque)}
            for trial, question in zip(trials, questions)
        ],
    }
    return _page(visible, kind, title, question), key


def _sure(answer, opaque) -> list[Any] | None:
    """Answers that pass a catch trial; `None` for a question."""
    if isinstance(answer, _Image):
        return [opaque[id(answer)]]
    return [answer] if isinstance(answer, str) else answer


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def _page(visible, kind, title, question) -> str:
    # "<" cannot end or open anything inside the JSON.
    parts = {
        "TITLE": html.escape(title),
        "QUESTION": html.escape(question),
        "INTRODUCTION": html.escape(INTRODUCTIONS[kind]),
        "STYLE": (_HERE / "page.css").read_text("utf-8"),
        "SCRIPT": (_HERE / "page.js").read_text("utf-8"),
        "STUDY": json.dumps(visible).replace("<", "\\u003c"),
    }
    pieces = (_HERE / "page.html").read_text("utf-8").split("@")
    # Every other piece is the name of a part; inserted parts are not searched again.
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _label(folder: str | Path) -> str:
    return printable(Path(folder).resolve().name or str(folder))


def _write(page: Path, key: Path, text: str, content: dict[str, Any]) -> None:
    if page.exists() or key.exists():
        try:
            known = read_json(key, {"study": str}, advice="pass another --out")["study"]
            same = known == content["study"]
        except InputError:
            same = False
        if not same:
            raise InputError(
                f"{page} or {key} belongs to another study, whose answers need its key; pass "
                "another --out"
            )
    with writing_to(page.parent):
        page.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(key, (json.dumps(content, indent=1) + "\n").encode())
        write_bytes(page, text.encode())
