"""The SavedModels that a call loads, so that a test need not load them again."""

import contextlib

import pytest
import tensorflow as tf


@contextlib.contextmanager
def loaded_models():
    """A list that gets each SavedModel that is loaded meanwhile."""
    load, models = tf.saved_model.load, []

    def load_and_keep(path):
        models.append(load(path))
        return models[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.saved_model, "load", load_and_keep)
        yield models
