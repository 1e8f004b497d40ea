"""Values that change during training, as functions of a saved step counter.

A schedule keeps no state of its own: whoever follows it passes its own counter (a game its `steps`,
an optimizer its `iterations`), which checkpoints hold. A resumed run therefore goes on exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Union

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError

# A number, or a function from a step counter to a float32 scalar.
Value = Union[float, Callable[[Any], tf.Tensor]]


@keras.saving.register_keras_serializable(package="tfgan_suite")
class CosineSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Half a cosine from one value to another, constant afterwards.

    ```
    value(t) = s start + (1 - s) end,     s = (1 + cos(pi min(t / steps, 1))) / 2
    ```

    Keras's optimizers take it as their learning rate, `FusedAdam` also as `beta_2`, and
    `Regularization` as a weight.

    Args:
        start: value at step 0.
        end: value from step `steps` on.
        steps: steps from one to the other; at least 1.

    Raises:
        InputError: `steps` is below 1, or a value is not finite.
    """

    def __init__(self, start: float, end: float, steps: int):
        if isinstance(steps, bool) or int(steps) != steps or steps < 1:
            raise InputError(f"a schedule of {steps} steps; it must have 1 or more")
        if not (math.isfinite(start) and math.isfinite(end)):
            raise InputError(f"a schedule from {start} to {end}; both must be finite numbers")
        self.start, self.end, self.steps = float(start), float(end), int(steps)

    def __call__(self, step: Any) -> tf.Tensor:
        step = tf.cast(tf.convert_to_tensor(step), tf.float32)
        progress = tf.minimum(step / float(self.steps), 1.0)
        # Of this form it is exact at both ends.
        share = 0.5 * (1.0 + tf.cos(math.pi * progress))
        return share * self.start + (1.0 - share) * self.end

    def get_config(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "steps": self.steps}


@keras.saving.register_keras_serializable(package="tfgan_suite")
class LinearRamp:
    """`min(slope t, limit)` after t steps.

    As a half-life it lets an average of weights remember a share of the training, until it has its
    full memory.

    Args:
        slope: growth in a step.
        limit: largest value.

    Raises:
        InputError: one of them is not above 0.
    """

    def __init__(self, slope: float, limit: float):
        if not (slope > 0 and limit > 0):
            raise InputError(f"a ramp of slope {slope} up to {limit}; both must be above 0")
        self.slope, self.limit = float(slope), float(limit)

    def __call__(self, step: Any) -> tf.Tensor:
        step = tf.cast(tf.convert_to_tensor(step), tf.float32)
        return tf.minimum(self.slope * step, self.limit)

    def get_config(self) -> dict[str, Any]:
        return {"slope": self.slope, "limit": self.limit}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LinearRamp:
        return cls(**config)


@keras.saving.register_keras_serializable(package="tfgan_suite")
class HalfLifeDecay:
    """Decay of a moving average whose half-life follows a schedule: `0.5 ** (1 / half_life)`.

    Args:
        half_life: steps after which a value counts half, a number or a schedule; at 0 the average
            is the newest value.

    Raises:
        InputError: a half-life below 0.
    """

    def __init__(self, half_life: Value):
        if smallest(half_life) < 0:
            raise InputError(f"the half-life is {smallest(half_life)} steps; it must be 0 or more")
        self.half_life = half_life

    def __call__(self, step: Any) -> tf.Tensor:
        half_life = tf.cast(value_at(self.half_life, step), tf.float32)
        return tf.pow(0.5, 1.0 / tf.maximum(half_life, 1e-8))

    def get_config(self) -> dict[str, Any]:
        return {"half_life": keras.saving.serialize_keras_object(self.half_life)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HalfLifeDecay:
        return cls(keras.saving.deserialize_keras_object(config["half_life"]))


def value_at(value: Value, step: Any) -> Any:
    """A number as it is; of a schedule the value after `step` steps."""
    return value(step) if callable(value) else value


def smallest(value: Value) -> float:
    """The smallest value of a number or a `CosineSchedule`; 0 for other functions."""
    if isinstance(value, CosineSchedule):
        return min(value.start, value.end)
    return 0.0 if callable(value) else value
