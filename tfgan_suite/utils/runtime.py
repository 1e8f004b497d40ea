"""Settings of the process that training needs, and the devices that it runs on."""

from __future__ import annotations

import ctypes
import os
import sys

import tensorflow as tf

from tfgan_suite import _stand_ins

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def prepare() -> None:
    """Sets process-wide options: the order of updates, and `keep_memory`."""
    # Otherwise the graph optimizer drops control dependencies between updates and reads, and a
    # step that updates a player several times sometimes reads its weights too early.
    tf.config.optimizer.set_experimental_options({"dependency_optimization": False})
    keep_memory()


def keep_memory() -> bool:
    """Keeps memory that a step frees for the next step instead of returning it to Linux.

    By default the C library returns large tensors as soon as they are freed, and the next step
    gets them again page by page: with U-Net-256 at batch size 1, 50,000 to 80,000 page faults and
    6% of the time of each step. Peak memory stays about the same. The user's own settings
    (`MALLOC_...`, `GLIBC_TUNABLES`) take precedence; other allocators are not affected.

    Returns:
        Whether both options were set.
    """
    variables = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_")
    if not sys.platform.startswith("linux") or any(name in os.environ for name in variables):
        return False
    if "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def on_cpus() -> bool:
    """Whether everything runs on CPUs: there is no GPU and no TPU."""
    return _stand_ins.on_cpus()
