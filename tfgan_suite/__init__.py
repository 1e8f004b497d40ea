"""Adversarial games as Keras models, trained by `fit`, exported to SavedModel and TFLite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    from tfgan_suite.core.adversarial_model import AdversarialModel

# TensorFlow prints a dozen lines about its build when it starts; its errors still appear.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.2.0"

__all__ = ["AdversarialModel", "InputError", "__version__"]


def __getattr__(name: str) -> Any:
    """Imports `AdversarialModel`, and so TensorFlow, when it is first used."""
    if name == "AdversarialModel":
        from tfgan_suite.core.adversarial_model import AdversarialModel

        return AdversarialModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
