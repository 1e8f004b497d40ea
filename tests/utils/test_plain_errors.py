"""Errors of the machine become one line; errors of the program stay what they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import user_path
from tfgan_suite.utils.plain_errors import plain_errors


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


def too_large():
    np.empty(2**60, np.uint8)


def exhausted():
    raise ResourceExhaustedError("OOM when allocating\n\ta tensor")


@pytest.mark.parametrize(
    "fail,words",
    [
        (too_large, "not enough memory .*; use less"),
        (exhausted, "not enough memory .OOM when allocating a tensor.; use less"),
        (lambda: os.stat("x" * 5000), "^x{197}... cannot be used .File name too long"),
        (lambda: open(f"{__file__}/a"), "test_plain_errors.py/a cannot be used .Not a directory"),
    ],
)
def test_errors_of_the_machine_are_one_line(fail, words):
    with pytest.raises(InputError, match=words) as error, plain_errors("use less"):
        fail()
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_other_errors_pass():
    for kind in (InputError, KeyError, OSError, BrokenPipeError, RuntimeError):
        with pytest.raises(kind, match="^'?why'?$"), plain_errors("use less"):
            raise kind("why")


def test_homes_that_do_not_exist_are_names(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    assert user_path("~/a") == Path("/home/ann/a") and user_path(Path("a")) == Path("a")
    assert user_path("~no such user/a") == Path("~no such user/a")
