"""What a game offers to callbacks, exports and commands: methods with defaults.

Nothing outside asks which kind of game it has. It calls one of these methods, which work for any
game that describes itself by `signatures()`; a game overrides those that it knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, join, run_in_parts
from tfgan_suite.errors import InputError
from tfgan_suite.utils import image_grids

DEFAULT = "serving_default"
# Samples in a grid of images, and in a scatter plot.
GRID_IMAGES, GRID_POINTS = 64, 1024

Arrays = Mapping[str, np.ndarray]
Representative = Callable[[], Iterable[Arrays]]


class TrainedGame:
    """The part of `AdversarialModel` that uses its networks and never trains them."""

    # What a run's export holds by default, the largest difference of its float16 file in [-1, 1],
    # and the least PSNR of its int8 file in dB.
    export_formats: tuple[str, ...] = (
        "saved_model",
        "tflite_float32",
        "tflite_float16",
        "tflite_int8",
    )
    # Two grey levels of 255, 4 / 255. Weights of 11 bits reach 0.006 to 0.013 at a few pixels on
    # hard edges (5 of 200,000, at 80 dB): the largest of many small errors, spread over all layers.
    float16_bound: float = 0.016
    int8_bound: float = 30.0
    # Arguments of `python -m tfgan_suite` that use a run or an export; its path goes in for {}.
    usage: str = "sample {}"
    # What the card of an export asks of those who use it.
    notice: str = ""
    # Real examples that health compares outputs with.
    health_examples: int = 32
    # The measure that says how good the trained game is, and whether "higher" or "lower" values of
    # it are better; None: the first of `training.measuring` that it has.
    headline_measure: tuple[str, str] | None = None
    # Whether each output has a true one in the data, not only others of its kind.
    outputs_have_truth: bool = False
    # What to do against a collapsed generator, after "go back to an earlier checkpoint, ...".
    collapse_advice: str = "or give the reconstruction terms more weight"

    def signatures(self) -> dict[str, Signature]:
        """What the trained game offers; `"serving_default"` is the one that grids show."""
        raise TypeError(f"{type(self).__name__} has no signatures(): give one for its generator")

    def discriminator_signatures(self) -> dict[str, Signature]:
        """What a discriminator offers, as signatures beside those of `signatures()`; here none."""
        return {}

    def recalibrate_batch_norm(self) -> None:
        """Brings the sampling networks into the state that is exported. By default: as they are.

        Games with batch norm in the generator recompute its statistics here.
        """

    # Whether sample grids show held-out examples where the data have any.
    previews_held_out: bool = False

    def oracle_examples(self, examples: Arrays) -> Arrays:
        """What the oracle of an embedded world compares outputs with; by default all of the data.

        A game that is told a part of it only, such as a sentence but no box, returns that.
        """
        return examples

    def card_facts(self) -> dict[str, Any]:
        """What an export's card says beside how the game was trained; mostly nothing."""
        return {}

    def further_measures(
        self, examples: Arrays, report: Callable[[Arrays, np.ndarray], Mapping[str, Any]]
    ) -> dict[str, float]:
        """What is measured beside the oracle's report of the outputs; here nothing.

        Args:
            examples: held-out examples of an embedded world.
            report: the world's oracle: examples and images to measures by name.
        """
        return {}

    def held_out_measures(self, source: Any) -> dict[str, float]:
        """What a game measures itself while it trains, on data of any kind; here nothing.

        Args:
            source: the data; most have `held_out(count)`.
        """
        return {}

    def measures_in_words(self, measures: Mapping[str, Any]) -> list[str]:
        """Sentences about the oracle's report and `further_measures`; here none."""
        return []

    def diagnose(self, logs: Mapping[str, float]) -> list[str]:
        """What the losses of a finished epoch say is wrong, in words; empty when all is well."""
        return []

    def diagnose_lasting(self, logs: Mapping[str, float]) -> list[str]:
        """As `diagnose`, for what is normal in the first steps and wrong if it lasts."""
        return []

    @property
    def batch_keys(self) -> tuple[str, ...]:
        """Keys of a batch that a training step reads."""
        return ("image",)

    @property
    def takes_examples(self) -> bool:
        """Whether its generator needs inputs that are not drawn, such as images to translate."""
        return not self.signatures()[DEFAULT].drawable

    # ---- running signatures ------------------------------------------------------------------

    def generate(self, count: int = 1, seed: int = 0, **inputs: Any) -> Any:
        """Samples from the trained generator, averaged where an average is kept.

        Args:
            count: number of examples. Ignored where an input is passed, whose length counts.
            seed: seed of the inputs that are not passed.
            **inputs: inputs of `signatures()["serving_default"]` by name, with a batch dimension.

        Returns:
            float32 array `(count, ...)`, images in [-1, 1]; a dict of arrays by output name where
            the signature has several outputs.

        Raises:
            InputError: an unknown input name, or an input that cannot be drawn and is missing.
        """
        signature = self.signatures()[DEFAULT]
        names = [spec.name for spec in signature.inputs]
        unknown = set(inputs) - set(names)
        if unknown:
            raise InputError(f"generate got {sorted(unknown)}, but the inputs are {names}")
        if inputs:
            count = len(next(iter(inputs.values())))
        tensors = {}
        for index, spec in enumerate(signature.inputs):
            if spec.name not in inputs and not spec.drawable:
                raise InputError(f"input {spec.name!r} ({spec.kind}) must be given")
            drawn = spec.draw(count, seed=[seed, index]) if spec.name not in inputs else None
            tensors[spec.name] = tf.convert_to_tensor(inputs.get(spec.name, drawn))
        return single({k: v.numpy() for k, v in self.signature_function()(**tensors).items()})

    def signature_function(self, name: str = DEFAULT) -> Callable[..., dict[str, tf.Tensor]]:
        """A signature as a traced function that returns outputs by name.

        It is one of `signatures()` or `discriminator_signatures()`, traced once for the networks
        that it uses.
        """
        signature = self.signatures().get(name) or self.discriminator_signatures()[name]
        networks = [id(network) for network in signature.networks]
        # Kept in __dict__: Keras would try to track a function set as an attribute.
        functions = self.__dict__.setdefault("_signature_functions", {})
        if name not in functions or functions[name][0] != networks:
            traced = tf.function(signature.named_outputs, autograph=False, reduce_retracing=True)
            functions[name] = (networks, traced)
        return functions[name][1]

    def run_signature(
        self, inputs: Arrays, signature: str = DEFAULT, *, batch: int = 8, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Runs a signature on arrays, in parts.

        Args:
            inputs: arrays `(count, ...)` by input name; inputs that can be drawn may be missing.
            signature: its name.
            batch: how many examples go through the networks at once; it bounds memory only.
            seed: seed of the inputs that are drawn.

        Returns:
            Arrays by output name.
        """
        definition, function = self.signatures()[signature], self.signature_function(signature)
        return join(run_in_parts(definition, function, inputs, batch=batch, seed=seed))

    # ---- what stands for its inputs ----------------------------------------------------------

    def example_inputs(
        self, examples: Arrays, signature: str = DEFAULT, size: tuple[int, int] | None = None
    ) -> dict[str, np.ndarray]:
        """Inputs of a signature that a batch of the data holds.

        By default each input that cannot be drawn stands in the data under its own name.

        Args:
            examples: a batch of the data.
            signature: name of the signature.
            size: height and width to which images are brought where the signature takes any size;
                None: as they are.

        Returns:
            Arrays by input name, as far as the data have them.
        """
        return {
            spec.name: resized(examples[spec.name], spec.shape, size)
            for spec in self.signatures()[signature].inputs
            if not spec.drawable and spec.name in examples
        }

    def representative(
        self, examples: Arrays, size: tuple[int, int] | None = None
    ) -> dict[str, Representative]:
        """Real inputs of the signatures, for comparing exports and for the ranges of int8.

        Args:
            examples: a batch of the data.
            size: as for `example_inputs`.

        Returns:
            For each signature whose inputs the data have what `tfgan_suite.export.export` takes.
        """
        batches: dict[str, Representative] = {}
        for name, signature in self.signatures().items():
            inputs = self.example_inputs(examples, name, size)
            required = {spec.name for spec in signature.inputs if not spec.drawable}
            if required and required <= set(inputs):
                batches[name] = lambda inputs=inputs: [inputs]  # type: ignore[misc]
        return batches

    # ---- what it shows of itself -------------------------------------------------------------

    def preview_count(self, shape: tuple[int | None, ...]) -> int:
        """How many examples of the data `preview` is shown, for data of this shape."""
        return GRID_POINTS if len(shape) == 1 else 8

    def preview_inputs(self, count: int, seed: int) -> dict[str, Any]:
        """Inputs of `generate` for a grid of about `count` samples; by default all are drawn."""
        return {}

    @property
    def preview_columns(self) -> int | None:
        """Samples in a row of the grid; by default as many as make it square."""
        return None

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid.

        Args:
            examples: `preview_count` examples of the data, always the same ones.
            seed: seed of what is drawn.
            count: samples of a generator from noise; by default 64 images or 1024 points.

        Returns:
            uint8 `(height, width, 3)`: samples; of points a scatter plot over real ones; of
            generators that take examples a row for each, its images beside those generated. None
            where there is no image to show.
        """
        output = self.signatures()[DEFAULT].output
        if self.takes_examples:
            inputs = self.example_inputs(examples)
            arrays = {**inputs, **self.run_signature(inputs, seed=seed)}
            if output.kind == "point":
                return image_grids.scatter(arrays[output.name], examples.get(output.name))
            return image_grids.rows([array for array in arrays.values() if array.ndim == 4])
        count = count or (GRID_POINTS if output.kind == "point" else GRID_IMAGES)
        samples = self.generate(count, seed=seed, **self.preview_inputs(count, seed))
        if isinstance(samples, Mapping):
            return image_grids.rows([array for array in samples.values() if array.ndim == 4])
        return image_grids.draw(samples, examples.get("point"), self.preview_columns)

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        """What health compares to see whether the generator has collapsed to one output.

        Args:
            examples: `health_examples` examples of the data.

        Returns:
            By what the outputs are, in words: real examples of the same kind, or None, and
            outputs of the generator.
        """
        if self.takes_examples:
            outputs: Arrays = self.run_signature(self.example_inputs(examples))
            words = f"outputs for {len(next(iter(outputs.values())))} examples"
        else:
            samples = self.generate(32, seed=0)
            if not isinstance(samples, Mapping):
                samples = {self.signatures()[DEFAULT].output.name: samples}
            outputs, words = samples, "samples"
        many = len(outputs) > 1
        return {
            f"{words} ({name})" if many else words: (examples.get(name), array)
            for name, array in outputs.items()
        }


def single(arrays: dict[str, np.ndarray]) -> Any:
    """The only array of a dict, or the dict where it holds several."""
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def resized(
    images: np.ndarray, shape: tuple[int | None, ...], size: tuple[int, int] | None
) -> np.ndarray:
    """Images brought to a size where the shape that takes them is open."""
    if size is None or None not in shape or len(shape) != 3 or images.shape[1:3] == tuple(size):
        return images
    return tf.image.resize(images, size, antialias=True).numpy()
