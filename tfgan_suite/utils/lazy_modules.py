"""Modules of a package as its attributes, each imported when it is first used (PEP 562)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType

from tfgan_suite.errors import did_you_mean


def lazy_modules(
    package: str, path: Iterable[str]
) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a package: `tfgan_suite.games.dcgan` just works.

    Args:
        package: its `__name__`.
        path: its `__path__`.
    """
    names = sorted(
        module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")
    )

    def __getattr__(name: str) -> ModuleType:
        if name in names:
            return importlib.import_module(f"{package}.{name}")
        near = "" if name.startswith("_") else did_you_mean(name, names)
        raise AttributeError(f"module {package!r} has no attribute {name!r}{near}")

    return __getattr__, lambda: list(names)
