"""Runs a TFLite file with the standalone runtime, in a process that does not load TensorFlow.

    python litert_runner.py model.tflite inputs.npz outputs.npz
    python litert_runner.py model.tflite        runs it on zeros, with any runtime: of damaged
                                                files some end the process that opens them

`inputs.npz` holds one array `(count, ...)` per input name; `outputs.npz` receives one per output
name. One line of JSON on standard output states the runtime and the number of tensors by dtype.
This file imports nothing from its package, so that it works where TensorFlow is not installed.
"""

from __future__ import annotations

import collections
import importlib
import importlib.metadata
import json
import os
import sys
import warnings

RUNTIMES = {
    "ai_edge_litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite_runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
}


def run(interpreter_class, model, inputs):
    """Runs a model on examples, one at a time.

    Args:
        interpreter_class: the `Interpreter` of a runtime.
        model: path of a `.tflite` file with one signature and batch size 1.
        inputs: arrays `(count, ...)` by input name.

    Returns:
        Outputs `(count, ...)` by name, and the number of the model's tensors by dtype.
    """
    import numpy as np

    interpreter = interpreter_class(model_path=model)
    (name,) = interpreter.get_signature_list()
    # Inputs are passed by name: their order in a file may differ from the signature's.
    call = interpreter.get_signature_runner(name)
    count = len(next(iter(inputs.values())))
    results = collections.defaultdict(list)
    for index in range(count):
        outputs = call(**{key: array[index : index + 1] for key, array in inputs.items()})
        for key, array in outputs.items():
            results[key].append(np.array(array))
    tensors = collections.Counter(
        np.dtype(tensor["dtype"]).name for tensor in interpreter.get_tensor_details()
    )
    return {key: np.concatenate(arrays) for key, arrays in results.items()}, dict(tensors)


def check(model):
    """Opens a file and runs it on zeros, with the runtime that `interpreter_class` chooses."""
    import numpy as np

    interpreter = interpreter_class()(model_path=model)
    (name,) = interpreter.get_signature_list()
    call = interpreter.get_signature_runner(name)
    details = call.get_input_details()
    call(**{key: np.zeros(entry["shape"], entry["dtype"]) for key, entry in details.items()})


def interpreter_class():
    """The standalone runtime's interpreter, or TensorFlow's own."""
    for module, _ in RUNTIMES.values():
        try:
            return importlib.import_module(module).Interpreter
        except ImportError:
            continue
    hide_deprecation()
    return importlib.import_module("tensorflow").lite.Interpreter


def hide_deprecation():
    """Hides TensorFlow's advice to use the standalone runtime; `doctor` says if it is missing."""
    warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")


def limit_memory(model):
    """Bounds the memory of this process: a damaged file may ask for any amount."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = 2**33 + 64 * os.path.getsize(model)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main(model, inputs_path=None, outputs_path=None):
    """Reads inputs, runs, writes outputs and prints the JSON line."""
    # Do not search this file's folder: its modules would shadow other packages'.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    if inputs_path is None:
        limit_memory(model)
        check(model)
        return
    import numpy as np

    for name, (module, package) in RUNTIMES.items():
        try:
            interpreter_class = importlib.import_module(module).Interpreter
        except ImportError:
            continue
        with np.load(inputs_path) as stored:
            inputs = dict(stored)
        outputs, tensors = run(interpreter_class, model, inputs)
        np.savez(outputs_path, **outputs)
        imported = sorted({"tensorflow", "tfgan_suite", "keras"} & set(sys.modules))
        if imported:
            sys.exit(f"not standalone: {', '.join(imported)} was imported")
        version = importlib.metadata.version(package)
        print(json.dumps({"runtime": name, "version": version, "tensors": tensors}))
        return
    sys.exit(f"no TFLite runtime found: install one of {[p for _, p in RUNTIMES.values()]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
