"""A run that several commands read."""

import sys

import pytest
import tiny_recipe
from short_runs import short_runs

from tfgan_suite.training import launch


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A tiny run with an export, made as a user makes it."""
    home = tmp_path_factory.mktemp("home")
    words = ["tiny_recipe.py", "--run", str(home / "run"), "--data", tiny_recipe.images()]
    with pytest.MonkeyPatch.context() as patch, short_runs():
        patch.setattr(sys, "argv", [*words, "--steps", "2", "--export", str(home / "exports")])
        with pytest.raises(SystemExit) as end:
            launch.main(vars(tiny_recipe))
    assert end.value.code == 0
    return home
