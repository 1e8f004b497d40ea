"""The command `doctor`: what this machine has for training, what it lacks, and what that costs."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli.arguments import add_json

if TYPE_CHECKING:
    import numpy as np

# Module, the extra that installs it, and what is lost without it.
OPTIONAL = (
    ("ai_edge_litert", "litert", "TFLite parity is measured with TensorFlow's own interpreter"),
    ("tensorflow_serving", "serving", "exports have no TensorFlow Serving warm-up file"),
    ("scipy", "measures", "no human studies, transport plans, Poisson blending or L-BFGS"),
    ("sklearn", "latent", "no linear probes and no ablation of generators"),
    ("av", "video", "no videos: MP4 files of walks, clips of talking faces, lipsync"),
    ("cv2", "faces", "no faces are found in videos: pass boxes"),
    ("matplotlib", "plots", "recipes/curves.py and recipes/metropolis.py draw no figures"),
    ("torch", "bench", "benchmarks/speed.py has nothing to compare with"),
)
SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    parser.add_argument("--no-train", action="store_true", help="skip the training test")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0, or 1 if training does not work.
    """
    report = examine(train=not args.no_train)
    print(json.dumps(report, indent=2) if args.json else format_report(report))
    return 0 if report["training"]["ok"] is not False else 1


def examine(train: bool = True) -> dict[str, Any]:
    """Checks versions, devices and extras, and trains a small DCGAN for ten seconds.

    Args:
        train: whether to train.

    Returns:
        `{"versions", "stack", "gpus", "tpus", "missing": [{"module", "extra", "cost"}],
        "training": {"ok": True, False or None, ...}}`.
    """
    import tensorflow as tf

    from tfgan_suite import compat
    from tfgan_suite.training.run_folder import versions

    return {
        "versions": {**versions(), **_package_versions()},
        "stack": "Keras 3" if compat.KERAS3 else "addons (Keras 2)",
        "cores": os.cpu_count(),
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        "tpus": [device.name for device in tf.config.list_logical_devices("TPU")],
        "missing": [
            {"module": module, "extra": extra, "cost": cost}
            for module, extra, cost in OPTIONAL
            if importlib.util.find_spec(module) is None
        ],
        "training": _self_test() if train else {"ok": None},
    }


def format_report(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = [f"stack        {report['stack']}"]
    for name, version in report["versions"].items():
        if name not in ("time", "devices"):
            lines.append(f"{name:<20} {version}")
    gpus = ", ".join(report["gpus"]) or "none: training runs on the CPU"
    lines.append(f"cores        {report['cores']}")
    lines.append(f"GPUs         {gpus}")
    if not report["gpus"]:
        lines.append("             with an NVIDIA GPU: pip install -e '.[cuda]'")
    for item in report["missing"]:
        lines.append(
            f"missing      {item['module']}: {item['cost']} (pip install -e '.[{item['extra']}]')"
        )
    training = report["training"]
    if training["ok"] is None:
        lines.append("self-test    skipped")
    elif training["ok"]:
        lines.append(
            f"self-test    trained {training['steps']} steps in {training['seconds']:.1f} s:"
            f" {training['images_per_s']:.0f} images/s (32x32, width 16); losses are finite"
        )
    else:
        lines.append(f"self-test    FAILED: {training['reason']}")
    return "\n".join(lines)


def _package_versions() -> dict[str, str]:
    versions = {}
    for name in ("tensorflow-addons", "tensorflow-io", "tensorflow-datasets", "pillow"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _self_test() -> dict[str, Any]:
    """Trains on images of discs until the time is up."""
    import numpy as np
    import tensorflow as tf

    from tfgan_suite.games import dcgan
    from tfgan_suite.training.optimizers import FusedAdam

    batch, steps = 32, 0
    try:
        game = dcgan.DCGAN(
            dcgan.build_generator(32, 1, 16, 32), dcgan.build_discriminator(32, 1, 16), seed=1
        )
        game.compile(generator=FusedAdam(2e-4, 0.5), discriminator=FusedAdam(2e-4, 0.5))
        data = tf.data.Dataset.from_tensor_slices(_discs(256)).repeat().batch(batch)
        losses, before = {}, game.generate(8)
        game.fit(data, steps_per_epoch=1, verbose=0, shuffle=False)  # the first step compiles
        start = time.monotonic()
        while time.monotonic() - start < SECONDS:
            history = game.fit(data, steps_per_epoch=20, verbose=0, shuffle=False).history
            losses = {name: values[-1] for name, values in history.items()}
            steps += 20
        seconds = time.monotonic() - start
    except Exception as error:  # whatever stops training is the result of the test
        return {"ok": False, "reason": f"{type(error).__name__}: {error}"}
    if not all(np.isfinite(list(losses.values()))):
        return {"ok": False, "reason": f"losses are not finite: {losses}"}
    if np.array_equal(before, game.generate(8)):
        return {"ok": False, "reason": "training did not change the images"}
    rate = steps * batch / seconds
    return {"ok": True, "steps": steps, "seconds": seconds, "images_per_s": rate}


def _discs(count: int) -> np.ndarray:
    """Bright discs of several sizes on black, `(count, 32, 32, 1)` in [-1, 1]."""
    import numpy as np

    random = np.random.RandomState(0)
    radius, x, y = random.uniform([4, 10, 10], [9, 22, 22], (count, 3)).T[:, :, None, None]
    rows, columns = np.mgrid[:32, :32]
    inside = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    return np.where(inside, 0.9, -0.9)[..., None].astype(np.float32)
