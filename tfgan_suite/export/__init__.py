"""Trained generators as SavedModels, TFLite files and TensorFlow Serving folders.

`export` writes a version from any game that describes itself with `signatures()`; `load` runs one
without the game's code. Layout of `<folder>/<name>/`:

    model.config                     TensorFlow Serving's model list
    <version>/saved_model.pb, variables/
    <version>/assets.extra/          requests that warm up a server
    <version>/tflite/                float32.tflite, float16.tflite, int8.tflite
    <version>/parity.json            how far each format differs from the Keras networks
    <version>/card.json              inputs, outputs, graph tensors, sizes, versions, training
"""

from tfgan_suite.export.errors import ConversionError, ExportError, GraphError, ParityError
from tfgan_suite.export.exporting import ExportResult, export
from tfgan_suite.export.loading import Exported, load, repeat_input

__all__ = [
    "ConversionError",
    "ExportError",
    "ExportResult",
    "Exported",
    "GraphError",
    "ParityError",
    "export",
    "load",
    "repeat_input",
]
