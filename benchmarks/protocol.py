"""Two processes that take turns: a worker that measures on request, and the parent's handle on it.

Requests and answers are JSON lines on the worker's standard input and output. Only the standard
library is imported here, so that a worker can run under any Python.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any


class WorkerError(RuntimeError):
    """A worker stopped or failed; the message is its reason."""


class Worker:
    """A running worker.

    Args:
        command: program and arguments.
        environment: additional environment variables.

    Example:
        ```
        with Worker([sys.executable, "torch_side.py"]) as peer:
            peer.ask("setup", game="dcgan", ...)
            steps, seconds, cpu_seconds = peer.ask("steps", seconds=5.0)
        ```
    """

    def __init__(self, command: list[str], environment: Mapping[str, str] | None = None):
        self.command = command
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise WorkerError(f"{command[0]} cannot be started: {error}") from error

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def ask(self, request: str, **arguments: Any) -> Any:
        """Sends a request and waits for its answer.

        Raises:
            WorkerError: the worker has ended, or reports a failure.
        """
        line = json.dumps({"request": request, "arguments": arguments})
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            code = self._process.wait()
            raise WorkerError(f"{' '.join(self.command)} ended with code {code} at {request!r}")
        answer = json.loads(answer)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Stops the worker."""
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def versions(**programs: str) -> dict[str, str]:
    """The versions of Python and other programs, by name."""
    return {"python": platform.python_version(), **programs}


def serve(requests: Mapping[str, Callable[..., Any]]) -> None:
    """Answers requests on standard input until it ends.

    In addition to `requests`, every worker answers `"idle"`: the fraction of a core that it used
    between its last answer and this request, when it should have slept; `"processor_seconds"`,
    used since its start; `"peak_mib"`; and `"loaded_mib"`, the peak once its libraries were loaded.
    """
    # Whatever libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    slept = [0.0]
    loaded = peak_mib()
    handlers = {
        **requests,
        "idle": lambda: slept[0],
        "processor_seconds": time.process_time,
        "peak_mib": peak_mib,
        "loaded_mib": lambda: loaded,
    }
    wall, busy = time.perf_counter(), time.process_time()
    for line in sys.stdin:
        slept[0] = (time.process_time() - busy) / max(time.perf_counter() - wall, 1e-9)
        request = json.loads(line)
        try:
            answer = {"result": handlers[request["request"]](**request["arguments"])}
        except Exception as error:  # the parent decides what a failure means
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        wall, busy = time.perf_counter(), time.process_time()


def repeat(
    call: Callable[[], Any], seconds: float, minimum: int = 3, period: int = 1
) -> tuple[int, float]:
    """Calls a function repeatedly for about `seconds`.

    Args:
        call: the function.
        seconds: the duration; the last call, or period, is completed.
        minimum: fewest calls.
        period: calls after which their costs repeat.

    Returns:
        The number of calls, a multiple of the period, and the seconds they took.
    """
    start, count = time.perf_counter(), 0
    while True:
        call()
        count += 1
        passed = time.perf_counter() - start
        if passed >= seconds and count >= minimum and count % period == 0:
            return count, passed


def timed_steps(
    call: Callable[[], Any], seconds: float, period: int = 1
) -> tuple[int, float, float]:
    """As `repeat`, with the processor's seconds of all threads of this process as the third."""
    busy = time.process_time()
    count, passed = repeat(call, seconds, period=period)
    return count, passed, time.process_time() - busy


def peak_mib() -> float | None:
    """Peak memory of this process in MiB; `None` if the system does not report it."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def machine_seconds() -> float | None:
    """Busy seconds of all processors of the machine; `None` if the system does not report them."""
    try:
        with open("/proc/stat", encoding="utf-8") as statistics:
            fields = [int(field) for field in statistics.readline().split()[1:]]
    except OSError:
        return None
    user, nice, system = fields[:3]
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")
