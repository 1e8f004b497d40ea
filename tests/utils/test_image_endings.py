"""Which outputs are image files."""

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.inference import files
from tfgan_suite.utils import image_endings


@pytest.mark.parametrize(
    "output, is_file",
    [
        ("a.png", True),
        ("my.photos/a.JPG", True),
        ("a.webp", True),
        ("samples", False),
        ("samples.v2", False),
        ("samples.png/", False),
        ("wgan.gradients", False),
        (".", False),
    ],
)
def test_files_and_folders(output, is_file):
    assert image_endings.names_image(output) is is_file


def test_a_folder_that_exists_may_have_any_name(tmp_path):
    (tmp_path / "samples.png").mkdir()
    assert image_endings.names_image(tmp_path / "samples.png") is False


@pytest.mark.parametrize("output", ["a.tiff", "a.GIF", "a.jp2", "a.pgn", "a.pdf", "a.mp4"])
def test_endings_that_cannot_be_written(output):
    with pytest.raises(InputError) as error:
        image_endings.names_image(output)
    assert str(error.value).endswith("use .png, .jpg, .jpeg, .webp, or a for a folder")


@pytest.mark.parametrize(
    ("name", "longest"), [("a.webp", 16383), ("b.JPG", 65500), ("c.jpeg", 65500)]
)
def test_images_larger_than_their_format_are_refused_with_the_limit(tmp_path, name, longest):
    image_endings.check_sides(name, 2, longest)
    with pytest.raises(InputError, match=rf"have at most {longest} a side; pass .*{name[0]}\.png"):
        files.write(tmp_path / name, np.zeros((longest + 1, 1, 3), "u1"))
    assert not list(tmp_path.iterdir())
    image_endings.check_sides("a.png", 2, 10**6)
