"""Image grids, scatter plots, animations."""

import numpy as np
from PIL import Image

from tfgan_suite.utils import image_grids


def test_to_uint8_rounds_and_clips():
    floats = np.array([-2.0, -1.0, 0.0, 1.0, 3.0, 1 / 255], "f4")
    assert image_grids.to_uint8(floats).tolist() == [0, 0, 128, 255, 255, 128]
    assert image_grids.to_uint8(np.array([7], "u1")).tolist() == [7]


def test_a_grid_holds_every_image_in_reading_order():
    images = np.linspace(-1, 1, 5)[:, None, None, None] * np.ones((5, 4, 4, 3))
    grid = image_grids.image_grid(images, columns=3, min_width=0)
    assert grid.shape == (2 * 6 + 2, 3 * 6 + 2, 3)
    middles = [grid[4, 4 + 6 * i, 0] for i in range(3)] + [grid[10, 4 + 6 * i, 0] for i in range(2)]
    assert middles == [0, 64, 128, 191, 255]
    assert grid[10, 16].tolist() == [255, 255, 255]


def test_small_images_are_enlarged_by_whole_factors():
    grid = image_grids.image_grid(np.zeros((1, 4, 4, 1)), min_width=40)
    assert grid.shape == (40, 40, 3)


def test_a_scatter_plot_has_points_where_they_are():
    real = np.array([[-1.0, -1.0], [1.0, 1.0]])
    grid = image_grids.scatter(np.array([[1.0, 1.0], [np.nan, 0.0], [99.0, 0.0]]), real)
    red = np.argwhere((grid == (200, 40, 40)).all(-1))
    assert len(red) == 9  # a dot of 3x3 pixels
    row, column = red[4]
    assert row < 64 and column > 192  # up and to the right


def test_png_files_are_whole_and_come_back(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype("u1")
    image_grids.write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(image_grids.read_png(tmp_path / "a.png"), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_animation_has_a_frame_for_every_grid(tmp_path):
    paths = []
    for shade in (0, 120, 250):
        paths.append(tmp_path / f"{shade}.png")
        image_grids.write_png(paths[-1], np.full((8, 8, 3), shade, "u1"))
    image_grids.write_animation(tmp_path / "animation.gif", paths)
    with Image.open(tmp_path / "animation.gif") as animation:
        assert animation.n_frames == 3
        animation.seek(2)
        assert animation.info["duration"] == 2000
        assert abs(animation.convert("RGB").getpixel((4, 4))[0] - 250) < 5
