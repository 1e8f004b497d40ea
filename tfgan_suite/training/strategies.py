"""Where a game is trained: on one device, all devices of a host, several hosts, or a TPU."""

from __future__ import annotations

import os

import tensorflow as tf

from tfgan_suite.errors import InputError, must_be
from tfgan_suite.training.options import STRATEGIES
from tfgan_suite.utils.json_files import COUNT, parse_json
from tfgan_suite.utils.text import message_of


def get(name: str) -> tf.distribute.Strategy:
    """Creates a distribution strategy. Call it before TensorFlow has run anything.

    Args:
        name: `"one"`: one device. `"mirrored"`: every GPU of this host (without GPUs: every
            logical CPU device; `"mirrored:2"` creates two of them, for testing).
            `"multiworker"`: several hosts, each started with its own `TF_CONFIG`.
            `"tpu"`: the TPU named by `TPU_NAME`, or that of this host.

    Returns:
        The strategy.

    Raises:
        InputError: the name is unknown, or there is no `TF_CONFIG` or no TPU.
    """
    kind, _, count = name.partition(":")
    if kind not in STRATEGIES or (count and (kind != "mirrored" or not count.isdigit())):
        raise InputError(f"strategy {name!r} is unknown; {must_be(kind, STRATEGIES)}")
    if kind == "mirrored":
        return _mirrored(int(count or 0))
    if kind == "multiworker":
        return _multiworker()
    if kind == "tpu":
        return _tpu()
    return tf.distribute.get_strategy()


def has_workers(strategy: tf.distribute.Strategy | None) -> bool:
    """Whether this process is one of several that train together."""
    resolver = None if strategy is None else strategy.cluster_resolver
    return bool(resolver and getattr(resolver, "task_type", None))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files of the run; a single one of several workers does."""
    resolver = strategy.cluster_resolver
    if not resolver or not getattr(resolver, "task_type", None):
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker"
        and resolver.task_id == 0
        and "chief" not in resolver.cluster_spec().jobs
    )


def _mirrored(count: int) -> tf.distribute.Strategy:
    if tf.config.list_physical_devices("GPU"):
        available = len(tf.config.list_physical_devices("GPU"))
        if count > available:
            raise InputError(
                f"mirrored:{count} needs {count} GPUs, this host has {available}; use mirrored"
                " without a number for all of them"
            )
        devices = [f"GPU:{i}" for i in range(count or available)]
        return tf.distribute.MirroredStrategy(devices)
    if count:
        cpu = tf.config.list_physical_devices("CPU")[0]
        try:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * count
            )
        except RuntimeError:  # already initialized: use the existing devices
            pass
    logical = [device.name for device in tf.config.list_logical_devices("CPU")]
    if count > len(logical):
        raise InputError(
            f"mirrored:{count} needs {count} logical CPU devices, but TensorFlow has already"
            f" started with {len(logical)}; choose the strategy first"
        )
    return tf.distribute.MirroredStrategy(logical[: count or None])


def _multiworker() -> tf.distribute.Strategy:
    example = (
        '{"cluster": {"worker": ["host1:2222", "host2:2222"]},'
        ' "task": {"type": "worker", "index": 0}}'
    )
    task = {"type": str, "index": COUNT}
    config = parse_json(
        os.environ.get("TF_CONFIG", ""),
        "TF_CONFIG, which strategy multiworker reads,",
        {"cluster": {str: [str]}, "task": task},
        advice=f"set it on every host, e.g. {example}",
    )
    kind, index = config["task"]["type"], config["task"]["index"]
    if index >= len(config["cluster"].get(kind, ())):
        raise InputError(
            f"TF_CONFIG names this host's task {kind}:{index}, but its cluster has"
            f" {len(config['cluster'].get(kind, ()))} of type {kind}; set it on every host, e.g."
            f" {example}"
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, TypeError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"strategy multiworker cannot start with this TF_CONFIG ({message_of(error)}); set it"
            f" on every host, e.g. {example}"
        ) from error


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
            tpu=os.environ.get("TPU_NAME", "")
        )
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, KeyError, tf.errors.OpError) as error:
        raise InputError(
            "strategy tpu found no TPU"
            f" ({str(error).splitlines()[0][:200] if str(error) else type(error).__name__});"
            " run on a TPU host, set TPU_NAME, or choose --strategy one or mirrored"
        ) from None
    return tf.distribute.TPUStrategy(resolver)
