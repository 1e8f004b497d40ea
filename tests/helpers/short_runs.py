"""Runs that are needed for what they leave behind, made in a fraction of the time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import pytest

from tfgan_suite.core.trained_game import TrainedGame


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
    """Eager steps; exports hold a SavedModel and the given formats, as a rule none."""
    with pytest.MonkeyPatch.context() as patch, eager_steps():
        patch.setattr(TrainedGame, "export_formats", ("saved_model", *formats))
        yield
