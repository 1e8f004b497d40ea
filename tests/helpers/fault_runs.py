"""Runs of tiny recipes that are about to be damaged, and calls that must not wait for a pipe."""

import contextlib
import io
import os
import sys
import threading

import pytest

from tfgan_suite.training import launch

HANG = 60  # seconds


def run_words(home, steps):
    return ["--run", str(home / "run"), "--export", str(home / "exports"), "--steps", str(steps)]


def exit_code(module, *words):
    """How a recipe ends; anything but an exit is raised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module.__file__, *map(str, words)])
        with pytest.raises(SystemExit) as end:
            launch.main(vars(module))
    return end.value.code


def run_recipe(module, *words):
    """A recipe's exit code and what it wrote to stderr; anything but an exit is raised."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "print_any_name", lambda: None)
        with contextlib.redirect_stderr(output):
            code = exit_code(module, *words)
    return code, output.getvalue()


@contextlib.contextmanager
def no_hang(pipe):
    """Fails if the block waits for a named pipe; opening its other end lets the block go on."""
    done, hung = threading.Event(), []

    def watch():
        if not done.wait(HANG):
            hung.append(pipe)
            while not done.wait(0.1):
                with contextlib.suppress(OSError):
                    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    assert not hung, f"it waits for {pipe}"
