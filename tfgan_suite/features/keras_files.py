"""Foreign files of Keras models: refused, before they are loaded, if loading could run their code.

A model's file holds a config that names classes and functions. Keras imports what it names: a
`Lambda` holds byte code, other entries name any function of any module. On Keras 2 the safe mode
does not look into `.h5` files. So only Keras's own layers and those of this suite are let through.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.json_files import parse_json
from tfgan_suite.utils.text import message_of

# Layers of Keras that run code, or read files that the config names.
_UNSAFE = frozenset(
    "FlaxLayer IndexLookup IntegerLookup JaxLayer Lambda StringLookup TFSMLayer TextVectorization "
    "TorchModuleWrapper".split()
)
_FURTHER = frozenset(
    "DTypePolicy Functional InputSpec Model Policy Sequential __keras_tensor__ __numpy__ __tensor__"
    " __tuple__".split()
)
_PACKAGES = ("tfgan_suite>", "Addons>")
_MAX_CONFIG = 2**26
_ADVICE = "save a whole model of Keras's own layers, or pass a SavedModel that you trust"


def check(path: Path) -> None:
    """Refuses a file that could run code.

    Args:
        path: a `.keras` or `.h5` file, told apart by its content.

    Raises:
        InputError: neither kind, or a config with anything but known layers.
    """
    config = _config(path)
    if isinstance(config, Mapping):
        # Models are loaded without it.
        config = {key: value for key, value in config.items() if key != "compile_config"}
    for entry in _classes(config):
        if not _is_known(entry):
            name = str(entry.get("registered_name") or entry["class_name"])[:60]
            raise InputError(
                f"{path} holds {name!r}, which is not a layer of Keras and may run code when it is"
                f" loaded; it was not loaded: {_ADVICE}"
            )


def _config(path: Path) -> Any:
    try:
        foreign_files.check_file(path)
        text = _zip_config(path) if zipfile.is_zipfile(path) else _h5_config(path)
    except Exception as error:  # of damaged files the libraries raise many kinds
        raise InputError(
            f"{path} cannot be read as a Keras model ({message_of(error, 150)}); {_ADVICE}"
        ) from error
    return parse_json(text, f"the config in {path}", advice=_ADVICE)


def _zip_config(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > _MAX_CONFIG:
            raise ValueError("its config is too large")
        return archive.read("config.json").decode("utf-8")


def _h5_config(path: Path) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ValueError("it holds no model config")
        config = file.attrs["model_config"]
    return config if isinstance(config, str) else bytes(config).decode("utf-8")


def _classes(config: Any) -> Iterator[Mapping[str, Any]]:
    """All entries of a config that name a class or a function."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            if "class_name" in value:
                yield value
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _is_known(entry: Mapping[str, Any]) -> bool:
    name, module = entry["class_name"], entry.get("module")
    registered = entry.get("registered_name")
    for full in (registered, name):
        if isinstance(full, str) and full.startswith(_PACKAGES):
            return keras.saving.get_registered_object(full) is not None
    if not isinstance(name, str) or (registered is not None and registered != name):
        return False
    if module is not None and str(module).split(".")[0] not in ("keras", "builtins"):
        return False
    return name in _FURTHER or (name not in _UNSAFE and _is_class_of_keras(name))


def _is_class_of_keras(name: str) -> bool:
    rooms = (keras.layers, keras.initializers, keras.regularizers, keras.constraints)
    return any(isinstance(getattr(room, name, None), type) for room in rooms)
