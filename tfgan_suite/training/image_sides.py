"""Frozen image sides of a text encoder: features of a network that was trained before."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import keras

from tfgan_suite.core.scoring_game import feature_layers
from tfgan_suite.errors import InputError
from tfgan_suite.features import extractor_cards, extractors, weights
from tfgan_suite.features.layer_outputs import select_outputs
from tfgan_suite.layers.convolution import Dense
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import files
from tfgan_suite.utils.files import user_path

LEARNED = "learned"
# Of keras.applications those that take images in [-1, 1]; each needs its weights from the internet.
APPLICATIONS = ("inception_v3", "mobilenet_v2")
FILE, FROZEN = "image_side.keras", "frozen"
_CELLS = 4  # features of a run or a file are averaged to so many rows and columns
EXPECTED = f"{LEARNED}, {', '.join(APPLICATIONS)}, a run with a discriminator, or a .keras file"


def build(
    options: types.SimpleNamespace, shape: tuple[int, int, int], text_dim: int
) -> keras.Model:
    """A frozen network and a linear layer that learns.

    Args:
        options: the recipe's constants: `image_side` and `run`, whose folder keeps the frozen
            network.
        shape: of an image.
        text_dim: length of the vector.

    Returns:
        Model from images in [-1, 1] to vectors `(batch, text_dim)`.

    Raises:
        InputError: there is no such network, it takes other images, or its weights cannot be
            downloaded.
    """
    path = None if options.run is None else Path(options.run) / FILE
    stored = path is not None and path.is_file() and Run(options.run).trained_steps()
    frozen = weights.read_model(path) if stored else open_frozen(options.image_side, shape)
    frozen.trainable = False
    image = keras.Input(shape, name="image")
    # Inference mode for good: batch norm of a frozen network must not change.
    features = frozen(image, training=False)
    vector = Dense(text_dim, dtype="float32", name="vector")(features)
    return keras.Model(image, vector, name="image_side")


def keep(options: types.SimpleNamespace, network: keras.Model) -> None:
    """Stores the frozen network in the run folder, and says what it is."""
    folder, frozen = Path(options.run), network.get_layer(FROZEN)
    if not (folder / "run.json").exists():
        return  # another worker's
    if not (folder / FILE).is_file():
        with files.writing_to(folder), files.replacing(folder / FILE) as part:
            frozen.save(part)
    print(
        f"images are seen by {options.image_side}, frozen ({frozen.output_shape[-1]} features,"
        f" weights {weights.hash_weights(frozen)}), kept in {FILE}"
    )


def open_frozen(name: str, shape: tuple[int, int, int]) -> keras.Model:
    """The network that `--image-side` names, from images to a vector of features.

    Args:
        name: one of `APPLICATIONS`; a run folder, of whose discriminator the last features are
            used; or a Keras file, `FILE:LAYER` for another layer than the card or the output says.
        shape: of an image.

    Raises:
        InputError: as for `build`.
    """
    if name in APPLICATIONS:
        return _application(name, shape)
    path = user_path(name)
    if (path / "run.json").is_file():
        return _flattened(_discriminator(path, shape), shape, name)
    file, _, layer = name.rpartition(":") if ".keras:" in name else (name, "", "")
    path = user_path(file)
    if path.suffix != ".keras" or not path.is_file():
        raise InputError(
            f"--image-side is {name!r}, and there is no such file; expected {EXPECTED}"
        )
    network = weights.read_model(path)
    layer = layer or extractor_cards.card_layers(path).get("features") or network.layers[-1].name
    if layer not in [each.name for each in network.layers]:
        raise InputError(f"{path} has no layer {layer!r}; it ends with {network.layers[-1].name!r}")
    return _flattened(select_outputs(network, [layer]), shape, name)


def _application(name: str, shape: tuple[int, int, int]) -> keras.Model:
    """An application behind a layer that resizes, averaged over space."""
    _, _, side, layer = extractors.APPLICATIONS[name]
    if shape[2] != 3:
        raise InputError(f"{name} takes colour images, not {shape}; use --image-side learned")
    inner = extractors.load_application(name)
    image = keras.Input(shape, name="image")
    x = keras.layers.Resizing(side, side)(image)
    x = _first(select_outputs(inner, [layer])([x], training=False))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x), name=FROZEN)


def _discriminator(path: Path, shape: tuple[int, int, int]) -> keras.Model:
    """The last features of a run's discriminator that depend on the image alone."""
    game, _, _ = Run(path).load()
    opponent: Any = getattr(game, "opponent", None)
    layers = feature_layers(opponent) if opponent is not None else []
    if not layers or len(opponent.inputs) != 1:
        raise InputError(
            f"--image-side is {path}, a run of {game.name}, whose discriminator does not take an"
            " image alone; pass a run of an unconditional game, such as recipes/dcgan.py"
        )
    return select_outputs(opponent, layers[-1:])


def _flattened(network: keras.Model, shape: tuple[int, int, int], name: str) -> keras.Model:
    """A network whose maps are averaged to a few cells and flattened."""
    if tuple(network.input_shape[1:]) != tuple(shape):
        raise InputError(
            f"--image-side is {name}, which takes images of {tuple(network.input_shape[1:])}; the"
            f" data have {tuple(shape)}: pass --size {network.input_shape[1]}, or train one for"
            " this size"
        )
    image = keras.Input(shape, name="image")
    x = _first(network([image], training=False))
    if len(x.shape) == 4:
        pool = max(1, min(x.shape[1:3]) // _CELLS)
        x = keras.layers.Flatten()(keras.layers.AveragePooling2D(pool)(x) if pool > 1 else x)
    return keras.Model(image, x, name=FROZEN)


def _first(outputs: Any) -> Any:
    """Keras returns a list of one output, or that output."""
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs
