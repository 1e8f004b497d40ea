"""Loads SavedModels that anybody may have written or damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.files import plain_path
from tfgan_suite.utils.text import message_of


def load(path: Path) -> Any:
    """Loads a SavedModel.

    Args:
        path: its folder.

    Raises:
        InputError: its graph or its variables are damaged, or something in the folder is neither
            a file nor a folder; one line that names the folder.
    """
    if not any((path / name).exists() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise InputError(
            f"{path} is no SavedModel: it holds no saved_model.pb; pass the folder that does"
        )
    try:
        foreign_files.check_folder(path)
        with plain_path(path) as plain:
            return tf.saved_model.load(plain)
    except InputError:
        raise
    except Exception as error:  # damaged files raise all kinds of errors
        raise InputError(
            f"{path} cannot be loaded as a SavedModel ({message_of(error)}): saved_model.pb or"
            " variables/ is damaged; export the run again, or restore the folder"
        ) from error
