"""Programs of tests in processes of their own that need not import TensorFlow first.

A new Python needs five to eight seconds of a core to import TensorFlow and Keras. `start` forks a
process that has imported them, before TensorFlow has started (no thread, no device), and that
forks a child for each program. A child is a process as any other: it has its own devices and
memory, can be killed, and ends with its own code. What imports do is not tested by it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_server: socket.socket | None = None


def start() -> None:
    """Forks the process that waits; to be called once, before TensorFlow has started."""
    global _server
    if not hasattr(os, "fork"):  # Windows
        return
    ours, theirs = socket.socketpair()
    gc.freeze()  # so that collections do not write to pages that both processes share
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads of pytest-xdist do not matter to the child
        pid = os.fork()
    if pid:
        theirs.close()
        _server = ours
        return
    try:
        _serve(theirs)
    finally:
        os._exit(0)


class Program:
    """A script with arguments in a process of its own; used as `subprocess.Popen` is.

    Args:
        script: path of the Python file, run as `__main__`.
        *words: its arguments.
        environment: additional environment variables.
    """

    def __init__(self, script: Path, *words: object, environment: dict[str, str] | None = None):
        self.returncode: int | None = None
        self._output = tempfile.NamedTemporaryFile("r", suffix=".txt", errors="replace")
        self.pid = _ask(
            "fork",
            command=[str(script), *map(str, words)],
            folder=os.getcwd(),
            environment={**os.environ, **(environment or {})},
            output=self._output.name,
        )

    def poll(self) -> int | None:
        """The exit code, or None while it runs; `-number` of the signal that killed it."""
        if self.returncode is None:
            self.returncode = _ask("poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float = 300.0) -> int:
        """Waits for the end; the exit code."""
        limit = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > limit:
                self.send_signal(signal.SIGKILL)
                raise TimeoutError(f"it did not end; it wrote {self.output()[-3000:]}")
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def output(self) -> str:
        """What it has written until now, errors included."""
        return Path(self._output.name).read_text(errors="replace")


def _ask(request: str, **arguments: Any) -> Any:
    _server.sendall(json.dumps([request, arguments]).encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        part = _server.recv(1 << 16)
        if not part:
            raise RuntimeError("the process that forks has ended")
        answer += part
    return json.loads(answer)


# ---- in the process that waits ---------------------------------------------------------------


def _serve(connection: socket.socket) -> None:
    """Answers requests until the tests end."""
    # What the tests' process has open, its pipe to pytest-xdist above all, must end with it.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in {int(name) for name in os.listdir("/dev/fd")} - {connection.fileno(), 1, 2}:
        with contextlib.suppress(OSError):
            os.dup2(nowhere, number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running = set()
    for line in connection.makefile("r", encoding="utf-8"):
        request, arguments = json.loads(line)
        if request == "fork":
            answer = _fork(connection, **arguments)
            running.add(answer)
        else:
            answer = _poll(**arguments)
            if answer is not None:
                running.remove(arguments["pid"])
        connection.sendall(json.dumps(answer).encode() + b"\n")
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _fork(connection: socket.socket, output: str, **arguments: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        connection.close()
        _redirect(output)
        code = _run(**arguments)
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _redirect(output: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY)):
        opened = os.open(name, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(1, 2)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering=1, closefd=False)
        for number, mode in enumerate(("r", "w", "w"))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def _run(command: Sequence[str], folder: str, environment: dict[str, str]) -> int:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(command)
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, (int, type(None))):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
