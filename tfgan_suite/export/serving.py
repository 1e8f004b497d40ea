"""TensorFlow Serving's files: the model list and the requests that warm up a version."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature
from tfgan_suite.export import folders, functions

MODEL_CONFIG = "model.config"
WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"

_CONFIG = """\
# Model list of TensorFlow Serving. base_path is where the server sees this folder, e.g.
#   docker run -p 8501:8501 -v "$PWD/{name}:/models/{name}" tensorflow/serving \\
#     --model_config_file=/models/{name}/{file}
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
}}
"""


def model_config(name: str) -> str:
    """The text of `model.config` for one model; the server uses the highest version number."""
    return _CONFIG.format(name=name, file=MODEL_CONFIG)


def can_warm_up() -> bool:
    """Whether `tensorflow-serving-api` (extra `serving`) is installed."""
    return importlib.util.find_spec("tensorflow_serving") is not None


def write_warmup(
    version_folder: Path, name: str, requests: Mapping[str, Mapping[str, np.ndarray]]
) -> Path:
    """Writes the requests that a server runs before it accepts real ones.

    Args:
        version_folder: the SavedModel's folder.
        name: the model's name.
        requests: inputs by signature and name, with their batch dimension.

    Returns:
        The file's path.

    Raises:
        ImportError: `tensorflow-serving-api` is missing.
        InputError: the file cannot be written.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "warm-up files need tensorflow-serving-api: pip install 'tfgan-suite[serving]'"
        ) from error
    path = version_folder / WARMUP
    with folders.writing(version_folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for signature, inputs in requests.items():
                request = predict_pb2.PredictRequest()
                request.model_spec.name = name
                request.model_spec.signature_name = signature
                for key, value in inputs.items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog(
                    predict_log=prediction_log_pb2.PredictLog(request=request)
                )
                writer.write(log.SerializeToString())
    return path


def warmup_request(signature: Signature, examples: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """A request of batch size 1.

    Args:
        signature: a function of the SavedModel.
        examples: inputs of the game's signature that it is derived from, `(count, ...)` by name;
            images in [-1, 1].
    """
    request: dict[str, Any] = {}
    for spec in signature.inputs:
        if spec.kind in ("seed", "count"):
            request[spec.name] = np.int32(spec.kind == "count")
        elif spec.kind == functions.SEEDS:
            request[spec.name] = np.zeros(1, np.int32)
        elif spec.kind == "file":
            pixels = functions.to_uint8(examples[spec.name[: -len(functions.BYTES)]][0])
            request[spec.name] = np.array([tf.io.encode_png(pixels).numpy()], object)
        else:
            request[spec.name] = examples[spec.name][:1]
    return request
