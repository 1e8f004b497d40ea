"""One process without TensorFlow that runs the TFLite files of many tests.

An export starts a process for each of its files, which costs more than to run a tiny file. This
one runs `litert_runner.main` for one command after another; what it answers is the same.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import traceback


class Runner:
    """Stands in for the module `subprocess` where the commands are those of `litert_runner`."""

    def __init__(self):
        self.process = None

    def run(self, command, **options):
        """As `subprocess.run(command, capture_output=True, encoding="utf-8", ...)`."""
        text = {"encoding": "utf-8", "errors": "replace"}
        assert options == {"capture_output": True, "check": False, **text}, options
        assert command[0] == sys.executable and command[1].endswith("litert_runner.py"), command
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        # All of them are paths; the process stays in the folder in which it was started.
        paths = [os.path.abspath(path) for path in command[1:]]
        self.process.stdin.write(json.dumps(paths) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            code, self.process = self.process.wait(), None
            return subprocess.CompletedProcess(command, code, "", f"it ended with code {code}")
        return subprocess.CompletedProcess(command, *json.loads(answer))

    def close(self):
        if self.process is not None:
            self.process.communicate()


def serve():
    """Answers each line, a list of a script and its arguments, by exit code, output and errors."""
    answers = sys.stdout
    for line in sys.stdin:
        script, *arguments = json.loads(line)
        outputs, errors, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(outputs), contextlib.redirect_stderr(errors):
            try:
                spec = importlib.util.spec_from_file_location("litert_runner", script)
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                module.main(*arguments)
            except SystemExit as end:
                errors.write(f"{end.code}\n")
                code = 1
            except BaseException:
                traceback.print_exc()
                code = 1
        print(json.dumps([code, outputs.getvalue(), errors.getvalue()]), file=answers, flush=True)


if __name__ == "__main__":
    # The folder of this file must not be searched: the tests' helpers import TensorFlow.
    sys.path.pop(0)
    serve()
