"""Which outputs are image files."""

import pytest

from tfgan_suite import InputError
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
