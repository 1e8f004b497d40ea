"""Opens whatever a user calls a trained generator: a run, an export, a SavedModel, a TFLite file.

generator = open_generator("runs/dcgan_shapes")
images = generator.sample(16, seed=1)          # uint8 (16, 32, 32, 3)
outputs = generator.run_signature({"image": photos})
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec, join, run_in_parts
from tfgan_suite.core.trained_game import DEFAULT, single
from tfgan_suite.errors import InputError
from tfgan_suite.export import card as cards
from tfgan_suite.export import load, repeat_input
from tfgan_suite.export.tflite_files import open_interpreter
from tfgan_suite.utils import export_names, image_grids, saved_models, zoo
from tfgan_suite.utils.files import failure_reason

UNKNOWN = "unknown"
EXPECTED = "a run folder, saved_models/NAME[/VERSION], a SavedModel folder or a .tflite file"


@dataclasses.dataclass(frozen=True)
class Generator:
    """A trained generator, whatever it was opened from; made by `open_generator`.

    Args:
        name: where it comes from, as the user wrote it.
        origin: `"run"`, `"export"`, `"saved_model"` or `"tflite"`.
        signatures: what it offers, by name. `call` takes and returns arrays.
        usage: arguments of `python -m tfgan_suite` that use it, with {} for its path.
        facts: how it was trained, as far as known: `game`, `data`, `steps`, `classes`,
            `constants`, `ema` (whether averaged weights draw).
        game: the game of a run; None where its code is not there.
        path: the folder or file that was opened.
        fixed_batch: examples that go through it at once, where that is fixed (TFLite: 1).
        tensor_functions: maps a signature's name to a function of tensors, with gradients; None
            where there are none (TFLite).
    """

    name: str
    origin: str
    signatures: Mapping[str, Signature]
    usage: str
    facts: Mapping[str, Any]
    path: Path
    game: Any = None
    fixed_batch: int | None = None
    tensor_functions: Callable[[str], Callable[..., Mapping[str, tf.Tensor]]] | None = None

    def signature(self, name: str = DEFAULT) -> Signature:
        """One of its signatures.

        Raises:
            InputError: there is none of this name.
        """
        if name not in self.signatures:
            raise InputError(
                f"{self.name} has no signature {name!r}; it has {', '.join(self.signatures)}"
            )
        return self.signatures[name]

    def tensor_function(self, name: str = DEFAULT) -> Callable[..., Mapping[str, tf.Tensor]]:
        """A signature as a function of tensors by input name, through which gradients pass.

        Returns:
            Function that returns tensors by output name.

        Raises:
            InputError: there is none of this name, or a TFLite file, which has no gradients.
        """
        self.signature(name)
        if self.tensor_functions is None:
            raise InputError(
                f"{self.name} is a TFLite file, which has no gradients; pass the run or the export"
            )
        return self.tensor_functions(name)

    @property
    def bit_depth(self) -> int | None:
        """Significant bits of the 16-bit images it was trained on; `None`: none, or unknown."""
        return (self.facts.get("constants") or {}).get("bit_depth")

    @property
    def command(self) -> str:
        """The command of `python -m tfgan_suite` that it is for, such as `"translate"`."""
        return self.usage.split()[0]

    def check_command(self, command: str, purpose: str) -> None:
        """Refuses a generator that another command is for.

        Args:
            command: the command that opened it.
            purpose: what it should do, such as `"translates no images"`.

        Raises:
            InputError: names the right command.
        """
        if self.command != command:
            raise InputError(
                f"{self.name} {purpose}; use `python -m tfgan_suite {self.usage.format(self.name)}`"
            )

    def run_signature(
        self,
        inputs: Mapping[str, np.ndarray],
        signature: str = DEFAULT,
        *,
        batch: int = 8,
        seed: int = 0,
    ) -> dict[str, np.ndarray]:
        """Runs a signature on arrays, in parts.

        Args:
            inputs: arrays `(count, ...)` by input name; inputs that can be drawn may be missing.
            signature: its name.
            batch: how many examples go through the networks at once; it bounds memory only.
            seed: seed of the inputs that are drawn.

        Returns:
            Arrays by output name; images are in [-1, 1].

        Raises:
            InputError: no such signature, or inputs that it does not take.
        """
        definition = self.signature(signature)
        unknown = set(inputs) - {spec.name for spec in definition.inputs}
        if unknown or not inputs:
            raise InputError(
                f"{self.name}: signature {signature!r} was given {sorted(inputs)}; it takes"
                f" {[spec.name for spec in definition.inputs]}"
            )
        return join(self._parts(definition, None, inputs, batch, seed))

    def generate(self, count: int, seed: int = 0, batch: int = 64, **inputs: Any) -> Any:
        """Samples from `serving_default`.

        Args:
            count: how many.
            seed: the same seed and count give the same samples.
            batch: how many go through the networks at once; it bounds memory only.
            **inputs: inputs that are not drawn: one value for all, or `count` values.

        Returns:
            float32 array `(count, ...)`, images in [-1, 1]; a dict of arrays by output name where
            there are several outputs.

        Raises:
            InputError: a count under 1, an unknown input, or one that is missing.
        """
        return single(join(self._samples(count, seed, batch, inputs)))

    def sample(self, count: int, seed: int = 0, batch: int = 64, **inputs: Any) -> Any:
        """As `generate`, with images as uint8."""
        return single(join(self.stream(count, seed, batch, **inputs)))

    def stream(
        self, count: int, seed: int = 0, batch: int = 64, **inputs: Any
    ) -> Iterator[dict[str, np.ndarray]]:
        """As `sample`, in parts of up to `batch` samples, so that memory does not grow with count.

        Yields:
            Arrays by output name, images as uint8.
        """
        kinds = {spec.name: spec.kind for spec in self.signature().outputs}
        for part in self._samples(count, seed, batch, inputs):
            yield {
                name: image_grids.to_uint8(array) if kinds[name] == "image" else array
                for name, array in part.items()
            }

    def _samples(
        self, count: int, seed: int, batch: int, inputs: Mapping[str, Any]
    ) -> Iterator[dict[str, np.ndarray]]:
        if count < 1 or batch < 1:
            raise InputError(f"count {count} and batch {batch} have to be 1 or more")
        signature = self.signature()
        specs = {spec.name: spec for spec in signature.inputs}
        unknown = set(inputs) - set(specs)
        if unknown:
            raise InputError(f"{sorted(unknown)} are not inputs of {self.name}: {list(specs)}")
        arrays = {k: repeat_input(specs[k], value, count) for k, value in inputs.items()}
        return self._parts(signature, count, arrays, batch, seed)

    def _parts(
        self,
        signature: Signature,
        count: int | None,
        inputs: Mapping[str, Any],
        batch: int,
        seed: int,
    ) -> Iterator[dict[str, np.ndarray]]:
        step = self.fixed_batch or batch
        return run_in_parts(signature, signature.call, inputs, count, batch=step, seed=seed)


def open_generator(source: str | Path) -> Generator:
    """Opens a trained generator.

    Args:
        source: a run folder, an export (`saved_models/NAME` or `saved_models/NAME/VERSION`; of the
            shipped ones the name alone), a SavedModel of any origin (its folder or its
            `saved_model.pb`), or a `.tflite` file.

    Raises:
        InputError: none of these, or one that is damaged.
    """
    path = export_names.shipped(source) or Path(source)
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:  # a name too long, with a null byte, no permission
        raise InputError(
            f"{str(source)[:200]!r} cannot be opened ({failure_reason(error)}); expected {EXPECTED}"
        ) from None
    if not exists:
        raise InputError(f"{source} does not exist; expected {EXPECTED}{zoo.advice(source)}")
    if path.suffix == ".tflite":
        return _of_tflite(path)
    if path.name == "saved_model.pb":
        path = path.parent
    if (path / "run.json").exists():
        return _of_run(path, str(source))
    if (path / "saved_model.pb").is_file() and not (path / cards.FILE).is_file():
        return _of_saved_model(path, str(source))
    return _of_export(path, str(source))


def _of_run(path: Path, name: str) -> Generator:
    from tfgan_suite.training.run_folder import Run

    game, options, info = Run(path).load()

    def runner(signature: str) -> Callable[..., dict[str, np.ndarray]]:
        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            tensors = {key: tf.convert_to_tensor(value) for key, value in inputs.items()}
            outputs = game.signature_function(signature)(**tensors)
            return {key: value.numpy() for key, value in outputs.items()}

        return call

    signatures = {
        key: dataclasses.replace(signature, call=runner(key))
        for key, signature in {**game.signatures(), **game.discriminator_signatures()}.items()
    }
    facts = {
        "game": game.name,
        "data": info.name,
        "shape": info.shape,
        "steps": int(game.steps.numpy()),
        "classes": info.classes,
        "class_counts": info.class_counts,
        "constants": vars(options),
        "ema": _draws_with_averages(game),
    }
    functions = game.signature_function
    return Generator(name, "run", signatures, game.usage, facts, path, game, None, functions)


def _draws_with_averages(game: Any) -> bool:
    (player, networks), *_ = game.players().items()
    return game.ema(player)[0] is not networks[0]


def _of_export(path: Path, name: str) -> Generator:
    exported = load(path)

    def runner(signature: str) -> Callable[..., dict[str, np.ndarray]]:
        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            outputs = exported(signature, **inputs)
            if isinstance(outputs, Mapping):
                return dict(outputs)
            return {exported.output(signature).name: outputs}

        return call

    signatures = _described(exported.card, runner)
    functions, path = exported.tensor_function, exported.path
    return Generator(
        name, "export", signatures, exported.usage, exported.card, path, tensor_functions=functions
    )


def _described(
    card: Mapping[str, Any], runner: Callable[[str], Callable[..., dict[str, np.ndarray]]]
) -> dict[str, Signature]:
    """The signatures of a card, which `runner` runs."""
    signatures = {}
    for name, text in card["export"]["signatures"].items():
        signatures[name] = cards.restore_signature(text, runner(name))
    return signatures


def _of_saved_model(path: Path, name: str) -> Generator:
    """A SavedModel without a card: shapes and types are known, what they mean is not."""
    loaded = saved_models.load(path)

    def runner(function: Any) -> Callable[..., dict[str, np.ndarray]]:
        def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            tensors = {key: tf.convert_to_tensor(value) for key, value in inputs.items()}
            return {key: value.numpy() for key, value in function(**tensors).items()}

        return call

    signatures = {}
    for key, function in loaded.signatures.items():
        specs = function.structured_input_signature[1]
        inputs = tuple(_guessed(k, spec.shape, spec.dtype) for k, spec in specs.items())
        outputs = function.structured_outputs
        output, *further = (_guessed(k, spec.shape, spec.dtype) for k, spec in outputs.items())
        signatures[key] = Signature(inputs, output, runner(function), (), 1, tuple(further))
    if not signatures:
        raise InputError(f"{name} has no signatures; export it with signatures={{...}}")
    if DEFAULT not in signatures:
        signatures[DEFAULT] = next(iter(signatures.values()))
    usage = "sample {}" if signatures[DEFAULT].drawable else "translate {} IMAGES OUTPUT"
    return Generator(
        name,
        "saved_model",
        signatures,
        usage,
        {},
        path,
        tensor_functions=lambda key: loaded.signatures[key],
    )


def _of_tflite(path: Path) -> Generator:
    """A TFLite file; the card of its export, where it still lies there, says what is what."""
    if not path.is_file():
        raise InputError(f"{path} is not a file; expected {EXPECTED}")
    card = _card_of(path)
    interpreter = open_interpreter(path)
    (key,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(key)

    def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        return {name: np.array(array) for name, array in runner(**inputs).items()}

    def specs(details: Mapping[str, Any]) -> list[TensorSpec]:
        return [_guessed(name, d["shape"], tf.as_dtype(d["dtype"])) for name, d in details.items()]

    if card is not None and key in card["export"]["signatures"]:
        described = _described(card, lambda name: call)[key]
        sizes = {spec.name: spec.shape for spec in specs(runner.get_input_details())}
        # The file's sizes are fixed where the game takes any.
        inputs = tuple(dataclasses.replace(s, shape=sizes[s.name]) for s in described.inputs)
        signature, usage = (
            dataclasses.replace(described, inputs=inputs, multiple=1, limit=None),
            card.get("usage"),
        )
    else:
        output, *further = specs(runner.get_output_details())
        inputs = tuple(specs(runner.get_input_details()))
        signature, usage = Signature(inputs, output, call, (), 1, tuple(further)), None
    usage = usage or ("sample {}" if signature.drawable else "translate {} IMAGES OUTPUT")
    return Generator(
        str(path), "tflite", {DEFAULT: signature}, usage, card or {}, path, fixed_batch=1
    )


def _card_of(path: Path) -> dict[str, Any] | None:
    """The card of the export that a TFLite file belongs to: NAME/VERSION/tflite[/SIGNATURE]/."""
    for folder in path.resolve().parents[1:3]:
        if (folder / cards.FILE).exists():
            card = cards.read(folder)
            _check_size(path, folder, card)
            return card
    return None


def _check_size(path: Path, folder: Path, card: Mapping[str, Any]) -> None:
    """Raises InputError if a file was cut: TFLite reads beyond the end of some."""
    size = (card.get("files") or {}).get(path.resolve().relative_to(folder).as_posix())
    if size is not None and path.stat().st_size != size:
        raise InputError(
            f"{path} has {path.stat().st_size} bytes, but the card of its export says {size}:"
            " export the run again"
        )


def _guessed(name: str, shape: Any, dtype: Any) -> TensorSpec:
    """A tensor of which nobody says what it is: images are recognised by their shape."""
    sides = tuple(int(n) if n is not None and n >= 0 else None for n in tuple(shape)[1:])
    is_image = len(sides) == 3 and sides[2] in (1, 3) and tf.as_dtype(dtype) == tf.float32
    return TensorSpec(name, sides, tf.as_dtype(dtype).name, "image" if is_image else UNKNOWN)
