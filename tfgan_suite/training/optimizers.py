"""Adam on TensorFlow's fused kernel."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.errors import InputError
from tfgan_suite.utils import schedules
from tfgan_suite.utils.learning_rates import check_learning_rate


@keras.saving.register_keras_serializable(package="tfgan_suite")
class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam with one fused operation per variable instead of about fifteen.

    `m += (1 - b1)(g - m); v += (1 - b2)(g^2 - v);
    w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon)`,
    equal to Keras's up to float rounding and several times faster for large networks.
    Arguments, config and state are Keras's, so checkpoints of either fit the other. Sparse
    gradients, `amsgrad` and variables that are not float32 use Keras's implementation.

    Args:
        *args, **kwargs: as in `keras.optimizers.Adam`; `beta_2` may also be a schedule, a function
            of the number of updates (`CosineSchedule`). The bias correction uses its current
            value, as PyTorch's does.

    Raises:
        InputError: a schedule for `beta_2` where Keras's implementation is used; a learning rate
            that is negative or not finite.

    Example: `FusedAdam(2e-4, beta_1=0.5)`

    Reference: Kingma and Ba 2015, "Adam" (arXiv 1412.6980).
    """

    def __init__(self, *args: Any, **kwargs: Any):
        if isinstance(kwargs.get("beta_2"), dict):  # from `get_config`
            kwargs["beta_2"] = keras.saving.deserialize_keras_object(kwargs["beta_2"])
        rate = args[0] if args else kwargs.get("learning_rate")
        check_learning_rate(rate, "Adam's learning rate", may_freeze=True)
        super().__init__(*args, **{**compat.ADAM_OPTIONS, **kwargs})

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if callable(self.beta_2):
            config["beta_2"] = keras.saving.serialize_keras_object(self.beta_2)
        return config

    # Keras 2.15 calls `apply_gradients`, Keras 3 (and its loss scaling) `apply`.
    def apply_gradients(self, *args: Any, **kwargs: Any) -> Any:
        with self._one_update():
            return super().apply_gradients(*args, **kwargs)

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        with self._one_update():
            return super().apply(*args, **kwargs)

    @contextmanager
    def _one_update(self) -> Iterator[None]:
        """Within it all variables share the scalars: a graph has one operation for each, not 16."""
        # Kept in __dict__: Keras would track a dict set as an attribute.
        self.__dict__["_shared_scalars"] = {}
        try:
            yield
        finally:
            self.__dict__.pop("_shared_scalars", None)

    def _scalars(self, device: str, learning_rate: Any) -> dict[str, tf.Tensor]:
        """The kernel's scalar arguments, computed once in an update, a graph and on a device."""
        shared = self.__dict__.get("_shared_scalars", {})
        key = device, tf.compat.v1.get_default_graph() if tf.inside_function() else None
        if key not in shared:
            step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, tf.float32)
            rate = self.learning_rate if learning_rate is None else learning_rate
            beta_2 = schedules.value_at(self.beta_2, self.iterations)
            betas = [tf.cast(beta, tf.float32) for beta in (self.beta_1, beta_2)]
            shared[key] = {
                "beta1_power": tf.pow(betas[0], step),
                "beta2_power": tf.pow(betas[1], step),
                "lr": tf.cast(rate, tf.float32),
                "beta1": betas[0],
                "beta2": betas[1],
                "epsilon": tf.cast(self.epsilon, tf.float32),
            }
        return shared[key]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any = None) -> None:
        # Keras 2.15 calls with two arguments, Keras 3 with three.
        rate = () if learning_rate is None else (learning_rate,)
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices) or variable.dtype != tf.float32:
            if callable(self.beta_2):
                raise InputError(
                    "beta_2 follows a schedule, which sparse gradients, amsgrad and variables that"
                    " are not float32 do not support; use a number"
                )
            super().update_step(gradient, variable, *rate)
            return
        momentum, velocity = compat.adam_slots(self, variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            grad=tf.cast(gradient, tf.float32),
            **self._scalars(variable.handle.device, learning_rate),
        )


def opponent_learning_rate(options: types.SimpleNamespace) -> float:
    """The learning rate of the generator's opponent: its own where a recipe's user set one.

    Args:
        options: the recipe's constants: `discriminator_learning_rate`, or None for that of the
            generator, and `learning_rate`.
    """
    rate = options.discriminator_learning_rate
    return options.learning_rate if rate is None else rate
