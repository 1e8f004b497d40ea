"""Optional packages, and the error when one is missing."""

from __future__ import annotations

import importlib
import types

from tfgan_suite.errors import InputError


def require(module: str, extra: str, purpose: str) -> types.ModuleType:
    """Imports a module of an optional package.

    Args:
        module: dotted name of the module, e.g. `"scipy.stats"`.
        extra: the extra of tfgan_suite that installs it.
        purpose: what needs it, as the subject of a sentence.

    Returns:
        The module.

    Raises:
        InputError: the package is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.split(".")[0]
        raise InputError(
            f"{purpose} needs {package}, which is not installed: pip install -e '.[{extra}]'"
        ) from None
