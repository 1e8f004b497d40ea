"""The whole process: what training sets in it when a game is compiled, and what it runs on."""

from __future__ import annotations

import ctypes
import os
import sys

import tensorflow as tf

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def prepare() -> None:
    """Sets what holds for the whole process: the order of updates, and `keep_memory`."""
    # Else the graph optimizer drops control dependencies between updates and reads, and a step
    # that updates a player several times reads weights too early now and then.
    tf.config.optimizer.set_experimental_options({"dependency_optimization": False})
    keep_memory()


def keep_memory() -> bool:
    """Keeps what a step frees for the next step, in place of giving it back to Linux each time.

    The C library gives large tensors back as soon as they are freed, and the next step fetches
    them anew, page by page: with U-Net-256 at batch 1, 50,000 to 80,000 page faults a step and 6%
    of its time. The peak stays about the same. Settings of the user (`MALLOC_...`,
    `GLIBC_TUNABLES`) are left alone, and other allocators know nothing of these.

    Returns:
        Whether both settings were taken.
    """
    chosen = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_")
    if not sys.platform.startswith("linux") or any(name in os.environ for name in chosen):
        return False
    if "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def on_cpus() -> bool:
    """Whether all is computed on CPUs: there is no GPU and no TPU."""
    return not (tf.config.list_physical_devices("GPU") or tf.config.list_logical_devices("TPU"))
