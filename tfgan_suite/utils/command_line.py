"""What ends a command: its result, or one line that says why it stopped."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

from tfgan_suite.errors import InputError
from tfgan_suite.utils.files import write_reason

INTERRUPTED = "interrupted; files that were written before are complete"


def exit_code(name: str, command: Callable[[], int | None], interrupted: str = INTERRUPTED) -> int:
    """Runs a command and prints its error as one line.

    Args:
        name: of the program, which starts the line.
        command: returns its exit code, or None for 0.
        interrupted: what Ctrl-C means, unless the exception says it.

    Returns:
        The command's code; 2 for bad input or output that cannot be printed; 130 after Ctrl-C.
    """
    try:
        code = command() or 0
        sys.stdout.flush()
        return code
    except InputError as error:
        reason, code = str(error), 2
    except KeyboardInterrupt as error:
        reason, code = str(error) or interrupted, 130
    except BrokenPipeError:
        _discard_output()
        return 0
    except OSError as error:
        # Files are written with errors of their own, so it comes from printing.
        if not write_reason(str(error)):
            raise
        _discard_output()
        reason, code = f"cannot print ({error.strerror}); send the output elsewhere", 2
    print(f"{name}: {' '.join(reason.split())}", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Discards what is left to print; Python would try again at exit, and print its own error."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is not a file
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
