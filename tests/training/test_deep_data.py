"""Runs on data of 12 bits and five channels: what is recorded, resumed, drawn and exported."""

import json

import numpy as np
import pytest
import tiny_recipe
from fault_runs import exit_code

from tfgan_suite.cli import main as cli
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids


def test_five_channels_of_twelve_bits_from_training_to_files(tmp_path, capsys):
    values = np.random.default_rng(0).integers(0, 4096, (11, 8, 8, 5), dtype=np.uint16)
    values[0, 0, 0] = 4095
    path, run = tmp_path / "bands.npz", tmp_path / "run"
    np.savez(path, image=values)
    words = [f"--data={path}", f"--run={run}", "--checkpoint-every=3", "--log-every=3"]
    assert exit_code(tiny_recipe, *words, "--steps=3", f"--export={tmp_path / 'exports'}") == 0
    manifest = json.loads((run / "run.json").read_text())
    assert manifest["constants"]["bit_depth"] == 12 and manifest["data"]["shape"] == [8, 8, 5]
    (exported,) = (tmp_path / "exports").glob("*/1")
    assert json.loads((exported / "card.json").read_text())["constants"]["bit_depth"] == 12
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    # What was decided is kept; another depth is another run.
    assert exit_code(tiny_recipe, *words, "--steps=4", "--export=none") == 0
    assert exit_code(tiny_recipe, *words, "--steps=5", "--export=none", "--bit-depth=16") == 2
    assert "bit_depth 12 (now 16)" in capsys.readouterr().err
    assert Run(run).trained_steps() == 4
    grid, folder = tmp_path / "drawn.png", tmp_path / "drawn"
    assert cli.main(["sample", str(run), "--count=4", f"--out={grid}"]) == 0
    assert image_grids.read_png(grid).ndim == 3
    assert cli.main(["sample", str(exported), "--count=2", f"--out={folder}"]) == 0
    drawn = [np.load(file) for file in sorted(folder.iterdir())]
    assert [(image.shape, image.dtype) for image in drawn] == [((8, 8, 5), np.uint8)] * 2


@pytest.mark.parametrize(
    "channels, shown", [(1, [0, 0, 0]), (2, [0, 0, 0]), (3, [0, 1, 2]), (5, [0, 1, 2])]
)
def test_what_grids_show_of_channels(channels, shown):
    images = np.random.default_rng(0).integers(0, 256, (1, 6, 6, channels), dtype=np.uint8)
    colour = image_grids.as_colour(images)
    np.testing.assert_array_equal(colour, images[..., shown])
    grid = image_grids.image_grid(images, min_width=0)
    np.testing.assert_array_equal(grid[2:8, 2:8], colour[0])
    np.testing.assert_array_equal(image_grids.rows([images])[:10, :10].shape, (10, 10, 3))
