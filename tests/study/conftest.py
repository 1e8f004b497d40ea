"""Two folders of small images, and studies made of them."""

import json

import pytest
from answering import write_images

from tfgan_suite.study.make import make


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("images")
    return (
        write_images(home / "original", 12, seed=1),
        write_images(home / "forgery", 12, seed=2),
    )


@pytest.fixture(scope="session")
def study(folders, tmp_path_factory):
    """`study(kind)`: a made study and its key, one of each kind."""
    home, made = tmp_path_factory.mktemp("studies"), {}

    def give(kind):
        if kind not in made:
            result = make(*folders, home / f"{kind}.html", kind, trials=10, seed=3)
            made[kind] = (result, json.loads(result.key.read_text()))
        return made[kind]

    return give
