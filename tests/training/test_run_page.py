"""The page of a run: made from its files alone, and never worth a training."""

import json
import re
import types
from xml.etree import ElementTree

import numpy as np
import pytest

from tfgan_suite.training import run_page
from tfgan_suite.utils import image_grids, svg_charts

GAME = types.SimpleNamespace(usage="sample {}", notice="")


@pytest.fixture
def folder(tmp_path):
    """The files of a run that has reached step 300 of 400."""
    folder = tmp_path / "a <run>"
    (folder / "samples").mkdir(parents=True)
    constants = {"data": "shapes & more", "steps": 400, "width": 8}
    manifest = {"recipe": "dcgan", "constants": constants, "data": {"name": "<b>shapes</b>"}}
    (folder / "run.json").write_text(json.dumps(manifest))
    losses = [{"step": 100 * n, "generator/adversarial": 0.5 * n} for n in (1, 2, 3)]
    lines = [json.dumps(entry) for entry in losses]
    (folder / "losses.jsonl").write_text("\n".join([*lines, '{"step": 400, "gen']))
    entry = {"step": 200, "samples": 1000, "clean_share": 0.25, "classes_seen": 4}
    measured = {"step": 300, "name": "KID-vgg16", "value": 0.125, "protocol": {}}
    text = "".join(json.dumps(line) + "\n" for line in (entry, measured))
    (folder / "measures.jsonl").write_text(text)
    for step in range(50, 301, 50):
        grid = np.full((8, 8, 3), step % 251, "u1")
        image_grids.write_png(folder / "samples" / f"step_{step:08d}.png", grid)
    return folder


def test_the_page_shows_the_run(folder):
    run_page.record_warning(folder, 200, "weights of <i>the</i> generator")
    page = run_page.build(folder, "sample {}", 300)
    assert "step 300 of 400: training" in page
    for name in ("generator/adversarial", "clean_share", "KID-vgg16"):
        assert page.count(f">{name}</text>") == 1
    assert "step 200: weights of &lt;i&gt;the&lt;/i&gt; generator" in page
    assert page.count("data:image/png;base64,") == 6 and "step 50<" in page
    assert "python -m tfgan_suite sample " in page and "--against" in page
    assert "<script" not in page and "http" not in re.sub("http-equiv", "", page)
    assert "<b>" not in page and "a <run>" not in page and "shapes &amp; more" in page
    # A finished run, and one that goes on from there.
    assert "all steps trained" in run_page.build(folder, "sample {}", 400)


def test_every_tag_is_closed(folder):
    page = run_page.build(folder, "sample {}", 300).partition("<body>")[2]
    body = re.sub(r"(<img[^>]*)>", r"\1/>", f"<body>{page.partition('</html>')[0]}")
    headings = [node.text for node in ElementTree.fromstring(body).iter("h2")]
    assert headings == ["Samples", "Measures", "Losses", "How to use it", "Constants", "Versions"]


def test_the_best_step_is_marked(folder):
    (folder / "best").mkdir()
    record = {"step": 200, "measure": "clean_share", "value": 0.25, "better": "higher"}
    (folder / "best" / "best.json").write_text(json.dumps(record))
    page = run_page.build(folder, "sample {}", 300)
    assert page.count('class="mark"') == 1
    assert "step 200, by clean_share (0.25, higher is better)" in page
    assert "best" in page.partition("Use the best checkpoint")[2][:200]


def test_large_images_stay_in_the_folder(folder):
    noise = np.random.RandomState(0).randint(0, 256, (512, 512, 3)).astype("u1")
    image_grids.write_png(folder / "samples" / "step_00000350.png", noise)
    page = run_page.build(folder, "sample {}", 350)
    assert 'src="samples/step_00000350.png"' in page and len(page) < 200_000


def test_a_long_log_is_thinned_and_keeps_its_last_line(folder):
    lines = "".join(f'{{"step": {n}, "generator/a": {n}}}\n' for n in range(1, 10_001))
    (folder / "losses.jsonl").write_text(lines)
    entries = run_page._lines(folder / "losses.jsonl")
    assert 300 < len(entries) <= 400 and entries[-1]["step"] == 10_000


def test_what_is_wrong_with_the_page_stops_nothing(folder, monkeypatch):
    assert run_page.write(folder, GAME, 300) == "" and (folder / "index.html").exists()

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_page.files, "write_bytes", full)
        assert run_page.write(folder, GAME, 300) == "No space left on device"
        said = []
        page = run_page.RunPage(folder, 10, said.append)
        page.set_model(GAME)
        for step in (10, 20):
            page.write(step)
        assert len(said) == 1 and "training goes on" in said[0]
    (folder / "run.json").write_text("[1")
    assert "run.json" in run_page.write(folder, GAME, 300)
    run_page.record_warning(folder / "gone", 1, "no folder")


def test_charts_by_hand():
    chart = svg_charts.line_chart("a/b", [0, 50, 100], [0.0, 1.0, 0.5])
    points = re.search('points="([^"]*)"', chart)[1].split()
    xy = [[float(n) for n in point.split(",")] for point in points]
    assert [x for x, _ in xy] == [56.0, 185.0, 314.0]
    low, high, middle = (y for _, y in xy)
    assert high < middle < low and middle == pytest.approx((low + high) / 2)
    broken = svg_charts.line_chart("a", [1, 2, 3], [1.0, float("nan"), float("inf")])
    assert broken.count("<polyline") == 1 and "nan" not in broken and ">1</text>" in broken
    assert "not finite" in svg_charts.line_chart("a", [1], [float("nan")])
    # A spike among many values does not flatten the others.
    assert svg_charts.value_range([*range(100), 10**9]) == (2, 98)
