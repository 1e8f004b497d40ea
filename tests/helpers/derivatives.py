"""Derivatives of a layer's function, to compare with those of another one."""

import tensorflow as tf


def values_and_derivatives(call, inputs, kernel):
    """Output, gradients of sum(out^3), and the kernel's gradient of a penalty on the inputs'."""
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([inputs, kernel])
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = call(inputs, kernel)
            total = tf.reduce_sum(outputs**3)
        slope = inner.gradient(total, inputs)
        penalty = tf.reduce_sum(slope**2)
    return [outputs, *outer.gradient(total, [inputs, kernel]), outer.gradient(penalty, kernel)]
