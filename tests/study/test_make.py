"""The page and its key: nothing told, sides balanced, wrong folders refused."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from answering import write_images
from PIL import Image

from tfgan_suite.errors import InputError
from tfgan_suite.study import answers
from tfgan_suite.study import make as make_module
from tfgan_suite.study.make import make
from tfgan_suite.study.questions import QUESTIONS


def inside(page):
    text = page.read_text("utf-8")
    found = re.search(r'<script id="study" type="application/json">(.*?)</script>', text, re.S)
    return text, json.loads(found.group(1))


@pytest.mark.parametrize("kind", sorted(QUESTIONS))
def test_the_page_tells_nothing(study, kind):
    made, key = study(kind)
    text, shown = inside(made.page)
    words = re.sub(r"base64,[A-Za-z0-9+/=]*", "", text)
    for word in ("original", "forgery", "img0", '"first"', '"second"', '"sure"', '"catch"'):
        assert word not in words, word
    assert set(shown) == {"id", "kind", "trials", "sizes", "images"}
    assert all(set(trial) == {"id", "images"} for trial in shown["trials"])
    assert set(shown["images"]) == set(key["images"])
    for content in shown["images"].values():
        image = Image.open(io.BytesIO(base64.b64decode(content.split(",")[1])))
        assert image.format == "PNG" and not image.info and image.mode == "RGB"


def test_the_page_needs_no_network(study):
    text, _ = inside(study("mos")[0].page)
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|<link[^>]+href=\"(?!data:)|src=\"(?!data:)", text)


def test_the_images_are_those_of_the_key(study, folders):
    made, key = study("turing")
    _, shown = inside(made.page)
    homes = dict(zip(("first", "second"), folders))
    for name, content in shown["images"].items():
        what = key["images"][name]
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(content.split(",")[1]))))
        if what["side"] == "catch":
            continue
        file = np.asarray(Image.open(homes[what["side"]] / what["file"]))
        assert np.array_equal(pixels, file)


@pytest.mark.parametrize("pairing", ["names", "random"])
def test_a_page_that_nobody_could_load_is_refused(folders, tmp_path, monkeypatch, pairing):
    monkeypatch.setattr(make_module, "PAGE_BYTES", 5000)
    with pytest.raises(InputError, match=r"pixels, take 0 MiB; .* pass --size or fewer --trials"):
        make(*folders, tmp_path / "page.html", "preference", pairing=pairing)
    assert list(tmp_path.iterdir()) == []
    make(*folders, tmp_path / "page.html", "preference", pairing=pairing, size=4)
    assert (tmp_path / "page.html").is_file()


def test_left_and_right_are_balanced_for_every_rater(study):
    made, key = study("preference")
    firsts = []
    for rater in ("ann", "bob", "cleo", "dan", "eve"):
        left = [
            key["images"][shown[0]]["side"] == "first"
            for trial, shown in answers.order_for(key, rater)
            if trial["sure"] is None
        ]
        assert len(left) == 10 and sum(left) == 5
        firsts.append(tuple(trial["id"] for trial, _ in answers.order_for(key, rater)))
    assert len(set(firsts)) == 5  # every rater has an order of the questions
    assert made.catch == 2 and made.trials == 12
    sides = {answers.order_for(key, str(n))[0][1][0] < answers.order_for(key, str(n))[0][1][1]
             for n in range(20)}  # fmt: skip
    assert sides == {True, False}


def test_real_and_generated_come_equally_often(study):
    _, key = study("turing")
    sides = [what["side"] for what in key["images"].values()]
    assert sides.count("first") == sides.count("second") == 5 and sides.count("catch") == 2
    assert [t["sure"] for t in key["trials"] if t["sure"]] == [["generated"]] * 2


def test_images_of_one_name_are_paired(study):
    made, key = study("preference")
    assert made.paired and key["paired"]
    for trial in key["trials"]:
        if trial["sure"] is None:
            one, two = (key["images"][name] for name in trial["images"])
            assert one["file"] == two["file"] and one["side"] != two["side"]


def test_the_same_seed_makes_the_same_study(study, folders, tmp_path):
    made, _ = study("mos")
    again = make(*folders, tmp_path / "again.html", "mos", trials=10, seed=3)
    assert again.page.read_bytes() == made.page.read_bytes() and again.id == made.id
    other = make(*folders, tmp_path / "other.html", "mos", trials=10, seed=4)
    assert other.id != made.id
    with pytest.raises(InputError, match="belongs to another study"):
        make(*folders, tmp_path / "other.html", "mos", trials=10, seed=5)


def test_titles_are_text(folders, tmp_path):
    made = make(
        *folders, tmp_path / "a.html", "mos", trials=2, title="<b>@STYLE@ & co", question="<i>?"
    )
    text = made.page.read_text()
    assert "&lt;b&gt;@STYLE@ &amp; co" in text and "&lt;i&gt;?" in text and "<i>" not in text


def test_broken_files_are_skipped_and_named(folders, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folders[0], copy)
    (copy / "img03.png").write_bytes(b"no image")
    made = make(copy, folders[1], tmp_path / "s.html", "preference", trials=40)
    assert [file for file, _ in made.skipped] == [str(copy / "img03.png")]
    assert made.trials - made.catch == 11


def test_sizes_that_would_tell_are_refused(folders, tmp_path):
    large = write_images(tmp_path / "large", 4, size=32)
    with pytest.raises(InputError, match="16x16.*32x32.*--size"):
        make(folders[0], large, tmp_path / "s.html", "turing")
    made = make(folders[0], large, tmp_path / "s.html", "turing", size=24)
    _, shown = inside(made.page)
    assert {tuple(size) for size in shown["sizes"].values()} == {(24, 24)}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"kind": "poll"}, "no study 'poll'"),
        ({"trials": 1}, "1 trials"),
        ({"catch": 99}, "99 catch"),
        ({"pairing": "x"}, "pairing is 'x'"),
        ({"out": "page.txt"}, ".html"),
        ({"first": "nowhere"}, "not a folder"),
    ],
)
def test_impossible_studies_are_refused(folders, tmp_path, change, said):
    words = {"first": folders[0], "second": folders[1], "out": tmp_path / "s.html", "kind": "mos"}
    with pytest.raises(InputError, match=said):
        make(**{**words, **change})


def test_fewer_than_two_images_a_side_are_refused(folders, tmp_path):
    one = write_images(tmp_path / "one", 1)
    with pytest.raises(InputError, match="holds 1 images.*at least two a side"):
        make(folders[0], one, tmp_path / "s.html", "mos")
    broken = tmp_path / "broken"
    shutil.copytree(one, broken)
    (broken / "img01.png").write_bytes(b"no")
    with pytest.raises(InputError, match="1 readable.*img01"):
        make(folders[0], broken, tmp_path / "s.html", "mos", pairing="random")
    assert not (tmp_path / "s.html").exists()
