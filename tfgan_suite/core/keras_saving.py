"""Keras's own saving of a game: weights files, `.keras` files, clones.

A file holds what a checkpoint holds: networks, averages, optimizers, the step counter and pools of
images. Runs of recipes use checkpoints, which survive a kill; these files are for plain `fit`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import network_checks
from tfgan_suite.errors import InputError
from tfgan_suite.utils import notices

_PLAIN = (bool, int, float, str, type(None))
_EXPORT = "from tfgan_suite.export import export; export(game, 'exports', name='game')"


class _Construction:
    """The arguments with which a game was constructed, hidden from Keras's walk over attributes."""

    def __init__(self, args: tuple, kwargs: dict[str, Any]):
        self.args, self.kwargs = args, kwargs

    def arguments(self, game: Any) -> dict[str, Any]:
        """By name, those of `**options` beside the others."""
        signature = inspect.signature(type(game).__init__)
        bound = signature.bind(game, *self.args, **self.kwargs)
        arguments: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                arguments.update(value)
            else:
                arguments[name] = value
        if "name" in signature.parameters:
            arguments.setdefault("name", game.name)
        return arguments


class KerasSaving:
    """The part of `AdversarialModel` that Keras's saving calls."""

    # Arguments that no file holds and that a game does without once it is trained.
    unsaved_arguments: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("tfgan_suite."):
            # `keras.models.load_model` finds a game once its module is imported.
            keras.saving.register_keras_serializable(package="tfgan_suite")(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        network_checks.check_arguments(cls, args, kwargs)
        game = super().__new__(cls, *args, **kwargs)
        game.__dict__["_construction"] = _Construction(args, kwargs)
        return game

    # ---- config ------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, networks as their configs.

        Raises:
            InputError: an argument that a config cannot hold, such as a function.
        """
        config = {}
        for name, value in self.__dict__["_construction"].arguments(self).items():
            if name in self.unsaved_arguments and value is not None:
                notices.say_once(
                    f"{type(self).__name__}'s {name}= is not saved with it; set it again before"
                    f" you train what you load (game.use_{name}(...))"
                )
                continue
            config[name] = _serialized(f"{type(self).__name__}'s {name}=", value)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Any:
        """A game with these options and new networks of the same architecture."""
        arguments = {
            name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
            if isinstance(value, Mapping) and "class_name" in value
            else value
            for name, value in config.items()
        }
        return cls(**arguments)

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` got, with the initial learning rates; None before."""
        options = self.__dict__.get("_compile_options")
        if options is None:
            return None
        optimizers = {
            player: keras.saving.serialize_keras_object(self.optimizer_of(player))  # type: ignore[attr-defined]
            for player in self.players()  # type: ignore[attr-defined]
        }
        rates = dict(self.__dict__["initial_learning_rates"])
        return {**options, "optimizers": optimizers, "initial_learning_rates": rates}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles a loaded game as it was."""
        config = dict(config)
        optimizers = config.pop("optimizers")
        rates = config.pop("initial_learning_rates")
        named = {
            player: keras.saving.deserialize_keras_object(value)
            for player, value in optimizers.items()
        }
        self.compile(**config, **named)  # type: ignore[attr-defined]
        self.__dict__["initial_learning_rates"] = rates

    # ---- state -------------------------------------------------------------------------------

    def _own_state(self) -> dict[str, tf.Variable]:
        """Variables that belong to no network or optimizer: counters, pools of images."""
        state = {}
        for name, value in sorted(vars(self).items()):
            if isinstance(value, tf.Variable):
                state[name.strip("_")] = value
            elif isinstance(value, tf.Module) and not isinstance(value, keras.layers.Layer):
                for variable in value.variables:
                    state[f"{name}.{variable.name.split(':')[0]}"] = variable
        return state

    def save_own_variables(self, store: Any) -> None:
        """Writes the counters and pools; Keras writes networks and optimizers."""
        for name, variable in self._own_state().items():
            store[name] = variable.numpy()
        state = {id(variable) for variable in self._own_state().values()}
        layer_weights = [w for w in compat.own_weights(self) if id(w) not in state]
        for index, weight in enumerate(layer_weights):
            store[str(index)] = compat.tensor_variable(weight).numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        # Averages are made by `compile`; those of a file must not be dropped before it.
        self._make_averages(self.players())  # type: ignore[attr-defined]
        keys = set(store.keys())
        state = self._own_state()
        if "steps" not in keys:
            notices.say_once(
                "this file holds no step counter (an earlier version wrote it), so noise repeats"
                " from step 0; tf.train.Checkpoint(game=game) holds everything"
            )
        for name, variable in state.items():
            if name in keys:
                variable.assign(store[name][()])
        ids = {id(variable) for variable in state.values()}
        layer_weights = [w for w in compat.own_weights(self) if id(w) not in ids]
        for index, weight in enumerate(layer_weights):
            compat.tensor_variable(weight).assign(store[str(index)][()])

    # ---- files -------------------------------------------------------------------------------

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Writes the whole game to a `.keras` file, for `keras.models.load_model`.

        Raises:
            InputError: a path with another ending.
        """
        if not str(filepath).endswith(".keras"):
            raise InputError(
                f"{filepath} does not end in .keras; save the game as game.keras, or write its"
                f" generator as a SavedModel: {_EXPORT}"
            )
        super().save(filepath, *args, **kwargs)  # type: ignore[misc]

    def save_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Writes weights, optimizers, counters and pools to a `.weights.h5` file.

        Raises:
            InputError: a path with another ending, with which Keras 2 would drop the counters.
        """
        _check_weights_name(filepath)
        super().save_weights(filepath, *args, **kwargs)  # type: ignore[misc]

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        """Reads a `.weights.h5` file; compile first, or the optimizers' state is left out."""
        _check_weights_name(filepath)
        return super().load_weights(filepath, *args, **kwargs)  # type: ignore[misc]

    def export(self, *args: Any, **kwargs: Any) -> None:
        """Refused: Keras's export would not know which network is for use, nor its inputs."""
        raise InputError(
            f"a game is exported by the suite's own function: {_EXPORT}; it writes a SavedModel and"
            " TFLite files of the generator and compares them with it"
        )


def _check_weights_name(filepath: Any) -> None:
    if not str(filepath).endswith((".weights.h5", ".weights.json", ".keras")):
        raise InputError(
            f"{filepath} does not end in .weights.h5; name it like game.weights.h5, which holds"
            " optimizers, averages and the step counter too"
        )


def _serialized(owner: str, value: Any) -> Any:
    if hasattr(value, "get_config"):  # networks, schedules
        with contextlib.suppress(NotImplementedError):  # a layer without a config of its own
            return keras.saving.serialize_keras_object(value)
    if isinstance(value, (tuple, list)) and all(isinstance(each, _PLAIN) for each in value):
        return list(value)
    if isinstance(value, dict) and all(isinstance(each, _PLAIN) for each in value.values()):
        return dict(value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    if not isinstance(value, _PLAIN):
        raise InputError(
            f"{owner} is {type(value).__name__}, which a .keras file or a clone cannot hold; pass"
            " it by name if it has one, or save the rest with save_weights or"
            " tf.train.Checkpoint(game=game)"
        )
    return value
