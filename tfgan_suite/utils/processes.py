"""Other processes of this machine."""

from __future__ import annotations

import os


def is_running(pid: int) -> bool | None:
    """Whether a process of this machine runs.

    Args:
        pid: its number.

    Returns:
        None where that cannot be known without harm: on Windows, signal 0 is Ctrl-C.
    """
    if os.name == "nt":
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it belongs to another user
    return True
