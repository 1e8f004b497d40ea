"""Whether networks fit each other, asked when a game is made."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError


def check_arguments(game: type, args: tuple, kwargs: Mapping[str, Any]) -> None:
    """Refuses networks that are not built, before a constructor of the suite's games asks them.

    Args:
        game: the class; of others than the suite's games and their subclasses nothing is known.
        args, kwargs: what its constructor is about to get.

    Raises:
        InputError: as for `check_network`.
    """
    if not any(base.__module__.startswith("tfgan_suite.games.") for base in game.__mro__):
        return
    signature = inspect.signature(game.__init__)  # type: ignore[misc]
    try:
        arguments = signature.bind(None, *args, **kwargs).arguments
    except TypeError:  # the constructor says what is missing
        return
    for name, value in arguments.items():
        annotation = str(signature.parameters[name].annotation)
        # Of None the constructor knows what it means.
        if annotation.startswith("keras.Model") and value is not None:
            check_network(name, value)


def check_network(
    role: str, network: Any, inputs: Collection[int] = (), outputs: Collection[int] = ()
) -> None:
    """Refuses what is not a Keras model with known inputs and outputs.

    Args:
        role: what the network is to the game, for messages: "generator".
        network: the network.
        inputs: numbers of inputs that it may have; empty: any.
        outputs: numbers of outputs that it may have; empty: any.

    Raises:
        InputError: no Keras model, one that is not built, or another number of inputs or outputs.
    """
    if not isinstance(network, keras.Model):
        raise InputError(
            f"the {role} is a {type(network).__name__}; pass a Keras model, such as one of the"
            " game's build functions returns"
        )
    try:
        ends = {"inputs": network.inputs or (), "outputs": network.outputs or ()}
    except (AttributeError, ValueError):  # Keras 3's Sequential without a known input
        ends = {"inputs": (), "outputs": ()}
    if not ends["inputs"] or not ends["outputs"]:
        raise InputError(
            f"the {role} {network.name!r} does not know the shape of its input; begin a Sequential"
            " with keras.Input((...)), and make a subclassed model a functional one:"
            " keras.Model(inputs, outputs)"
        )
    for end, numbers in (("inputs", inputs), ("outputs", outputs)):
        if numbers and len(ends[end]) not in numbers:
            raise InputError(
                f"the {role} {network.name!r} has {len(ends[end])} {end}; this game needs"
                f" {' or '.join(map(str, numbers))}"
            )


def check_feeds(
    producer_role: str, producer: Any, consumer_role: str, consumer: Any, what: str = "examples"
) -> None:
    """Refuses a network whose first output another one cannot take as its first input.

    Args:
        producer_role, consumer_role: what the networks are to the game, for messages.
        producer, consumer: networks that `check_network` let through.
        what: what passes between them, for messages.

    Raises:
        InputError: shapes that differ.
    """
    produced, consumed = shape_of(producer.outputs[0]), shape_of(consumer.inputs[0])
    if not tf.TensorShape(produced).is_compatible_with(consumed):
        raise InputError(
            f"the {producer_role} makes {what} of shape {produced}, but the {consumer_role} takes"
            f" {consumed}; build both for the same shape"
        )


def latent_length(generator: Any) -> int:
    """The length of the noise that is a generator's first input.

    Raises:
        InputError: its shape.
    """
    shape = shape_of(generator.inputs[0])
    if len(shape) != 1 or shape[0] is None:
        raise InputError(
            f"the generator {generator.name!r} takes {shape} for each example; its input must be a"
            " vector of noise, such as keras.Input((100,))"
        )
    return shape[0]


def check_vectors(lengths: Mapping[str, int]) -> None:
    """Refuses networks and encoders whose vectors of sentences differ in length.

    Args:
        lengths: by what takes or makes the vectors, for messages.

    Raises:
        InputError: the lengths.
    """
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{role} {length}" for role, length in lengths.items())
        raise InputError(
            f"vectors of sentences have different lengths: {listed}; build all for the same"
            " text_dim"
        )


def check_places(generator: Any, discriminator: Any) -> tuple[int, ...]:
    """The shape of boxes `(4,)` or key points `(K, 3)` that are both networks' third input.

    Raises:
        InputError: other shapes, or two that differ.
    """
    shapes = [shape_of(network.inputs[2]) for network in (generator, discriminator)]
    first, second = shapes
    if first != second:
        raise InputError(
            f"the generator draws at places of shape {first}, but the discriminator takes"
            f" {second}; build both for boxes, or both for the same key points"
        )
    if first == (4,) or (len(first) == 2 and first[1] == 3):
        return tuple(int(side or 0) for side in first)
    raise InputError(
        f"the generator's third input has the shape {first}; expected boxes (4,) or key points"
        " (K, 3)"
    )


def check_score(role: str, network: Any) -> None:
    """Refuses a discriminator whose first output is not one number for an example or a patch.

    Raises:
        InputError: another size of the last axis.
    """
    shape = shape_of(network.outputs[0])
    if not shape or shape[-1] != 1:
        raise InputError(
            f"the {role} {network.name!r} returns {shape} for each example; it must end in one"
            " number, a layer such as Dense(1) without activation"
        )


def shape_of(tensor: Any) -> tuple[int | None, ...]:
    """The shape of one example of a Keras tensor, without the batch."""
    return tuple(tensor.shape)[1:]
