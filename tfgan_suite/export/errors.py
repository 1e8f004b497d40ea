"""What can go wrong in an export although the user's input is right."""

from __future__ import annotations


class ExportError(RuntimeError):
    """An export was refused; nothing was published."""


class GraphError(ExportError):
    """A signature's graph cannot be served: random or Python ops, training mode, half precision."""


class ConversionError(ExportError):
    """TensorFlow Lite's converter refuses a signature."""


class ParityError(ExportError):
    """An exported format differs from the Keras networks by more than its bound.

    Attributes:
        failed: the formats that do, by the names that `formats=` takes, with the reason of each.
    """

    def __init__(self, message: str, failed: dict[str, str] | None = None):
        super().__init__(message)
        self.failed = failed or {}
