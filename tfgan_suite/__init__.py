"""Adversarial games as Keras models, trained by `fit`, exported to SavedModel and TFLite."""

from __future__ import annotations

import os as _os
import sys as _sys
from typing import TYPE_CHECKING
from typing import Any as _Any

from tfgan_suite.errors import InputError
from tfgan_suite.utils.lazy_modules import lazy_modules as _lazy_modules

if TYPE_CHECKING:
    from tfgan_suite.core.adversarial_model import AdversarialModel
    from tfgan_suite.inference.model import load

# TensorFlow prints a dozen lines about its build when it starts; its errors still appear.
_os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.2.0"

__all__ = ["AdversarialModel", "InputError", "__version__", "load"]

_module, _modules = _lazy_modules(__name__, __path__)


def __getattr__(name: str) -> _Any:
    """Imports a part of the suite, and with most of them TensorFlow, when it is first used."""
    if name == "AdversarialModel":
        from tfgan_suite.core.adversarial_model import AdversarialModel

        return AdversarialModel
    if name == "load":
        from tfgan_suite.inference.model import load

        return load
    return _module(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_modules()})


def _read_flags_early() -> None:
    """Lets a recipe answer `--help` and typos before its imports have loaded TensorFlow."""
    file = getattr(_sys.modules.get("__main__"), "__file__", None)
    if file and file.endswith(".py") and "tensorflow" not in _sys.modules:
        from pathlib import Path

        from tfgan_suite.training import early_flags

        early_flags.check(Path(file))


_read_flags_early()
