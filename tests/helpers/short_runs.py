"""Runs that are needed for what they leave behind, made in a fraction of the time."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from tfgan_suite.inference import generator
from tfgan_suite.training import publish


@contextlib.contextmanager
def eager_steps() -> Iterator[None]:
    """`fit` runs its steps eagerly in this block; how users trace them, other tests hold."""
    fit = keras.Model.fit

    def fit_eagerly(model, *args, **options):
        model.run_eagerly = True
        return fit(model, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", fit_eagerly)
        yield


@contextlib.contextmanager
def short_runs(*formats: str) -> Iterator[None]:
    """Eager steps; runs export a SavedModel and the given formats, as a rule none.

    Whatever formats the game has: some have their own list of them.
    """
    export, exported = publish.export, {"saved_model", *formats}

    def export_some(*args, formats, **options):
        formats = [name for name in formats if name in exported]
        return export(*args, formats=formats, **options)

    with pytest.MonkeyPatch.context() as patch, eager_steps():
        patch.setattr(publish, "export", export_some)
        yield


@contextlib.contextmanager
def opened_once() -> Iterator[None]:
    """Commands share the runs and exports that they open: to open takes longer than to draw.

    Not for a test that changes what it has opened.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_of_run", "_of_export"):
            patch.setattr(generator, name, _once(getattr(generator, name)))
        yield


def _once(opening: Callable[[Path, str], generator.Generator]) -> Callable[..., Any]:
    @functools.lru_cache
    def opened(folder, path, name):
        return opening(path, name)

    return lambda path, name: opened(os.getcwd(), path, name)
