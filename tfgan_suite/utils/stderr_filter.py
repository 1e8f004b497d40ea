"""Keeps lines that TensorFlow's libraries print about themselves out of sight, in a log file.

Importing TensorFlow without a GPU, compiling a graph and converting to TFLite print lines on
standard error that look like errors and are none; no setting turns them off. `start` sends what
native code prints through a small process, which appends such lines to a file (`log_to`) and passes
all others on, also those of a process that dies. What Python prints does not pass through it.
`TF_CPP_MIN_LOG_LEVEL=0` in the environment shows everything.

This file is also the program of that process, so that it imports nothing of the suite.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_LOG_TO, _FLUSH = b"\0log to ", b"\0flush\n"
_MOST_LINES = 10_000  # that are kept for a log file, and written to it
_GPU_FILES = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg")

# Information and warnings, as before and after absl has taken over TensorFlow's logging.
_LOW_SEVERITY = rb"\d{4}-\d\d-\d\d [\d:.]+: [IW] |[IW]\d{4} \d\d:\d\d:\d\d|[IW]\d{4} [\d:.]+ "
_HARMLESS = (
    _LOW_SEVERITY,
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
    # The second line of a message about the CPU's instructions.
    rb"To enable the following instructions: ",
    # An optimization of a graph that does not apply: the graph runs as it is.
    rb".*meta_optimizer\.cc:\d+\] \w+ failed: ",
    # Two CUDA libraries are linked into TensorFlow 2.15, each registers itself.
    rb".*Unable to register cu\w+ factory: ",
    # TFLite's interpreter; the converter's settings, and what it counted.
    rb"INFO: ",
    rb"fully_quantize: \d, inference_type: \d",
    rb"Summary on the non-converted ops:|-{30,}\s*$",
    rb" \* (Accepted dialects: |Non-Converted Ops: |\d+ \w+ ops\s*$)",
    rb"- [\w.]+: +\d+ occurrences ",
)
# Lines that belong to the one before.
_CONTINUATION = re.compile(rb"\s*$|  \(\w+: \d+(, \w+: \d+)*\)\s*$")
# On a machine that has a GPU these are the reason why it is not used.
_HARMLESS_WITHOUT_GPU = (
    rb".*failed call to cuInit: ",
    rb".*(Could not find|Cannot dlopen|Could not load) .*(cuda|CUDA|GPU)",
)


def start() -> bool:
    """Filters the standard error of this process from now on; call it once, before TensorFlow.

    Returns:
        Whether it is filtered: not on Windows, not where the user wants to see TensorFlow's log,
        and not without a standard error.
    """
    if os.name != "posix" or os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2") in ("0", "1"):
        return False
    if sys.stderr is None or not Path(__file__).is_file():
        return False
    try:
        original = os.dup(2)
        receiving, sending = os.pipe()
        # In a session of its own Ctrl-C does not reach it: it ends when nobody prints any more.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=receiving,
            stdout=subprocess.PIPE,
            stderr=original,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return False
    sys.stderr.flush()
    sys.stderr = sys.__stderr__ = os.fdopen(
        original, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors
    )
    os.dup2(sending, 2)
    os.close(sending)
    os.close(receiving)
    atexit.register(_flush, process)
    return True


def _flush(process: subprocess.Popen[bytes]) -> None:
    """Waits, but not for ever, until the process has passed on what was printed."""
    process.returncode = 0  # it ends by itself, a little later
    with contextlib.suppress(OSError, ValueError):
        os.write(2, _FLUSH)
        select.select([process.stdout], [], [], 2.0)


def log_to(path: str | os.PathLike) -> None:
    """Appends lines that are kept from the user to a file, also those of before; without `start`
    nothing happens."""
    if sys.stderr is not None and _is_filtered():
        os.write(2, _LOG_TO + os.fsencode(os.path.abspath(path)) + b"\n")


def _is_filtered() -> bool:
    with contextlib.suppress(OSError, ValueError):  # a stream that is not a file
        return sys.stderr is sys.__stderr__ and sys.stderr.fileno() != 2
    return False


def patterns(has_gpu: bool) -> re.Pattern[bytes]:
    """What a line begins with that only the log file gets."""
    return re.compile(b"|".join((*_HARMLESS, *(() if has_gpu else _HARMLESS_WITHOUT_GPU))))


def run(lines: Iterable[bytes], output: int, harmless: re.Pattern[bytes]) -> None:
    """Passes on the lines of a process until it ends, but for harmless ones.

    Args:
        lines: what it prints.
        output: descriptor of the user's standard error.
        harmless: what lines begin with that go to the log file.
    """
    path, kept = b"", []
    written, is_harmless = 0, False
    for line in lines:
        if line.startswith(_LOG_TO):
            path = line[len(_LOG_TO) :].rstrip(b"\n")
        elif line == _FLUSH:
            os.write(1, b"\n")
        elif harmless.match(line) or (is_harmless and _CONTINUATION.match(line)):
            is_harmless = True
            kept.append(line)
        else:
            is_harmless = False
            os.write(output, line)
        if path and kept and written < _MOST_LINES:
            # A log that cannot be written is no loss.
            with contextlib.suppress(OSError), open(path, "ab") as log:
                log.write(b"".join(kept))
            written += len(kept)
            kept.clear()
        del kept[_MOST_LINES:]


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        run(sys.stdin.buffer, 2, patterns(any(map(os.path.exists, _GPU_FILES))))
