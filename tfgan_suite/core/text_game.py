"""What games that draw what a sentence says share: vectors of sentences, and what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite.core import latent_samples, network_checks
from tfgan_suite.core.batch_norm_statistics import standing_statistics
from tfgan_suite.core.batches import unpacked
from tfgan_suite.core.latent_game import LatentGame
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.trained_game import Arrays
from tfgan_suite.errors import InputError
from tfgan_suite.text import SentenceEncoder
from tfgan_suite.text.encoders import decode
from tfgan_suite.utils import caption_grids

# Rows (sentences) and samples beside each in a sample grid.
GRID_SENTENCES, GRID_SAMPLES = 8, 8
TEXT = "text"  # the signature that takes sentences, and its input
ENCODE = "encode_text"  # the signature from sentences to vectors


class TextGame(LatentGame):
    """A generator from noise and the vector of a sentence, against a discriminator of both.

    Batches are dicts with `"image"`, `"embedding"` `(batch, text_dim)` and `"mismatched_embedding"`
    of a sentence that does not fit the image; strings among them are left out before a step.

    Args:
        generator: model from `[z, embedding]` to images in [-1, 1]; a subclass may have more inputs
            (`network_ends`), after these two.
        discriminator: model from `[image, embedding]` to logits `(batch, 1)`.
        encoder: the frozen encoder that made the vectors, with which sentences are drawn. None: the
            game takes vectors only.
        **options: those of `LatentGame`.

    Raises:
        InputError: networks or an encoder whose vectors differ in length.
    """

    network_ends: tuple[tuple[int, ...], ...] = ((2,), (2,), (1,))
    tuple_keys: tuple[str, ...] = ("image", "embedding", "mismatched_embedding")
    usage = "sample {} --text SENTENCE"
    previews_held_out = True
    adversarial_parts: tuple[str, ...] = ("real", "mismatched", "fake")
    mismatched_share: float = 0.5  # c of `matching_terms`

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        encoder: SentenceEncoder | None = None,
        **options: Any,
    ):
        super().__init__(generator, discriminator, **options)
        self.text_dim = int(generator.inputs[1].shape[-1])
        # Hidden from Keras: it is frozen, and no part of a checkpoint.
        self.__dict__["encoder"] = encoder
        network_checks.check_vectors(
            {
                "the generator": self.text_dim,
                "the discriminator": int(self.opponent.inputs[1].shape[-1]),
                **({} if encoder is None else {"the encoder": encoder.dim}),
            }
        )

    encoder: SentenceEncoder | None

    @property
    def batch_keys(self) -> tuple[str, ...]:
        return ("image", "embedding", "mismatched_embedding")

    @property
    def adversarial_names(self) -> tuple[str, ...]:
        return ("pairs", "mismatched") if self.adversarial.paired else self.adversarial_parts

    @property
    def draw_shares(self) -> dict[str, float]:
        c = self.mismatched_share
        if self.adversarial.paired:
            return {"pairs": 1.0 - c, "mismatched": c}
        return {"real": 0.5, "mismatched": 0.5 * c, "fake": 0.5 * (1.0 - c)}

    # ---- training ----------------------------------------------------------------------------

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `AdversarialModel.fit`, without strings, which no accelerator takes."""
        return super().fit(without_strings(x), *args, **kwargs)

    def inputs_of(self, batch: Any) -> dict[str, tf.Tensor]:
        """The tensors of a batch by key, float32 where they are floats; no strings.

        Args:
            batch: a dict, or a tuple in the order of `tuple_keys`.

        Raises:
            InputError: one of `batch_keys` is missing.
        """
        batch = unpacked(batch)
        if not isinstance(batch, Mapping):
            parts = batch if isinstance(batch, (tuple, list)) else (batch,)
            batch = dict(zip(self.tuple_keys, parts))
        missing = [key for key in self.batch_keys if key not in batch]
        if missing:
            raise InputError(
                f"the batch has {', '.join(map(repr, sorted(batch)))} and no {missing[0]!r};"
                " expected batches of data.load_captions(..., embedding=...) with mismatched"
                " captions"
            )
        floats = {k: tf.cast(v, tf.float32) for k, v in batch.items() if v.dtype.is_floating}
        return {**{k: v for k, v in batch.items() if v.dtype.is_integer}, **floats}

    def matching_terms(
        self, real: tf.Tensor, wrong: tf.Tensor | None, fake: tf.Tensor, weight: float
    ) -> dict[str, tf.Tensor]:
        """The discriminator's loss with the third kind of pair, of a sentence that does not fit.

        ```
        L = real(s_r) + c fake(s_w) + (1 - c) fake(s_f)
        ```

        A loss of pairs weights those of s_r with s_w and with s_f in the same way.

        Args:
            real: s_r, outputs for real images with their sentences `(batch, 1)`.
            wrong: s_w, those for pairs that do not fit; None with a weight of 0.
            fake: s_f, those for generated images.
            weight: c.
        """
        terms = {}
        names = ["fake"] if wrong is None else ["fake", "mismatched"]
        for name, outputs, share in zip(names, (fake, wrong), (1.0 - weight, weight)):
            term = self.adversarial_terms(real, outputs)
            if self.adversarial.paired:
                terms["pairs" if name == "fake" else name] = share * term["pairs"]
            else:
                terms["real"], terms[name] = term["real"], share * term["fake"]
        return terms

    # ---- sentences ---------------------------------------------------------------------------

    def use_encoder(self, encoder: SentenceEncoder | None) -> None:
        """Sets the encoder of sentences; its vectors must be those of the training.

        Raises:
            InputError: vectors of another length.
        """
        if encoder is not None:
            network_checks.check_vectors({"the game": self.text_dim, "the encoder": encoder.dim})
        self.__dict__["encoder"] = encoder

    def encode(self, texts: Sequence[str | bytes]) -> np.ndarray:
        """Vectors of sentences: float32 `(len(texts), text_dim)`.

        Raises:
            InputError: the game has no encoder, or its encoder has no vector of a sentence.
        """
        if self.encoder is None:
            raise InputError(
                "this game has no encoder of sentences; pass vectors as embedding=, or"
                f" {type(self).__name__}(..., encoder=...)"
            )
        return self.encoder.encode(texts)

    def generate(self, count: int = 1, seed: int = 0, **inputs: Any) -> Any:
        """As `AdversarialModel.generate`, for sentences too.

        Args:
            count: least number of images. Of sentences, vectors and other inputs there may be
                fewer, which are drawn in turn, or more, which are all drawn; z decides.
            seed: seed of what is not passed.
            **inputs: `text`, a sentence or a list of sentences, or `embedding`, their vectors;
                without either the encoder's own examples are drawn. Further inputs by name, such as
                `z` `(count, latent_dim)`.
        """
        texts = inputs.pop(TEXT, None)
        if texts is not None:
            texts = [texts] if isinstance(texts, (str, bytes)) else list(texts)
            inputs["embedding"] = self.encode(texts)
        count = max([count, *(len(value) for value in inputs.values())])
        count = len(inputs["z"]) if "z" in inputs else count
        if "embedding" not in inputs:
            inputs["embedding"] = self._example_vectors()
        vectors = np.asarray(inputs["embedding"], np.float32)
        inputs["embedding"] = vectors[np.arange(count) % len(vectors)]
        return super().generate(count, seed, **self.fill_inputs(inputs, count, seed))

    def fill_inputs(self, inputs: dict[str, Any], count: int, seed: int) -> dict[str, Any]:
        """Hook: further inputs of `generate` that can be neither drawn nor left out."""
        return inputs

    def _example_vectors(self) -> np.ndarray:
        if self.encoder is None or not self.encoder.sentences:
            raise InputError("there is no sentence to draw; pass text= or embedding=")
        return self.encode(self.encoder.sentences)

    # ---- what the trained game offers --------------------------------------------------------

    def condition_specs(self) -> tuple[TensorSpec, ...]:
        """Inputs of the generator after z and the embedding, in its order; here none."""
        return ()

    def signatures(self) -> dict[str, Signature]:
        """`serving_default` takes vectors; `text` sentences, where TensorFlow can encode them."""
        (generator,) = self.ema("generator")
        z = TensorSpec("z", (self.latent_dim,), kind=self.latent)
        vector = TensorSpec("embedding", (self.text_dim,), kind="embedding")
        further = self.condition_specs()
        image = TensorSpec("image", tuple(generator.output_shape[1:]))

        def draw(z: tf.Tensor, embedding: tf.Tensor, **conditions: tf.Tensor) -> tf.Tensor:
            values = [conditions[spec.name] for spec in further]
            return generator([z, embedding, *values], training=False)

        signatures = {
            "serving_default": Signature((z, vector, *further), image, draw, (generator,))
        }
        encoder = self.encoder
        if encoder is not None and encoder.in_graph:

            def draw_text(text: tf.Tensor, **inputs: tf.Tensor) -> tf.Tensor:
                return draw(embedding=encoder.tensor(text), **inputs)

            text = TensorSpec(TEXT, (), "string", TEXT)
            networks = (generator, *encoder.networks)
            signatures[TEXT] = Signature(
                (text, z, *further), image, draw_text, networks, saved_model_only=True
            )
            signatures[ENCODE] = Signature(
                (text,),
                vector,
                lambda text: encoder.tensor(text),
                encoder.networks,
                saved_model_only=True,
            )
        return signatures

    def discriminator_signatures(self) -> dict[str, Signature]:
        return {}

    def oracle_examples(self, examples: Arrays) -> Arrays:
        names = (TEXT, *(spec.name for spec in self.condition_specs()))
        return {name: examples[name] for name in names if name in examples}

    def measures_in_words(self, measures: Mapping[str, Any]) -> list[str]:
        """How many images are as their sentences say, in words."""
        fields = ("colour", "shape", "size", "position", "all")
        lines = []
        for prefix, words in (("", "test sentences"), ("unseen_", "combinations never shown")):
            names = {f: f"{prefix}{f}_share" for f in (*fields, "clean")}
            if all(name in measures for name in names.values()):
                shares = {field: float(measures[name]) for field, name in names.items()}
                listed = ", ".join(f"{f} {100 * shares[f]:.1f}%" for f in fields[:-1])
                lines.append(
                    f"of images of {words} are as said: {listed}, all four"
                    f" {100 * shares['all']:.1f}%; one clean shape in {100 * shares['clean']:.1f}%"
                )
        return lines

    def card_facts(self) -> dict[str, Any]:
        """What an export's card says of the encoder."""
        if self.encoder is None:
            return {}
        facts = {"kind": self.encoder.kind, "hash": self.encoder.hash}
        return {"text_encoder": {**facts, "description": self.encoder.describe()}}

    def recalibrate_batch_norm(self) -> None:
        """As for any game from noise, with the encoder's examples; without an encoder nothing."""
        if self.encoder is None or not self.encoder.sentences:
            return
        vectors = self.encode(self.encoder.sentences)
        specs = self.signatures()["serving_default"].inputs
        standing_statistics(
            self.ema("generator")[0],
            (
                self.calibration_batch(specs, vectors, index)
                for index in range(latent_samples.RECALIBRATION_BATCHES)
            ),
        )

    def calibration_batch(
        self, specs: Sequence[TensorSpec], vectors: np.ndarray, index: int
    ) -> list[tf.Tensor]:
        """64 inputs of the generator, the same in every run with this seed."""
        rows = np.random.RandomState([self.seed % 2**32, index]).randint(0, len(vectors), 64)
        return [specs[0].draw(64, seed=[self.seed, index]), tf.constant(vectors[rows])]

    # ---- what it shows of itself -------------------------------------------------------------

    def preview_count(self, shape: tuple[int | None, ...]) -> int:
        return GRID_SENTENCES

    def preview(
        self, examples: Arrays, *, seed: int = 0, count: int | None = None
    ) -> np.ndarray | None:
        """A sample grid: each sentence beside its images, of the same z in each column."""
        if "embedding" not in examples:
            return None
        total, columns = len(examples["embedding"]), GRID_SAMPLES
        z = self.signatures()["serving_default"].inputs[0].draw(columns, [seed, 0]).numpy()
        inputs = {k: np.repeat(v, columns, 0) for k, v in self.example_inputs(examples).items()}
        images = self.run_signature({**inputs, "z": np.tile(z, (total, 1))})["image"]
        texts = decode(examples[TEXT]) if TEXT in examples else [""] * total
        return caption_grids.captioned_rows(
            texts, images.reshape(total, columns, *images.shape[1:])
        )

    def collapse_pairs(self, examples: Arrays) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
        """Images of one z for many sentences, which differ if text is heeded; and of one sentence.

        Those of one sentence differ in z alone, and are compared with the game's own widest ones.
        """
        inputs = self.example_inputs(examples)
        count = len(inputs["embedding"])
        z = self.signatures()["serving_default"].inputs[0].draw(count, [0, 0]).numpy()
        same_z = {**inputs, "z": np.repeat(z[:1], count, axis=0)}
        same_text = {**{k: np.repeat(v[:1], count, 0) for k, v in inputs.items()}, "z": z}
        return {
            f"images of one z for {count} sentences": (
                examples.get("image"),
                self.run_signature(same_z)["image"],
            ),
            "images of one sentence": (None, self.run_signature(same_text)["image"]),
        }


def without_strings(batches: Any) -> Any:
    """A data set, or a dict of arrays, without its strings."""
    if isinstance(batches, tf.data.Dataset) and isinstance(batches.element_spec, Mapping):
        keys = [k for k, spec in batches.element_spec.items() if spec.dtype != tf.string]
        if len(keys) < len(batches.element_spec):
            return batches.map(lambda batch: {key: batch[key] for key in keys})
    if isinstance(batches, Mapping):
        return {k: v for k, v in batches.items() if np.asarray(v).dtype.kind not in "OSU"}
    return batches
