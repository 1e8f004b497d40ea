"""Runs images through a network one at a time, and carries on after those that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from tfgan_suite.data.readers.image_files import Unreadable
from tfgan_suite.inference import files
from tfgan_suite.inference.files import Job
from tfgan_suite.utils.files import writing_to

T = TypeVar("T")


def process(
    jobs: Sequence[T],
    function: Callable[[T], Any],
    skipped: dict[str, str],
    log: Callable[[str], Any],
    *,
    advice: str,
    name: Callable[[T], str] = lambda job: job.name,
) -> Iterator[tuple[str, T, Any]]:
    """Processes jobs one at a time; a job that fails is skipped.

    Args:
        jobs: the jobs, in order.
        function: processes one job.
        skipped: receives name and reason of each job whose file is unreadable or whose image
            does not fit into memory.
        log: receives a line for each of them.
        advice: what to do when memory runs out.
        name: the name of a job.

    Yields:
        Progress as `"1/3"`, the job, and the function's result.
    """
    for number, job in enumerate(jobs, 1):
        progress = f"{number}/{len(jobs)}"
        try:
            result = function(job)
        except (Unreadable, MemoryError, tf.errors.ResourceExhaustedError) as error:
            too_large = f"too large for the memory; {advice}"
            skipped[name(job)] = str(error) if isinstance(error, Unreadable) else too_large
            log(f"{progress} skipped {name(job)}: {skipped[name(job)]}")
            continue
        yield progress, job, result


def write(job: Job, pixels: np.ndarray) -> str:
    """Writes a job's output, uint8.

    Returns:
        The name of the file.

    Raises:
        InputError: the file cannot be written.
    """
    with writing_to(job.output.parent):
        files.write(job.output, pixels)
    return str(job.output)
