"""What the grids of reconstructions, codes and strokes show, and where."""

import types

import numpy as np
import pytest

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.training import sample_grids
from tfgan_suite.utils import image_grids


@pytest.fixture
def arranged(monkeypatch):
    """The images and the columns that a grid is made of."""
    found = []
    monkeypatch.setattr(
        image_grids, "image_grid", lambda images, columns: found.append((images, columns))
    )
    return found


def flat(values):
    """One-pixel images with these values."""
    return np.asarray(values, np.float32).reshape(-1, 1, 1, 1)


def test_reconstructions_stand_below_their_own_examples(arranged):
    game = types.SimpleNamespace(reconstruct=lambda x: x + 0.5)
    sample_grids.reconstructions(game, flat(np.arange(7) / 10), columns=3)
    ((grid, columns),) = arranged
    rows = grid.reshape(-1, columns)
    assert np.allclose(rows, [[0, 0.1, 0.2], [0.5, 0.6, 0.7], [0.3, 0.4, 0.5], [0.8, 0.9, 1.0]])


class Codes:
    """An InfoGAN whose one-pixel images add up all that it is given."""

    def __init__(self, categorical, classes, continuous):
        self.categorical, self.classes, self.continuous = categorical, classes, continuous

    def signatures(self):
        shape = () if self.categorical == 1 else (self.categorical,)
        specs = [TensorSpec("z", (1,), kind="normal")]
        if self.categorical:
            specs.append(TensorSpec("category", shape, "int32", "label", self.classes))
        if self.continuous:
            specs.append(TensorSpec("continuous", (self.continuous,), kind="uniform"))
        return {"serving_default": types.SimpleNamespace(inputs=specs)}

    def generate(self, z, category=None, continuous=None):
        total = z.sum(1)
        if category is not None:
            total = total + category.reshape(len(z), -1).sum(1)
        return flat(total if continuous is None else total + 100 * continuous.sum(1))


@pytest.mark.parametrize("categorical", [1, 2])
def test_one_code_runs_while_all_else_stays(arranged, categorical):
    sample_grids.traversal(Codes(categorical, 4, 2), reach=2.0, columns=5, rows=2)
    ((grid, columns),) = arranged
    rows = grid.reshape(-1, columns)
    assert rows.shape == (2 * categorical + 4, 5)
    for row in rows[: 2 * categorical]:
        assert np.allclose(np.diff(row[:4]), 1.0, atol=1e-4) and row[4] == 1.0  # white at the end
    for row in rows[2 * categorical :]:
        assert np.allclose(np.diff(row), 100.0, atol=1e-2)  # -2, -1, 0, 1, 2
    assert len({float(row[0]) for row in rows}) == len(rows)


def test_codes_of_one_kind_alone(arranged):
    sample_grids.traversal(Codes(1, 3, 0), rows=1)
    sample_grids.traversal(Codes(0, 0, 1), columns=4, rows=1)
    assert [columns for _, columns in arranged] == [3, 4]


def test_strokes_of_one_image_stand_in_one_row(arranged):
    canvases = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1, 1)
    sample_grids.strokes(types.SimpleNamespace(canvases=lambda count, seed: canvases), 2)
    ((grid, columns),) = arranged
    assert grid.reshape(-1, columns).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_grid_is_written_by_its_step(tmp_path, monkeypatch):
    made = sample_grids.SampleGrid(
        tmp_path / "codes", 10, lambda game: np.full((2, 2, 3), game.grey, "u1")
    )
    made.set_model(types.SimpleNamespace(grey=9, distribute_strategy=None))
    made.act(20, {})
    assert (image_grids.read_png(tmp_path / "codes" / "step_00000020.png") == 9).all()
