"""Edits: losses with known values, linear generators whose answers are known, and the command."""

import functools
import json

import numpy as np
import pytest
import tensorflow as tf
from latent_runs import tiny_space
from linear_space import LATENT, LinearSpace, least_squares
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.latent import manipulation, projection
from tfgan_suite.latent import space as spaces
from tfgan_suite.latent.manipulation import Constraint, Search
from tfgan_suite.latent.realness import Realness

SPACE = LinearSpace()
Z0 = {"z": np.full((1, LATENT), 0.1, "f4")}
HALF = np.zeros(SPACE.shape[:2], "f4")
HALF[:, :4] = 1
TARGET = SPACE.generate({"z": np.linspace(-0.5, 0.5, LATENT, dtype="f4")[None]})[0]
QUICK = Search(16, 4, iterations=150, learning_rate=0.05, closeness=0.0, realism=0.0)


# ---- losses -------------------------------------------------------------------------------------


def test_the_colour_loss_is_the_mean_square_inside_the_mask():
    images, target = tf.fill((2, 6, 8, 3), 0.5), tf.fill((6, 8, 3), 0.3)
    loss = manipulation.colour_loss(images, target, tf.constant(HALF))
    np.testing.assert_allclose(loss, 0.04, rtol=1e-4)
    outside = np.where(HALF[..., None] > 0, 0.3, -1.0) * np.ones((1, 6, 8, 3))
    assert (manipulation.colour_loss(outside.astype("f4"), target, HALF) == 0.0).numpy().all()
    empty = manipulation.colour_loss(images, target, tf.zeros((6, 8)))
    assert (empty == 0.0).numpy().all()


def test_a_sketch_pulls_by_its_edges_and_not_by_its_colours():
    ink = np.zeros((16, 16), "f4")
    ink[:, 7:9] = 1
    loss = manipulation.constraint_loss([manipulation.sketch(ink, 3)], 16, 16)
    drawn = (1.0 - 2.0 * ink[None, ..., None]) * np.ones((1, 1, 1, 3), "f4")
    levels = np.stack([drawn[0], -drawn[0], np.zeros_like(drawn[0]), np.rot90(drawn[0])])
    same, inverse, flat, turned = loss(tf.constant(levels)).numpy()
    assert same < 1e-6 and inverse < 1e-6
    assert flat > 0.1 and turned > flat


def test_a_warp_wants_a_part_elsewhere_with_its_colours_and_edges():
    image = np.zeros((16, 16, 1), "f4")
    image[4:8, 2:6] = 1
    constraint = manipulation.move(image, (2, 4, 6, 8), (5, 3))
    rows, columns = np.nonzero(constraint.mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (7, 10, 7, 10)
    assert (constraint.target[7:11, 7:11] == 1).all()
    loss = manipulation.constraint_loss([constraint], 16, 16)
    moved = np.roll(image, (3, 5), (0, 1))
    before, after = loss(tf.constant(np.stack([image, moved]))).numpy()
    assert after < 0.5 * before and before > 1.0
    # Half a pixel is interpolated.
    half = manipulation.move(image, (2, 4, 6, 8), (0.5, 0))
    assert half.target[5, 6, 0] == 0.0 and half.target[5, 3, 0] == 1.0


@pytest.mark.parametrize(
    "box, by",
    [((0, 0, 17, 4), (0, 0)), ((4, 4, 4, 8), (0, 0)), ((8, 8, 16, 16), (1, 0)),
     ((0, 4, 4, 8), (-0.5, 0)), ((0.6, 0.6, 0.9, 0.9), (0, 0))],
)  # fmt: skip
def test_a_warp_outside_the_image_is_refused(box, by):
    with pytest.raises(InputError, match=r"image of 16x16"):
        manipulation.move(np.zeros((16, 16, 1), "f4"), box, by)


# ---- the search ---------------------------------------------------------------------------------


def test_a_linear_generator_meets_the_colours_of_a_mask():
    """The optimum is the least squares of the pixels in the mask."""
    noise = 0.05 * np.random.default_rng(3).normal(size=TARGET.shape).astype("f4")
    constraint = Constraint(TARGET + noise, HALF)
    edited = manipulation.edit(SPACE, Z0, [constraint], QUICK, frames=5)
    expected = least_squares((TARGET + noise)[None], HALF)
    assert np.abs(expected).max() < 1.0
    np.testing.assert_allclose(edited.inputs["z"][-1:], expected, atol=0.02)
    np.testing.assert_array_equal(edited.inputs["z"][0], Z0["z"][0])
    # Uniform z walks straight.
    steps = np.diff(edited.inputs["z"], axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:1], steps.shape), atol=1e-6)
    np.testing.assert_allclose(edited.frames, SPACE.generate(edited.inputs), atol=1e-6)
    np.testing.assert_allclose(edited.alternatives[0], edited.frames[-1], atol=1e-6)
    residual = SPACE.generate({"z": expected.astype("f4")}) - TARGET - noise
    least = np.square(residual[0, HALF > 0]).mean()
    assert edited.losses.shape == (151,) and edited.losses[0] > 1.2 * least
    assert edited.losses.min() == pytest.approx(least, rel=0.01)
    assert edited.scores == []


def test_closeness_draws_z_back_and_holds_it_at_z0_in_the_limit():
    distances = []
    for weight in (0.0, 0.05, 1e6):
        search = Search(16, 4, iterations=60, learning_rate=0.05, closeness=weight, realism=0.0)
        edited = manipulation.edit(SPACE, Z0, [Constraint(TARGET, HALF)], search, frames=2)
        distances.append(np.abs(edited.inputs["z"][-1] - Z0["z"][0]).max())
    assert distances[0] > distances[1] > 0.01 and distances[2] < 1e-3


def test_realism_raises_the_discriminator_s_score():
    scores = []
    for weight in (0.0, 1.0):
        space = LinearSpace("normal", discriminator=True)
        search = Search(16, 4, iterations=60, learning_rate=0.05, closeness=0.1, realism=weight)
        edited = manipulation.edit(space, Z0, [Constraint(TARGET, HALF)], search, frames=3)
        scores.append(edited.scores[1])
        assert edited.scores[0] == pytest.approx(100 * edited.frames[0].mean(), abs=1e-4)
    assert scores[1] > scores[0] + 0.1


def test_neither_level_nor_scale_of_the_scores_changes_an_edit():
    # Losses of pairs leave the level of a discriminator open, R1 and R2 its scale.
    search = Search(16, 4, iterations=60, learning_rate=0.05, closeness=0.1, realism=1.0)
    edits = []
    for scale, level in ((100.0, 0.0), (0.3, 2.0), (5.0, -40.0)):
        space = LinearSpace("normal", discriminator=True, scale=scale, level=level)
        edits.append(manipulation.edit(space, Z0, [Constraint(TARGET, HALF)], search, frames=2))
    for other in edits[1:]:
        np.testing.assert_allclose(other.inputs["z"], edits[0].inputs["z"], atol=2e-3)
        assert other.percentiles == pytest.approx(edits[0].percentiles, abs=0.5)
    before, after = edits[0].percentiles
    scores = edits[0].frames[[0, -1]].mean((1, 2, 3))
    samples = space.generate(space.draw(256)).mean((1, 2, 3))
    assert [before, after] == [100 * (samples < each).mean() for each in scores]


def test_scores_that_are_all_alike_say_nothing():
    search = Search(16, 4, iterations=60, learning_rate=0.05, closeness=0.1, realism=1.0)
    alike = LinearSpace("normal", discriminator=True, scale=0.0, level=-57.123)
    without = LinearSpace("normal")
    edits = [
        manipulation.edit(space, Z0, [Constraint(TARGET, HALF)], search, frames=2)
        for space in (alike, without)
    ]
    np.testing.assert_allclose(*(each.inputs["z"] for each in edits), atol=1e-5)


def test_samples_are_of_the_class_that_is_edited():
    inputs = (*SPACE.inputs, TensorSpec("label", (), "int32", "label", 3))
    space = LinearSpace("normal", discriminator=True)
    object.__setattr__(space, "inputs", inputs)
    drawn = []
    score = space.score_function()
    object.__setattr__(
        space,
        "score_function",
        lambda: lambda images, rows: drawn.append(np.unique(rows["label"])) or score(images, rows),
    )
    Realness(space, labels=[2])
    assert {label for each in drawn for label in each} == {2}
    drawn.clear()
    Realness(space)
    assert {label for each in drawn for label in each} == {0, 1, 2}


def test_uniform_z_stays_in_its_box():
    far = Constraint(np.full(SPACE.shape, 0.9, "f4"), HALF)
    edited = manipulation.edit(SPACE, Z0, [far], QUICK, frames=2)
    assert 0.9 < np.abs(edited.inputs["z"]).max() <= 1.0


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"starts": 0}, "starts is 0"),
        ({"candidates": -1}, "candidates is -1"),
        ({"iterations": -1}, "iterations is -1"),
        ({"closeness": float("nan")}, "closeness is nan"),
        ({"realism": -0.1}, "realism is -0.1"),
        ({"learning_rate": 0.0}, "above 0"),
    ],
)
def test_values_out_of_range_are_refused(options, reason):
    with pytest.raises(InputError, match=reason):
        Search(**options)


def test_no_constraint_or_one_of_another_size_is_refused():
    with pytest.raises(InputError, match="0 constraints"):
        manipulation.edit(SPACE, Z0, [])
    with pytest.raises(InputError, match="expected at least 1 and 2"):
        manipulation.edit(SPACE, Z0, [Constraint(TARGET, HALF)], frames=1)
    with pytest.raises(InputError, match=r"mask of \(6, 7\)"):
        manipulation.edit(SPACE, Z0, [Constraint(TARGET, HALF[:, :7])])


# ---- the command --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A photo of twice the generator's size, and what is drawn on copies of it."""
    folder = tmp_path_factory.mktemp("photo")
    photo = np.repeat(np.repeat(tiny_space().generator.sample(1, seed=5)[0], 2, 0), 2, 1)
    Image.fromarray(photo).save(folder / "photo.png")
    brush = np.zeros((32, 32, 4), np.uint8)
    brush[10:22, 10:22] = (200, 120, 90, 255)
    Image.fromarray(brush).save(folder / "brush.png")
    lines = np.full((32, 32), 255, np.uint8)
    lines[:, 15:17] = 0
    Image.fromarray(lines).save(folder / "lines.png")
    Image.fromarray(np.where(brush[..., 3:] < 0, brush, 0)).save(folder / "clear.png")
    Image.fromarray(brush[..., :3]).save(folder / "opaque.png")
    Image.fromarray(brush[:30]).save(folder / "cut.png")
    Image.fromarray(lines * 0).save(folder / "black.png")
    Image.fromarray(photo[:10]).save(folder / "small.png")
    Image.fromarray(photo[:24]).save(folder / "wide.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.mark.usefixtures("eagerly")
def test_the_command_edits_a_photo_at_its_own_size(home, tmp_path, monkeypatch, capsys):
    space = tiny_space()
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    quick = functools.partial(projection.project, starts=1, iterations=5)
    monkeypatch.setattr(projection, "project", quick)
    words = ["edit", "x", str(home / "photo.png"), "--colour", str(home / "brush.png")]
    words += ["--sketch", str(home / "lines.png"), "--warp", "4,4,12,12,2,-1", "--frames", "3"]
    words += ["--candidates", "16", "--starts", "3", "--iterations", "8", "--closeness", "0"]
    words += ["--realism", "0.1"]
    assert main([*words, "--out", str(tmp_path), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["loss"] < numbers["loss_at_start"] and numbers["realism"] is True
    assert numbers["colour_error"] < numbers["colour_error_before"]
    assert Image.open(numbers["edited"]).size == (32, 32)
    assert Image.open(tmp_path / "sequence.gif").n_frames == 3
    assert (tmp_path / "edit.png").is_file() and (tmp_path / "numbers.json").is_file()
    with np.load(tmp_path / "inputs.npz") as inputs:
        images = space.generate(dict(inputs))
    brush = np.array([200, 120, 90]) / 127.5 - 1  # the middle of both photo and image
    assert np.abs(images[-1, 5:11, 5:11] - brush).mean() == pytest.approx(
        numbers["colour_error"], abs=5e-3
    )
    assert {"score_before", "score_after", "colour_error_of_photo"} <= set(numbers)
    assert 0 <= numbers["percentile_before"] <= 100 and 0 <= numbers["percentile_after"] <= 100


@pytest.mark.parametrize(
    "words, reason",
    [
        (["photo.png"], "no edit is asked for; pass --colour, --sketch or --warp"),
        (["photo.png", "--colour", "clear.png"], "transparent everywhere"),
        (["photo.png", "--colour", "opaque.png"], "no transparent pixel"),
        (["photo.png", "--colour", "cut.png"], "has 32x30 pixels, but the photo has 32x32"),
        (["photo.png", "--colour", "broken.png"], "the brush"),
        (["photo.png", "--sketch", "black.png"], "shows no line"),
        (["photo.png", "--sketch", "clear.png"], "shows no line"),
        (["photo.png", "--sketch", "cut.png"], "the sketch"),
        (["photo.png", "--warp", "0,0,8,8,30,0"], "does not lie in an image of 16x16"),
        (["photo.png", "--warp", "0,0,8,8"], "expected left,top,right,bottom"),
        (["photo.png", "--warp", "0,0,8,8,nan,0"], "expected left,top,right,bottom"),
        (["photo.png", "--warp", "0,0,8,8,2,2", "--frames", "1"], "--frames is 1"),
        (["photo.png", "--warp", "0,0,8,8,2,2", "--starts", "0"], "starts is 0"),
        (["photo.png", "--warp", "0,0,8,8,2,2", "--encoder", "no.keras"], "is no file"),
        (["small.png", "--warp", "0,0,8,8,2,2"], "32x10 pixels; the generator draws 16x16"),
        (["wide.png", "--warp", "0,0,8,8,2,2"], "larger one of that ratio"),
        (["broken.png", "--warp", "0,0,8,8,2,2"], "cannot be read"),
        (["nowhere.png", "--warp", "0,0,8,8,2,2"], "nowhere.png"),
    ],
)
def test_bad_input_is_one_line(home, tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: tiny_space())
    paths = [str(home / word) if word.endswith((".png", ".keras")) else word for word in words]
    assert main(["edit", "x", *paths, "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("tfgan_suite edit: ") and reason in lines[0]
    assert not (tmp_path / "out").exists()


def test_brushes_are_read_with_their_own_colours_and_sketches_with_their_lines(tmp_path):
    from tfgan_suite.latent import edit_files

    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[16:40, 20:50] = (255, 0, 128, 200)  # nearly opaque: the colour is not mixed with white
    Image.fromarray(pixels).save(tmp_path / "layer.png")
    grey = np.zeros((64, 64, 1), "f4")
    photo = edit_files.Photo("a", grey, grey[::2, ::2])
    ink = edit_files.read_sketch(str(tmp_path / "layer.png"), photo)
    assert (ink[9:19, 11:24] > 0.9).all() and (ink[:7] < 0.1).all()
    colours, mask = edit_files.read_brush(str(tmp_path / "layer.png"), photo)
    np.testing.assert_allclose(mask[9:19, 11:24], 1.0, atol=0.02)
    assert not mask[:7].any() and colours.shape == (32, 32, 1)
    level = (0.299 * 255 + 0.114 * 128) / 127.5 - 1
    np.testing.assert_allclose(colours[mask > 0], level, atol=0.01)


@pytest.fixture(scope="module")
def shipped():
    return spaces.open_space("dcgan_shapes")


def test_a_shape_takes_the_colour_that_is_painted_on_it(shipped):
    """Samples of the shipped generator, of which the middle is painted green."""
    green = np.broadcast_to(np.array([52, 190, 72]) / 127.5 - 1, shipped.shape)
    mask = np.zeros(shipped.shape[:2], "f4")
    mask[14:18, 14:18] = 1
    start = shipped.samples([100])
    search = Search(256, 8, iterations=30)
    edited = manipulation.edit(shipped, start, [Constraint(green, mask)], search, frames=3)
    errors = np.abs(edited.frames - green)[:, mask > 0].mean(axis=(1, 2))
    assert errors[0] > 0.2 and errors[-1] < 0.1


def test_a_photo_that_takes_gigabytes_is_refused_by_its_header(tmp_path, monkeypatch):
    from tfgan_suite.latent import edit_files

    Image.new("L", (64, 64)).save(tmp_path / "photo.png")
    monkeypatch.setattr(edit_files, "MOST_PIXELS", 4095)
    with pytest.raises(InputError, match="64x64 pixels; expected at most 4095 in all"):
        edit_files.read_photo(str(tmp_path / "photo.png"), (32, 32, 1))
    monkeypatch.setattr(edit_files, "MOST_PIXELS", 4096)
    assert edit_files.read_photo(str(tmp_path / "photo.png"), (32, 32, 1)).name == "photo"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_kind_of_image_has_colours_and_opacity(tmp_path, mode):
    from tfgan_suite.data.readers import image_files

    ending = "tiff" if mode in ("CMYK", "YCbCr") else "png"
    image = Image.new("RGBA", (4, 4), (255, 255, 255, 0 if mode in ("LA", "RGBA") else 255))
    image.convert(mode).save(tmp_path / f"a.{ending}")
    pixels = image_files.read(tmp_path / f"a.{ending}", None, 4)
    assert pixels.shape == (4, 4, 4) and (pixels[..., :3] >= 250).all()
    assert (pixels[..., 3] == (0 if mode in ("LA", "RGBA") else 255)).all()
