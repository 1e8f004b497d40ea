"""Opens TFLite files that anybody may have written, cut or damaged."""

from __future__ import annotations

import functools
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from tfgan_suite.errors import InputError
from tfgan_suite.export import litert_runner
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.text import message_of

# From the most precise on.
KINDS = ("float32", "float16", "int8")
# Bytes 4 to 8 of every TFLite file.
_MAGIC = b"TFL3"
_SECONDS = 120
_ADVICE = "export the run again"


def open_interpreter(path: Path) -> Any:
    """The interpreter of a TFLite file with one signature.

    The runtimes trust a file: of a damaged one they may read beyond its end, which ends the
    process. So another process opens it first and runs it once.

    Args:
        path: the file.

    Raises:
        InputError: it is not a TFLite file, or it is damaged.
    """
    try:
        content = foreign_files.read_bytes(path)
        if content[4:8] != _MAGIC:
            raise ValueError("it is empty" if not content else "it does not begin like one")
        _try_in_a_process(str(path), hashlib.sha256(content).digest())
        interpreter = litert_runner.interpreter_class()(model_path=str(path))
        (_,) = interpreter.get_signature_list()
    except Exception as error:  # damaged files raise all kinds of errors
        reason = getattr(error, "strerror", None) or message_of(error)
        raise InputError(
            f"{path} cannot be read as a TFLite file with one signature ({reason}); {_ADVICE}"
        ) from error
    return interpreter


@functools.lru_cache(maxsize=256)
def _try_in_a_process(path: str, digest: bytes) -> None:
    """Raises ValueError if a file cannot be run; the digest identifies its content."""
    try:
        process = subprocess.run(
            [sys.executable, litert_runner.__file__, path],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"it runs for more than {_SECONDS} seconds") from None
    if process.returncode < 0:
        raise ValueError("it is damaged: it ends the process that opens it")
    if process.returncode:
        lines = process.stderr.split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it cannot be run")
        raise ValueError(last.partition("Error: ")[2] or last)
