"""Samples by number, walks through them, and their files, with a shipped export."""

import importlib.util
import json
import types

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.latent import walk
from tfgan_suite.latent.space import Space, open_space


@pytest.fixture(scope="module")
def space():
    return open_space("dcgan_shapes")


class Codes(Space):
    """A space of normal z, a class and uniform codes, whose images are its inputs."""

    inputs = (
        TensorSpec("z", (3,), kind="normal"),
        TensorSpec("label", (), "int32", "label", 4),
        TensorSpec("continuous", (2,), kind="uniform"),
    )
    shape = (1, 6, 1)

    def generate(self, inputs, batch=64):
        label = inputs["label"].reshape(-1, 1)
        columns = np.concatenate([inputs["z"], label, inputs["continuous"]], axis=1)
        return columns[:, None, :, None].astype("f4")


CODES = Codes(types.SimpleNamespace(name="codes"), 5)


def test_samples_are_those_of_the_command_sample(space):
    numbers = [6, 0, 3, 70]
    images = space.generate(space.samples(numbers))
    np.testing.assert_allclose(images, space.generator.generate(71, seed=0)[numbers], atol=1e-6)
    drawn = space.draw(8)
    assert all(np.array_equal(space.samples([5])[name][0], drawn[name][5]) for name in drawn)
    with pytest.raises(InputError, match="no sample -1"):
        space.samples([-1])


def test_a_walk_visits_its_samples(space):
    result = walk.walk(space, [3, 8, 12], steps=4)
    assert result.images.shape == (9, 32, 32, 3) and result.changes().shape == (8,)
    visited = space.generate(space.samples([3, 8, 12]))
    np.testing.assert_allclose(result.images[[0, 4, 8]], visited, atol=1e-5)


def test_every_noise_walks_in_its_own_way_and_classes_change_half_way():
    result = walk.walk(CODES, [0, 1], steps=4, labels=[2, 3])
    ends = CODES.samples([0, 1])
    np.testing.assert_allclose(
        result.inputs["continuous"][2], ends["continuous"].mean(axis=0), atol=1e-6
    )
    lengths = np.linalg.norm(result.inputs["z"], axis=1)
    np.testing.assert_allclose(lengths[2], (lengths[0] + lengths[4]) / 2, rtol=1e-5)
    assert result.inputs["label"].tolist() == [2, 2, 3, 3, 3]


def test_one_input_walks_alone_and_a_circle_stays_where_noise_is():
    result = walk.walk(CODES, [0, 1], steps=8, vary="continuous", path="circle")
    assert result.closed and len(result.images) == 8 and len(result.changes()) == 8
    assert (result.inputs["z"] == result.inputs["z"][0]).all()
    assert np.ptp(result.inputs["continuous"], axis=0).min() > 0
    assert np.abs(result.inputs["continuous"]).max() <= 1.0
    assert (result.inputs["label"] == result.inputs["label"][0]).all()
    with pytest.raises(InputError, match="no input 'zz'.*z, continuous"):
        walk.walk(CODES, [0, 1], vary="zz")


def test_the_command_writes_a_gif_a_grid_and_numbers(space, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    command = ["walk", "dcgan_shapes", "--numbers", "1,4-5", "--steps", "3", "--closed"]
    assert main([*command, "--out", str(tmp_path / "out"), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers == json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert numbers["frames"] == 9 and 0 < numbers["smoothness"] <= 1
    with Image.open(tmp_path / "out" / "walk.gif") as gif:
        assert gif.n_frames == 9 and gif.size == (256, 256) and gif.info["loop"] == 0
    assert Image.open(tmp_path / "out" / "walk.png").size[0] >= 100


@pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV (extra video)")
def test_a_video_has_all_frames(tmp_path):
    import av

    frames = np.random.default_rng(0).integers(0, 256, (5, 33, 34, 3)).astype(np.uint8)
    with av.open(walk.write_mp4(tmp_path / "walk.mp4", frames)) as video:
        shapes = [frame.to_ndarray(format="rgb24").shape for frame in video.decode(video=0)]
    assert shapes == [(34, 34, 3)] * 5


@pytest.mark.parametrize(
    "words, reason",
    [
        (["--numbers", "a"], "--numbers is 'a'"),
        (["--numbers", "3"], "1 samples"),
        (["--numbers", "0-4999"], "at most 4096"),
        (["--steps", "9999"], "lower --steps"),
        (["--labels", "2"], "takes no label"),
        (["--out", "walk.gif"], "pass a folder"),
    ],
)
def test_bad_input_is_one_line(space, tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    assert main(["walk", "dcgan_shapes", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfgan_suite walk: ") and reason in line


def test_without_pyav_a_video_is_refused(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert main(["walk", "dcgan_shapes", "--mp4"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "av" in line and "[video]" in line
