"""Lines of TensorFlow's libraries about themselves go to a log file, all others to the user."""

import os
import subprocess
import sys

import pytest

from tfgan_suite.utils import stderr_filter

HARMLESS = [
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    b"I0000 00:00:1795959824.790642   16773 cudart_stub.cc:31] Could not find cuda drivers\n",
    b"2026-11-29 13:56:47.363586: E external/local_xla/xla/stream_executor/cuda/cuda_dnn.cc:9261] "
    b"Unable to register cuDNN factory: Attempting to register factory\n",
    b"2026-11-29 14:00:14.228588: I external/local_tsl/tsl/cuda/cudart_stub.cc:31] Could not\n",
    b"2026-11-29 14:00:18.801794: W tensorflow/compiler/tf2tensorrt/utils/py_utils.cc:38] TF-TRT\n",
    b"2026-11-29 14:00:18.801794: E tensorflow/core/grappler/optimizers/meta_optimizer.cc:961] "
    b"remapper failed: INVALID_ARGUMENT: Mutation::Apply error\n",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
    b"fully_quantize: 0, inference_type: 6, input_inference_type: FLOAT32\n",
    b"Summary on the non-converted ops:\n",
    b"---------------------------------\n",
    b" * Accepted dialects: tfl, builtin, func\n",
    b" * 12 ARITH ops\n",
    b"\n",
    b"- arith.constant:   12 occurrences  (f32: 8, i32: 4)\n",
    b"\n",
    b"  (f32: 1)\n",
]
CUDA = [
    b"E0000 00:00:1795959830.522020   16773 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n",
    b"2026-11-29 14:00:18.8: E external/local_xla/xla/stream_executor/cuda/cuda_driver.cc:274] "
    b"failed call to cuInit: CUDA_ERROR_NO_DEVICE\n",
]
REAL = [
    b"E0000 00:00:1795959830.522020   16773 bfc_allocator.cc:52] out of memory\n",
    b"2026-11-29 14:00:18.801794: E tensorflow/core/framework/op_kernel.cc:52] broken\n",
    b"2026-11-29 14:00:18.801794: F tensorflow/core/framework/tensor.cc:52] Check failed\n",
    b"F0000 00:00:1795959830.522020   16773 tensor.cc:52] Check failed\n",
    b"terminate called after throwing an instance of 'std::bad_alloc'\n",
    b"\n",
    b"  (f32: 1)\n",
]


def passed_on(lines, has_gpu, tmp_path):
    log, shown = tmp_path / "tensorflow.log", tmp_path / "shown"
    to_log = stderr_filter._LOG_TO + os.fsencode(log) + b"\n"
    with open(shown, "wb") as output:
        stderr_filter.run([*lines, to_log], output.fileno(), stderr_filter.patterns(has_gpu))
    kept = log.read_bytes().splitlines(True) if log.exists() else []
    return shown.read_bytes().splitlines(True), kept


def test_what_is_harmless_goes_to_the_log_and_errors_to_the_user(tmp_path):
    assert passed_on([*REAL, *CUDA, *HARMLESS], False, tmp_path) == (REAL, CUDA + HARMLESS)


def test_on_a_machine_with_a_gpu_cuda_s_errors_reach_the_user(tmp_path):
    assert passed_on([*HARMLESS, *CUDA], True, tmp_path) == (CUDA, HARMLESS)


def test_a_log_that_cannot_be_written_is_no_loss(tmp_path):
    to_log = stderr_filter._LOG_TO + os.fsencode(tmp_path / "no" / "log") + b"\n"
    with open(tmp_path / "shown", "wb") as output:
        lines = [to_log, *HARMLESS, *REAL]
        stderr_filter.run(lines, output.fileno(), stderr_filter.patterns(False))
    assert (tmp_path / "shown").read_bytes() == b"".join(REAL)


PROGRAM = f"""
import os, sys
sys.path.insert(0, {os.path.dirname(stderr_filter.__file__)!r})
import stderr_filter
started = stderr_filter.start()
stderr_filter.log_to("tensorflow.log")
os.write(2, {HARMLESS[0]!r} + {REAL[0]!r})
print(started, "Python", file=sys.stderr)
if sys.argv[1:]:
    os.abort()
"""


@pytest.mark.skipif(os.name != "posix", reason="the filter is for Unix")
@pytest.mark.parametrize("words", [[], ["abort"]])
def test_a_process_and_one_that_dies(tmp_path, words):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode < 0) == bool(words)
    assert sorted(done.stderr.splitlines(True)) == sorted([REAL[0], b"True Python\n"])
    assert (tmp_path / "tensorflow.log").read_bytes() == HARMLESS[0]


@pytest.mark.skipif(os.name != "posix", reason="the filter is for Unix")
def test_who_wants_to_see_tensorflow_s_log_sees_all_of_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"},
        capture_output=True,
        check=True,
    )
    assert done.stderr.splitlines(True) == [HARMLESS[0], REAL[0], b"False Python\n"]
