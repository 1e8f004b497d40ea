"""Forgetting: which filters are found, and what dropping all or none of them does."""

import json

import numpy as np
import pytest
from latent_runs import tiny_space

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.latent import ablation
from tfgan_suite.latent.space import open_space


@pytest.fixture(scope="module")
def space():
    return tiny_space()


def test_filters_that_fire_inside_are_found():
    draws = np.random.default_rng(0)
    inside = ablation.in_boxes(np.array([[8.0, 0, 16, 8]] * 20), 16, 16, (4, 4))
    maps = draws.uniform(0, 1, (20, 4, 4, 5))
    maps[..., 3] += 2.0 * inside
    maps[..., 1] -= 2.0 * inside
    assert ablation.find_filters(maps, inside)[0] == 3
    assert 1 not in ablation.find_filters(maps, inside)
    assert ablation.find_filters(maps, inside, most=1).tolist() == [3]
    with pytest.raises(InputError, match="nothing to tell apart"):
        ablation.find_filters(maps, np.ones((20, 4, 4), bool))


def test_positions_belong_to_a_box_by_their_middle():
    inside = ablation.in_boxes(np.array([[2.0, 4, 9, 8], [0, 0, 0, 0]]), 8, 12, (4, 6))
    assert inside[0].nonzero()[0].tolist() == [2] * 3 + [3] * 3
    assert sorted(set(inside[0].nonzero()[1].tolist())) == [1, 2, 3]
    assert not inside[1].any()


def test_without_any_filter_images_are_constant_and_with_all_unchanged(space):
    split = ablation.SplitGenerator(space)
    inputs = space.samples(range(4))
    maps = split.maps(inputs)
    np.testing.assert_allclose(split.images(maps, inputs), space.generate(inputs), atol=1e-5)
    assert np.array_equal(ablation.drop(maps, []), maps)
    forgotten = split.images(ablation.drop(maps, range(split.total)), inputs)
    assert np.ptp(forgotten, axis=0).max() < 1e-6  # the same for all z
    assert np.ptp(space.generate(inputs), axis=0).max() > 1e-3


def test_a_box_is_changed_and_its_filters_are_counted(space):
    result = ablation.ablate(space, np.array([0.0, 0, 8, 16]), range(12), most=2)
    assert len(result.filters) <= 2 and result.before.shape == (12, 16, 16, 3)
    assert result.inside[0].sum() == 8 * 16
    assert np.isfinite(result.change()).all()
    with pytest.raises(InputError, match="0,0,99,4 does not lie in an image of 16x16"):
        ablation.ablate(space, np.array([0.0, 0, 99, 4]), range(4))


def test_the_command_writes_before_and_after(space, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tfgan_suite.latent.space.open_space", lambda *_: space)
    words = ["--box", "4,4,12,12", "--samples", "12", "--out", str(tmp_path), "--json"]
    assert main(["ablate", "run", *words]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert 0 < numbers["dropped"] < numbers["filters"] and (tmp_path / "ablate.png").is_file()


@pytest.mark.parametrize(
    "words, reason",
    [
        ([], "either --box or --of-class"),
        (["--box", "1,2,3"], "expected left,top,right,bottom"),
        (["--box", "1,2,3,4", "--samples", "0"], "--samples is 0"),
    ],
)
def test_bad_input_is_one_line(capsys, words, reason):
    assert main(["ablate", "run", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfgan_suite ablate: ") and reason in line


def test_an_export_is_refused():
    with pytest.raises(InputError, match="export, whose layers cannot be changed"):
        ablation.SplitGenerator(open_space("dcgan_fashion-mnist"))
