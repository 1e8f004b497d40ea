"""The worker that measures a TFLite file; `enlarging.py` starts it."""

from __future__ import annotations

import importlib.metadata

import numpy as np
from protocol import serve, timed_steps, versions

try:
    from ai_edge_litert.interpreter import Interpreter

    RUNTIME = "ai-edge-litert"
except ImportError:
    from tensorflow.lite import Interpreter

    RUNTIME = "tensorflow"

_state = {}


def enlarging(path: str, threads: int) -> dict:
    """Opens a file and warms it up on a random image."""
    run = Interpreter(model_path=path, num_threads=threads).get_signature_runner()
    ((name, facts),) = run.get_input_details().items()
    image = np.random.default_rng(0).uniform(-1, 1, facts["shape"]).astype(np.float32)
    _state["bare"] = lambda: run(**{name: image})
    for _ in range(3):
        _state["bare"]()
    return {"versions": versions(**{RUNTIME: importlib.metadata.version(RUNTIME)})}


def steps(seconds: float) -> tuple[int, float, float]:
    """Repeats the pass for about `seconds`: number of passes, their seconds and CPU seconds."""
    return timed_steps(_state["bare"], seconds)


if __name__ == "__main__":
    serve({"enlarging": enlarging, "steps": steps})
