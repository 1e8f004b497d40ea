"""Where results that can be computed again are kept."""

from __future__ import annotations

import os
from pathlib import Path

from tfgan_suite.utils.files import user_path


def cache_folder(folder: str | None = None) -> Path | None:
    """The cache's folder.

    Args:
        folder: a folder, `"none"`, or `None`: `$TFGAN_SUITE_CACHE`, else `~/.cache/tfgan_suite`.

    Returns:
        The folder, `None` for no cache.
    """
    folder = folder or os.environ.get("TFGAN_SUITE_CACHE")
    if folder == "none":
        return None
    if folder:
        return user_path(folder)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tfgan_suite"
