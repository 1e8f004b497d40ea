"""Adversarial games as Keras models, trained by `fit`, exported to SavedModel and TFLite."""

import os

# TensorFlow greets with a dozen lines about its build; its errors still appear.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tfgan_suite.core.adversarial_model import AdversarialModel  # noqa: E402
from tfgan_suite.errors import InputError  # noqa: E402

__version__ = "0.1.0"

__all__ = ["AdversarialModel", "InputError", "__version__"]
