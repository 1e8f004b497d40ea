"""Sheets, scatter plots, films."""

import numpy as np
from PIL import Image

from tfgan_suite.utils import image_grids


def test_to_uint8_rounds_and_clips():
    floats = np.array([-2.0, -1.0, 0.0, 1.0, 3.0, 1 / 255], "f4")
    assert image_grids.to_uint8(floats).tolist() == [0, 0, 128, 255, 255, 128]
    assert image_grids.to_uint8(np.array([7], "u1")).tolist() == [7]


def test_a_sheet_holds_every_image_in_reading_order():
    images = np.linspace(-1, 1, 5)[:, None, None, None] * np.ones((5, 4, 4, 3))
    page = image_grids.sheet(images, columns=3, smallest=0)
    assert page.shape == (2 * 6 + 2, 3 * 6 + 2, 3)
    middles = [page[4, 4 + 6 * i, 0] for i in range(3)] + [page[10, 4 + 6 * i, 0] for i in range(2)]
    assert middles == [0, 64, 128, 191, 255]
    assert page[10, 16].tolist() == [255, 255, 255]


def test_small_images_are_enlarged_by_whole_factors():
    page = image_grids.sheet(np.zeros((1, 4, 4, 1)), smallest=40)
    assert page.shape == (40, 40, 3)


def test_a_scatter_plot_has_points_where_they_are():
    real = np.array([[-1.0, -1.0], [1.0, 1.0]])
    page = image_grids.scatter(np.array([[1.0, 1.0], [np.nan, 0.0], [99.0, 0.0]]), real)
    red = np.argwhere((page == (200, 40, 40)).all(-1))
    assert len(red) == 9  # a dot of 3x3 pixels
    row, column = red[4]
    assert row < 64 and column > 192  # up and to the right


def test_png_files_are_whole_and_come_back(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype("u1")
    image_grids.write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(image_grids.read_png(tmp_path / "a.png"), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_film_has_a_frame_for_every_sheet(tmp_path):
    paths = []
    for shade in (0, 120, 250):
        paths.append(tmp_path / f"{shade}.png")
        image_grids.write_png(paths[-1], np.full((8, 8, 3), shade, "u1"))
    image_grids.write_film(tmp_path / "film.gif", paths)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3
        film.seek(2)
        assert film.info["duration"] == 2000
        assert abs(film.convert("RGB").getpixel((4, 4))[0] - 250) < 5
