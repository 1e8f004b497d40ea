"""Files that users name are read in few places, which refuse what would hang or raise."""

import ast
import functools
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("tfgan_suite", "recipes", "benchmarks")
# JSON: everything else reads through `utils.json_files`. The benchmarks' two sides talk by lines
# of JSON on a pipe, one of them without this package; a result's own text is no file, and the rows
# of a gallery wait in a temporary file without a name.
JSON = {
    "tfgan_suite/utils/json_files.py", "benchmarks/protocol.py", "tfgan_suite/measures/result.py",
    "tfgan_suite/inference/gallery.py",
}  # fmt: skip
# Arrays: `data.readers.npz_files`; the runner has no package, the parity reads what it wrote.
ARRAYS = {"tfgan_suite/export/litert_runner.py", "tfgan_suite/export/parity.py"}
# Graphs: `utils.saved_models`; what an export has just written itself.
GRAPHS = {"tfgan_suite/utils/saved_models.py", "tfgan_suite/export/parity.py",
          "benchmarks/tensorflow_side.py"}  # fmt: skip
# TFLite: `export.tflite_files`, and the runner, which is a process of its own.
LITE = {"tfgan_suite/export/litert_runner.py"}


def calls(tree):
    """Dotted names of all functions that a file calls, with the names under which it imports."""
    full = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            full |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            full |= {a.asname: a.name for a in node.names if a.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, others = ast.unparse(node.func).partition(".")
            yield full.get(first, first) + dot + others


@functools.cache
def calls_by_file():
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {
        path.relative_to(ROOT).as_posix(): set(calls(ast.parse(path.read_text("utf-8"))))
        for path in paths
    }


def callers(*names):
    """Files that call one of the functions."""
    return {path for path, called in calls_by_file().items() if called & set(names)}


def test_one_module_reads_json_from_disk():
    assert callers("json.load", "json.loads", "json.JSONDecoder") == JSON


def test_one_module_reads_arrays_from_disk():
    names = ("numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile", "pickle.load")
    assert callers(*names) == ARRAYS


def test_one_module_loads_each_kind_of_graph():
    assert callers("tensorflow.saved_model.load", "keras.models.load_model") == {
        *GRAPHS, "tfgan_suite/features/weights.py",
    }  # fmt: skip
    interpreters = callers("tensorflow.lite.Interpreter", "interpreter_class()")
    assert interpreters <= LITE | {"tfgan_suite/export/parity.py", "benchmarks/lite_side.py"}


def test_the_check_sees_other_names_of_a_function():
    text = "import json as j\nfrom numpy import load as read\nj.loads('')\nread('a')\nopen('b')\n"
    assert set(calls(ast.parse(text))) == {"json.loads", "numpy.load", "open"}
