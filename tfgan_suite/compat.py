"""The one file that knows there are two stacks: Keras 2.15 with the addons, and Keras 3 without.

All other files use the names below and never check a version. tensorflow-addons and tensorflow-io
are imported by the first call that needs them, so that importing this module stays cheap.
"""

from __future__ import annotations

import importlib.util
import inspect
import warnings
from collections.abc import Sequence
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import _stand_ins
from tfgan_suite.errors import InputError, did_you_mean

# Names of precisions, and of Keras's policies.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
KERAS3 = int(keras.__version__.split(".")[0]) >= 3
# For cards, reports and messages.
RELEASES = {"tensorflow": tf.__version__, "keras": keras.__version__}
# Both packages can be installed next to Keras 3 but only work with 2.15.
HAS_ADDONS = not KERAS3 and importlib.util.find_spec("tensorflow_addons") is not None
HAS_IO = not KERAS3 and importlib.util.find_spec("tensorflow_io") is not None

if KERAS3 and keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras runs on {keras.backend.backend()!r}; tfgan_suite needs TensorFlow; "
        "set the environment variable KERAS_BACKEND=tensorflow before the first import of keras"
    )

# By default Keras 2.15 compiles every optimizer update with XLA if there is a GPU.
ADAM_OPTIONS: dict[str, Any] = {} if KERAS3 else {"jit_compile": False}


# --- layers ---------------------------------------------------------------------------------

_Layer = TypeVar("_Layer", bound=type)


def register_layer(layer: _Layer) -> _Layer:
    """Decorates the class of a layer: Keras's files name it, and its `call` runs as written.

    Keras 2.15 lets autograph rewrite the `call` of a layer and all that it calls, for loops and
    conditions on tensors, which none here has: half the time that a network takes to build. Keras
    3 does not.
    """
    if not KERAS3 and not hasattr(layer.call, "__wrapped__"):
        call = tf.autograph.experimental.do_not_convert(layer.call)
        call.__signature__ = inspect.signature(layer.call)  # Keras looks there for `training`
        layer.call = call
    return keras.saving.register_keras_serializable(package="tfgan_suite")(layer)


_Fused = _stand_ins.FusedBatchNormalization if KERAS3 else keras.layers.BatchNormalization


@register_layer
class BatchNormalization(_Fused):
    """Keras's batch normalization on TensorFlow's fused kernel, with the usual defaults of GANs.

    Keras 2.15 calls that kernel for images by itself, Keras 3 does not; for vectors neither does.
    Statistics are float32 even when the layer computes in bfloat16 or float16. The moving variance
    is everywhere the unbiased one, divided by the number of values less 1, which is what Ioffe and
    Szegedy's algorithm, PyTorch and the kernel average; Keras alone divides by their number.

    Args:
        axis: the channel axis.
        momentum: of the moving averages.
        epsilon: float added to the variance.
        **kwargs: Keras's other arguments.
    """

    def __init__(self, axis: int = -1, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(axis=axis, momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs: tf.Tensor, training: Any = None, mask: Any = None) -> tf.Tensor:
        # Keras's own code for vectors has a wrong second derivative and the biased variance.
        in_float32 = bool(training) and _stand_ins.is_slow_in_bfloat16(inputs)
        if (len(inputs.shape) == 2 or in_float32) and _stand_ins.kernel_applies(self, inputs, mask):
            values = tf.cast(inputs, "float32") if in_float32 else inputs
            return tf.cast(_stand_ins.fused_batch_norm(self, values, training), inputs.dtype)
        return super().call(inputs, training=training, mask=mask)


@register_layer
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras's leaky ReLU, with a gradient that is fast in bfloat16 on TensorFlow 2.15 too.

    There the gradient's kernel takes ten times as long as in float32, a sixth of a DCGAN step.
    Products with the slope are bit-identical, forward and backward.

    Args:
        alpha (Keras 3: negative_slope): factor of negative inputs.
        **kwargs: Keras's other arguments.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if KERAS3 or inputs.dtype != tf.bfloat16:
            return super().call(inputs)
        slope = float(self.alpha)
        return _stand_ins.leaky_relu(slope, inputs) if 0.0 <= slope <= 1.0 else super().call(inputs)


def _addons() -> Any:
    """tensorflow_addons, imported without its end-of-life notice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_addons
    return tensorflow_addons


def Maxout(num_units: int, axis: int = -1, **kwargs: Any) -> keras.layers.Layer:
    """A layer `max_j x[..., j * num_units + i]`, i < num_units; the addons' where it exists."""
    layers = _addons().layers if HAS_ADDONS else _stand_ins
    return layers.Maxout(num_units, axis=axis, **kwargs)


# --- images -------------------------------------------------------------------------------


def gaussian_filter2d(
    image: Any,
    filter_shape: int | tuple[int, int] = (3, 3),
    sigma: float | tuple[float, float] = 1.0,
    padding: str = "REFLECT",
    constant_values: float = 0.0,
) -> tf.Tensor:
    """Gaussian blur.

    Args:
        image: `(height, width)`, `(height, width, channels)` or `(batch, height, width,
            channels)`, any range; integer images are rounded towards zero.
        filter_shape: height and width of the filter, or one size for both.
        sigma: standard deviation in pixels along height and width, or one for both.
        padding: `"REFLECT"`, `"CONSTANT"` or `"SYMMETRIC"`.
        constant_values: the value of `"CONSTANT"` padding.

    Returns:
        Tensor of the image's shape and dtype.
    """
    functions = _addons().image if HAS_ADDONS else _stand_ins
    return functions.gaussian_filter2d(
        image, filter_shape, sigma, padding=padding, constant_values=constant_values
    )


def dense_image_warp(image: Any, flow: Any) -> tf.Tensor:
    """Moves pixels: `output[b, i, j] = image[b, i - flow[b,i,j,0], j - flow[b,i,j,1]]`, bilinear.

    Args:
        image: float `(batch, height, width, channels)`, height and width at least 2.
        flow: float `(batch, height, width, 2)`, in pixels; the border repeats outside.
    """
    functions = _addons().image if HAS_ADDONS else _stand_ins
    return functions.dense_image_warp(image, flow)


def rgb_to_ypbpr(image: Any) -> np.ndarray:
    """Luma and colour differences of BT.601: Y = .299 R + .587 G + .114 B, Pb, Pr.

    Args:
        image: `(..., 3)`, any range; computed in float64.

    Returns:
        float64 `(..., 3)`, equal with and without tensorflow-io up to the last bits.
    """
    values = np.asarray(image, np.float64)
    if not HAS_IO:
        return _stand_ins.rgb_to_ypbpr(values)
    import tensorflow_io

    with tf.device("CPU:0"):
        return tensorflow_io.experimental.color.rgb_to_ypbpr(values).numpy()


# --- precision and loss scaling -------------------------------------------------------------


def set_precision(name: str) -> None:
    """Sets the precision in which networks built from now on compute; weights stay float32.

    Args:
        name: `"float32"`, `"bfloat16"` or `"float16"`; Keras's `"mixed_..."` names work too.

    Raises:
        InputError: any other name.
    """
    policy = name if name in PRECISIONS.values() else PRECISIONS.get(name)
    if policy is None:
        raise InputError(
            f"precision {name!r} is unknown; expected one of {', '.join(PRECISIONS)}"
            f"{did_you_mean(name, PRECISIONS)}"
        )
    keras.mixed_precision.set_global_policy(policy)


def get_precision() -> str:
    """The current precision: `"float32"`, `"bfloat16"` or `"float16"`."""
    policy = keras.mixed_precision.global_policy().name
    return policy.removeprefix("mixed_")


def is_loss_scaled(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the optimizer scales losses, as those from `loss_scaled` in float16 do."""
    return isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)


def loss_scaled(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """In float16, wraps an optimizer in Keras's dynamic loss scaling.

    A step with non-finite gradients is skipped and halves the scale. In other precisions, or if it
    is wrapped already, the optimizer is returned unchanged.
    """
    if get_precision() != "float16" or is_loss_scaled(optimizer):
        return optimizer
    return keras.mixed_precision.LossScaleOptimizer(optimizer)


def scale_loss(optimizer: keras.optimizers.Optimizer, loss: tf.Tensor) -> tf.Tensor:
    """The loss to differentiate: times the loss scale if the optimizer is `loss_scaled`."""
    if not is_loss_scaled(optimizer):
        return loss
    return loss * tf.cast(_loss_scale(optimizer), loss.dtype)


def unscale_gradients(
    optimizer: keras.optimizers.Optimizer, gradients: Sequence[tf.Tensor | None]
) -> list[tf.Tensor | None]:
    """Gradients of the loss from those of `scale_loss`; input of `apply_gradients`."""
    if not is_loss_scaled(optimizer):
        return list(gradients)
    if not KERAS3:
        return optimizer.get_unscaled_gradients(gradients)
    return _times(gradients, 1.0 / _loss_scale(optimizer))


def _loss_scale(optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
    if not KERAS3:
        optimizer.get_scaled_loss(tf.constant(0.0))  # Keras 2.15 warns if nothing was scaled.
        return tf.convert_to_tensor(optimizer.loss_scale)
    return tf.convert_to_tensor(optimizer.scale_loss(tf.constant(1.0)))


def _times(gradients: Sequence[tf.Tensor | None], factor: tf.Tensor) -> list[tf.Tensor | None]:
    return [None if gradient is None else gradient * factor for gradient in gradients]


# --- optimizers -----------------------------------------------------------------------------


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | None],
    variables: Sequence[Any],
) -> None:
    """Applies gradients (unscaled ones) to variables, summed over the replicas.

    A `loss_scaled` optimizer skips the step on all replicas when one replica's gradients are
    not finite.
    """
    if KERAS3 and is_loss_scaled(optimizer):
        # Keras 3 divides by the scale itself, and checks finiteness on one replica only.
        gradients = _times(_spread_not_finite(gradients), _loss_scale(optimizer))
    optimizer.apply_gradients(list(zip(gradients, variables)))


def _spread_not_finite(gradients: Sequence[tf.Tensor | None]) -> list[tf.Tensor | None]:
    """Makes all gradients NaN on every replica if any gradient of any replica is not finite."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return list(gradients)
    tensors = [tf.convert_to_tensor(g) for g in gradients if g is not None]
    finite = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in tensors]
    broken = context.all_reduce("SUM", 1.0 - tf.cast(tf.reduce_all(finite), tf.float32))
    poison = tf.where(broken > 0.0, float("nan"), 0.0)
    return [None if g is None else g + tf.cast(poison, g.dtype) for g in gradients]


def build_optimizer(optimizer: keras.optimizers.Optimizer, variables: Sequence[Any]) -> None:
    """Creates every variable of the optimizer, so that a checkpoint restores all of them."""
    optimizer.build(list(variables))


def optimizer_variables(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """The optimizer's state: counter, slots and, if there is one, the loss scale."""
    variables = list(optimizer.variables)
    if is_loss_scaled(optimizer) and not KERAS3:
        variables += [optimizer._loss_scale.current_loss_scale, optimizer.dynamic_counter]
    return variables


def adam_slots(
    optimizer: keras.optimizers.Optimizer, variable: Any
) -> tuple[tf.Variable, tf.Variable]:
    """First and second moment that a built Adam keeps for a variable, as TensorFlow variables."""
    if KERAS3:
        index = optimizer._get_variable_index(variable)
    else:
        index = optimizer._index_dict[optimizer._var_key(variable)]
    slots = optimizer._momentums[index], optimizer._velocities[index]
    return tensor_variable(slots[0]), tensor_variable(slots[1])


def reset_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Brings a built optimizer back to its first step: its counter and moments become 0.

    The learning rate and a loss scale stay as they are. To be called outside of graphs.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = tensor_variable(inner._learning_rate) if not follows_schedule(inner) else None
    for variable in map(tensor_variable, inner.variables):
        if variable is not rate:
            variable.assign(tf.zeros_like(variable))


def follows_schedule(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the learning rate is a function of the optimizer's counter."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return callable(inner._learning_rate)


def get_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """The current learning rate, also of a schedule and through `loss_scaled`."""
    return float(tf.convert_to_tensor(optimizer.learning_rate))


def set_learning_rate(optimizer: keras.optimizers.Optimizer, value: float) -> None:
    """Sets the learning rate, also through `loss_scaled`.

    Raises:
        InputError: the optimizer follows a schedule.
    """
    learning_rate_variable(optimizer).assign(float(value))


def learning_rate_variable(optimizer: keras.optimizers.Optimizer) -> tf.Variable:
    """The variable that holds the learning rate, also of a `loss_scaled` optimizer.

    Raises:
        InputError: the optimizer follows a schedule.
    """
    plain = optimizer.inner_optimizer if is_loss_scaled(optimizer) else optimizer
    if not hasattr(plain._learning_rate, "assign"):
        raise InputError(
            f"the learning rate of {optimizer.name!r} follows a schedule and cannot be set; "
            "build the optimizer with a number"
        )
    return tensor_variable(plain._learning_rate)


# --- distribution ---------------------------------------------------------------------------


def tensor_variable(variable: Any) -> tf.Variable:
    """The TensorFlow variable behind a Keras variable (Keras 2.15's are TensorFlow's own)."""
    return variable if isinstance(variable, tf.Variable) else variable.value


def saved_variables(trackable: Any) -> list[tf.Variable]:
    """All variables that `tf.train.Checkpoint` saves with an object, each once."""
    kinds = (tf.Variable, keras.Variable) if KERAS3 else (tf.Variable,)
    parts = tf.train.TrackableView(trackable).descendants()
    variables = [tensor_variable(part) for part in parts if isinstance(part, kinds)]
    return list({id(variable): variable for variable in variables}.values())


def own_weights(model: keras.Model) -> list[Any]:
    """The weights of a model that belong to no layer inside it."""
    if KERAS3:
        return [*model._trainable_variables, *model._non_trainable_variables]
    return [*model._trainable_weights, *model._non_trainable_weights]


def log_value(value: tf.Tensor) -> tf.Tensor:
    """A scalar that `train_step` returns, in the form in which `fit` reports its mean.

    Keras 2.15 sums what the replicas return. Keras 3 takes the mean, but over several workers
    along axis 0, which a scalar does not have.

    Args:
        value: this replica's value.

    Returns:
        The value for the logs: a scalar, or `(1,)` with several workers on Keras 3.
    """
    strategy = tf.distribute.get_strategy()
    if not KERAS3:
        on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)  # reports the first replica
        return value if on_tpu else value / strategy.num_replicas_in_sync
    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    if several and strategy.extended._in_multi_worker_mode():
        return tf.reshape(value, (1,))
    return value
