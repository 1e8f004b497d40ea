"""A C program, linked against TensorFlow's C library, draws from an exported SavedModel."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.export import export

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
LIBRARIES = [
    Path(tf.sysconfig.get_lib()) / name
    for name in ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
]
# Linkers that read a library of a gigabyte in two seconds, where they are installed, not in twelve.
FAST = [f"-fuse-ld={name}" for name in ("lld", "gold") if shutil.which(f"ld.{name}")][:1]
HEADER = Path(tf.sysconfig.get_include()) / "tensorflow" / "c" / "c_api.h"


def why_not():
    if COMPILER is None:
        return "no C compiler (cc, gcc, clang) is installed"
    missing = [path.name for path in (*LIBRARIES, HEADER) if not path.exists()]
    return f"this TensorFlow package comes without {', '.join(missing)}" if missing else ""


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "can run")
def test_c_program_draws_the_same_images(games, tmp_path):
    game = games.Noise()
    result = export(game, tmp_path, name="noise", formats=("saved_model",), warmup=False)
    program = tmp_path / "load_generator"
    source = Path(__file__).with_name("load_generator.c")
    subprocess.run(
        [
            COMPILER, "-Wall", "-Werror", "-O1", str(source), "-o", str(program),
            f"-I{tf.sysconfig.get_include()}", *map(str, LIBRARIES), *FAST,
            f"-Wl,-rpath,{tf.sysconfig.get_lib()}",
        ],
        check=True,
    )  # fmt: skip
    tensors = result.card["export"]["signatures"]["serving_default"]["tensors"]
    z = np.random.default_rng(2).normal(size=(5, 8)).astype("float32")
    # Loading TensorFlow's library takes seconds: one process for what is drawn and what is refused.
    requests = ("5", "8", "5", "9", "0", "8")
    done = subprocess.run(
        [program, result.path, tensors["inputs"]["z"], tensors["outputs"]["image"], *requests],
        input=z.tobytes() + bytes(4 * 5 * 9),
        capture_output=True,
    )
    shape, *reasons = done.stderr.decode().split("cannot run: ")
    assert done.returncode == len(reasons) == 2 and shape.endswith("5 8 8 3 \n"), done.stderr
    found = np.frombuffer(done.stdout, "float32").reshape(5, 8, 8, 3)
    expected = game.network(tf.constant(z), training=False).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # What Python would check is checked by the graph.
    for reason, words in zip(reasons, ("(batch, 8)", "from 1 to")):
        assert words in reason
