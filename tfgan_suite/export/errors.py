"""Errors of an export that are not caused by bad input."""

from __future__ import annotations


class ExportError(RuntimeError):
    """An export failed; nothing was published."""


class GraphError(ExportError):
    """A signature's graph cannot be served: random or Python ops, training mode, half precision."""


class ConversionError(ExportError):
    """TensorFlow Lite's converter rejects a signature."""


class ParityError(ExportError):
    """An exported format differs from the Keras networks by more than its bound.

    Attributes:
        failed: reasons by format, under the names that `formats=` accepts.
    """

    def __init__(self, message: str, failed: dict[str, str] | None = None):
        super().__init__(message)
        self.failed = failed or {}
