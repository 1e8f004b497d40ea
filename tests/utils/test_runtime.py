"""Settings of the process: what is kept, and whose settings are left alone."""

import forks
import pytest

from tfgan_suite.utils import runtime

FAULTS = """
import resource, sys
import numpy as np
from tfgan_suite.utils import runtime
kept = runtime.keep_memory() if sys.argv[1] == "keep" else None
def faults():
    np.ones(60_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
faults()
start = faults()
for _ in range(4):
    end = faults()
print(kept, end - start)
"""


def run(folder, mode):
    (folder / "faults.py").write_text(FAULTS)
    process = forks.Program(folder / "faults.py", mode)
    assert process.wait() == 0, process.output()
    kept, faults = process.output().split()[-2:]
    return kept, int(faults)


@pytest.mark.skipif(not runtime.keep_memory(), reason="not glibc's malloc on Linux")
def test_large_tensors_are_not_fetched_anew(tmp_path):
    pages = 60_000_000 // 4096
    kept, faults = run(tmp_path, "keep")
    assert kept == "True" and faults < pages / 10
    _, faults = run(tmp_path, "leave")
    assert faults > 3 * pages or faults > 4 * pages / 512  # pages of 4 KiB, or huge ones


@pytest.mark.parametrize(
    "name, value",
    [
        ("MALLOC_TRIM_THRESHOLD_", "100000"),
        ("MALLOC_MMAP_THRESHOLD_", "100000"),
        ("GLIBC_TUNABLES", "glibc.malloc.arena_max=2"),
    ],
)
def test_the_users_settings_are_left_alone(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    assert not runtime.keep_memory()


def test_other_systems_and_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: object())
    assert not runtime.keep_memory()
    monkeypatch.setattr(runtime.sys, "platform", "darwin")
    assert not runtime.keep_memory()
