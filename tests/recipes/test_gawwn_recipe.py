"""GAWWN from flags to drawings in a box, at points, and by a sentence alone."""

import json
import re

import numpy as np
import pytest
import small_placed
from harness import run_recipe
from short_runs import opened_once, short_runs
from stand_ins import stand_in

from tfgan_suite.cli.main import main
from tfgan_suite.data.synthetic import captions as world
from tfgan_suite.networks import gawwn
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids

TINY = [
    "--size",
    16,
    "--steps",
    2,
    "--batch",
    4,
    "--width",
    4,
    "--point-width",
    2,
    "--log-every",
    1,
]
RED = "a small red circle at the top left"


@pytest.fixture(scope="module", autouse=True)
def quick_runs():
    """Small networks, and runs and exports that are opened once."""
    with pytest.MonkeyPatch.context() as patch, opened_once():
        stand_in(patch, gawwn, **small_placed.BUILDERS)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of boxes, and a run of key points and its export."""
    folder = tmp_path_factory.mktemp("places")
    with pytest.MonkeyPatch.context() as patch, short_runs():
        for split, (_, seed) in world.SPLITS.items():
            patch.setitem(world.SPLITS, split, (54, seed))
        patch.chdir(folder)
        assert run_recipe("gawwn.py", *TINY, "--export", "none") == 0
        assert run_recipe("gawwn.py", *TINY, "--condition", "keypoints") == 0
    return folder


@pytest.fixture(scope="module")
def runs(home):
    return {
        "box": home / "runs/gawwn_captions",
        "keypoints": home / "runs/gawwn_keypoints_captions",
        "export": home / "saved_models/gawwn_keypoints_captions",
    }


def sample(run, out, *words):
    return main(["sample", str(run), "--text", RED, "--out", str(out), *words])


def images_of(folder):
    return np.stack([image_grids.read_png(path) for path in sorted(folder.glob("*.png"))])


def test_a_run_says_how_far_it_draws_where_it_was_told(runs):
    lines = {
        kind: json.loads((runs[kind] / "measures.jsonl").read_text().splitlines()[-1])
        for kind in ("box", "keypoints")
    }
    boxes = {"box_iou", "box_iou_shuffled", "centroid_slope", "moved_centroid_slope"}
    points = {"keypoint_distance", "keypoint_distance_shuffled", "points_geometry"}
    assert boxes <= set(lines["box"]) and not points & set(lines["box"])
    assert points <= set(lines["keypoints"]) and not boxes & set(lines["keypoints"])


@pytest.mark.parametrize("name, measure", [("box", "boxes"), ("keypoints", "keypoints"),
                                           ("export", "keypoints")])  # fmt: skip
def test_a_command_measures_places_as_the_run_does_at_its_end(
    runs, capsys, tmp_path, monkeypatch, name, measure
):
    for split, (_, seed) in world.SPLITS.items():  # as when the run ended
        monkeypatch.setitem(world.SPLITS, split, (54, seed))
    words = ["measure", str(runs[name]), "--against", "captions", "--measures", measure]
    assert main([*words, "--json", "--out", str(tmp_path / "m.jsonl")]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = {result["name"].removesuffix("-captions"): result for result in results}
    run = runs["box" if name == "box" else "keypoints"]
    lines = (run / "measures.jsonl").read_text().splitlines()
    end = next(json.loads(line) for line in reversed(lines) if "translations" in line)
    distance = "box_iou" if measure == "boxes" else "keypoint_distance"
    # Of the same images: z is drawn alike.
    tolerance = {"abs": 0.05 if measure == "boxes" else 0.5}  # images are rounded to bytes here
    assert values[distance]["value"] == pytest.approx(end[distance], **tolerance)
    protocol = values[distance]["protocol"]
    assert protocol["shuffled"] == pytest.approx(end[f"{distance}_shuffled"], **tolerance)
    assert protocol["real"] > 0.5 if measure == "boxes" else protocol["real"] < 0.7
    further = {"boxes": {"centroid_slope", "moved_box_iou", "moved_centroid_slope"},
               "keypoints": {"points_geometry", "points_shape_share"}}  # fmt: skip
    assert further[measure] <= set(values)


def test_a_box_moves_over_the_images_and_its_z_stays(runs, tmp_path, capsys):
    words = ["--count", "3", "--box", "0,0.1,0.4,0.4"]
    assert sample(runs["box"], tmp_path / "still", *words) == 0
    assert sample(runs["box"], tmp_path / "moving", *words, "--box-to", "0.6,.1,.4,.4") == 0
    still, moving = images_of(tmp_path / "still"), images_of(tmp_path / "moving")
    assert np.array_equal(still[0], moving[0])
    assert not np.array_equal(still[0], still[1]) and not np.array_equal(moving[0], moving[1])
    assert sample(runs["box"], tmp_path / "last", "--count", "1", "--box", "0.6,.1,.4,.4") == 0
    assert np.array_equal(images_of(tmp_path / "last")[0], moving[2])


def test_points_are_placed_completed_or_generated(runs, tmp_path):
    points = tmp_path / "points.txt"
    points.write_text("0.5 0.5\n" * 9)
    game, options, _ = Run(runs["keypoints"]).load()
    assert options.points == 9 and game.place_shape == (9, 3)
    assert sample(runs["keypoints"], tmp_path / "placed", "--count", "2", "--keypoints",
                  str(points)) == 0  # fmt: skip
    placed = np.tile(np.array([0.5, 0.5, 1.0], "f4"), (2, 9, 1))
    expected = image_grids.to_uint8(game.generate(2, text=RED, keypoints=placed, seed=0))
    assert np.array_equal(images_of(tmp_path / "placed"), expected)
    points.write_text("0.5 0.5\n" + "?\n" * 8)
    assert sample(runs["keypoints"], tmp_path / "some", "--keypoints", str(points)) == 0
    for name in ("keypoints", "export"):
        assert sample(runs[name], tmp_path / name, "--count", "2") == 0
    difference = images_of(tmp_path / "keypoints").astype(int) - images_of(tmp_path / "export")
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize(
    "kind, words, said",
    [
        ("box", [], "draws inside a box; pass one, such as --box"),
        ("box", ["--box", "0,0,0,1"], "no area"),
        ("box", ["--box", "0.5,0,0.6,1"], "must lie within the image"),
        ("box", ["--box-to", "0,0,1,1"], "--box-to is set without --box"),
        ("box", ["--keypoints", "a.txt"], "--keypoints is a.txt, but .* takes z and embedding and"),
        ("keypoints", ["--box", "0,0,1,1"], "--box is 0,0,1,1, but .* train recipes/gawwn.py"),
        ("keypoints", ["--keypoints", "none.txt"], "no such file"),
    ],
)
def test_bad_places_are_answered_in_a_line(runs, capsys, kind, words, said):
    assert sample(runs[kind], "out.png", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line), line


def test_data_without_places_are_refused_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "birds").mkdir()
    for index in range(6):
        pixels = np.random.RandomState(index).randint(0, 256, (20, 20, 3)).astype("u1")
        image_grids.write_png(f"birds/{index}.png", pixels)
        (tmp_path / f"birds/{index}.txt").write_text(f"a bird number {index}")
    for condition in ("box", "keypoints"):
        words = ["--data", "birds", "--condition", condition, *TINY]
        assert run_recipe("gawwn.py", *words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"no {condition} for its images" in line and "docs/captions.md" in line
