"""What a trained discriminator offers: scores, and the outputs of its layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.features.layer_outputs import select_outputs

SCORE, FEATURES = "score", "features"
_ACTIVATIONS = (
    "Activation ELU GELU LeakyReLU Maxout PReLU ReLU SELU Softplus StochasticReLU".split()
)


class ScoringGame:
    """The part of a game from noise that uses its discriminator and never trains it."""

    def discriminator_signatures(self) -> dict[str, Signature]:
        """The discriminator in inference mode, as signatures that exports may hold.

        `score` takes an example (and its `label` where the discriminator does) and returns a number
        that is high for real examples. `features` takes the same and returns the activations
        of all hidden layers as `features_0`, `features_1` and so on, first to last. Empty for
        discriminators of other inputs.
        """
        served = self.signatures()  # type: ignore[attr-defined]
        example = served["serving_default"].output
        opponent = self.opponent  # type: ignore[attr-defined]
        labels = [s for s in served["serving_default"].inputs if s.name == "label"]
        networks = (opponent,)
        if _judges_latents(self):
            labels, networks = [], (opponent, *served["encode"].networks)
        elif len(opponent.inputs) == 1:
            labels = labels if labels and _width(opponent) == labels[0].classes else []
        elif len(opponent.inputs) != 1 + len(labels):
            return {}  # as of networks that grow, which take images of several sizes
        inputs = (example, *labels)
        signature = Signature(
            inputs,
            TensorSpec(SCORE, (), kind=SCORE),
            lambda **inputs: _score(self, inputs),
            networks,
            saved_model_only=True,
        )
        layers = feature_layers(opponent)
        if not layers:
            return {SCORE: signature}
        outputs = [
            TensorSpec(f"features_{index}", _shape(opponent.get_layer(name)), kind=FEATURES)
            for index, name in enumerate(layers)
        ]

        def features(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            maps = select_outputs(opponent, layers)(_opponent_inputs(self, inputs), training=False)
            maps = maps if isinstance(maps, (list, tuple)) else [maps]
            return {spec.name: tf.cast(array, tf.float32) for spec, array in zip(outputs, maps)}

        return {
            SCORE: signature,
            FEATURES: dataclasses.replace(
                signature, output=outputs[0], further_outputs=tuple(outputs[1:]), call=features
            ),
        }

    def opponent_score(self, examples: tf.Tensor, outputs: Any) -> tf.Tensor:
        """One number for each example, from the opponent's outputs, in the opponent's own sense.

        Args:
            examples: `(batch, ...)`.
            outputs: what the opponent returned for them; of several outputs the first counts.

        Returns:
            Tensor of `batch` numbers.
        """
        return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


def _score(game: Any, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
    arrays = _opponent_inputs(game, inputs)
    # Keras warns of a list of one where the network was built from a single input.
    outputs = game.opponent(arrays if len(arrays) > 1 else arrays[0], training=False)
    score = tf.cast(game.opponent_score(next(iter(inputs.values())), outputs), tf.float32)
    if "label" in inputs and len(game.opponent.inputs) == 1:  # a score for each class
        score = tf.gather(score, inputs["label"], axis=1, batch_dims=1)
    return game.realness * tf.reshape(score, [-1])


def _opponent_inputs(game: Any, inputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    arrays = list(inputs.values())[: len(game.opponent.inputs)]
    if _judges_latents(game):
        # Where the discriminator judges pairs, an example comes with the z inferred from it.
        encode = game.signatures()["encode"]
        arrays.append(encode.call(**{encode.inputs[0].name: arrays[0]}))
    return arrays


def _judges_latents(game: Any) -> bool:
    names = [_name(tensor) for tensor in game.opponent.inputs]
    return "z" in names and "encode" in game.signatures()


def feature_layers(network: keras.Model) -> list[str]:
    """The hidden layers of a discriminator whose outputs are features.

    These are the layers that a game names `features_0`, `features_1` and so on, if maps are among
    them; else all activations, first to last.

    Args:
        network: a functional Keras model.
    """
    named = [layer for layer in network.layers if layer.name.startswith("features_")]
    if not any(len(_shape(layer)) == 3 for layer in named):
        named = [
            layer
            for layer in network.layers
            if layer in named or type(layer).__name__ in _ACTIVATIONS
        ]
    return [
        layer.name
        for layer in named
        if not any(layer.output is tensor for tensor in network.outputs)
        and len(_shape(layer)) in (1, 3)
        and None not in _shape(layer)
    ]


def _width(network: keras.Model) -> int | None:
    """Numbers in the first output for each example, where that is a vector."""
    shape = tuple(network.outputs[0].shape)
    return shape[1] if len(shape) == 2 else None


def _shape(layer: Any) -> tuple[int | None, ...]:
    """The shape of a layer's output for one example."""
    return tuple(layer.output.shape[1:])


def _name(tensor: Any) -> str:
    return tensor.name.split("/")[0].split(":")[0]
