"""The expert of a Wav2Lip run: its gate, its copy in the run folder, the sync weight's switch."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgan_suite import compat
from tfgan_suite.core.frozen_expert import FrozenExpert
from tfgan_suite.data.readers import npz_files
from tfgan_suite.errors import InputError
from tfgan_suite.networks.talking import (
    FRAMES,
    MEL_SHAPE,
    build_sync_audio_encoder,
    build_sync_face_encoder,
)
from tfgan_suite.training import naming
from tfgan_suite.training.callbacks import EverySteps
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils.files import append_json, write_bytes, writing_to
from tfgan_suite.utils.text import describe

# Where a run keeps its expert, so that it goes on when the expert's own run changes or is deleted.
COPY = "expert.npz"
RECIPE = "recipes/syncnet.py"


def default_expert(name: str) -> str:
    """The run folder that the expert's recipe makes of data with a short name."""
    return naming.default_run(Path(RECIPE).stem, name)


def read_expert(
    source: str | Path, size: int, data: str, precision: str = "float32"
) -> FrozenExpert:
    """Opens the expert of a trained SyncNet.

    Args:
        source: its run folder.
        size: height and width of the frames that it must take.
        data: the data of this run, for the command that trains an expert.
        precision: that of this run, restored after the other one was opened.

    Returns:
        The expert, frozen.

    Raises:
        InputError: it is no such run, or its networks take other frames or other mel windows.
    """
    if not Path(source).is_dir():
        raise InputError(
            f"Wav2Lip learns from a trained lip-sync expert, and {source} is not there; train an"
            f" expert (python {RECIPE} --data {data}), or pass its run folder as --expert"
        )
    try:
        game, _, _ = Run(source).load(recalibrate=False)
    finally:
        compat.set_precision(precision)
    networks = [getattr(game, name, None) for name in ("face_encoder", "audio_encoder")]
    if None in networks:
        raise InputError(
            f"--expert {source} is a run of {type(game).__name__}; expected one of {RECIPE}"
        )
    return check_shapes(FrozenExpert(*networks), source, size)


def check_shapes(expert: FrozenExpert, source: str | Path, size: int) -> FrozenExpert:
    """The expert, if it takes frames of a size and the mel windows of the data.

    Raises:
        InputError: it does not.
    """
    height, width, channels = expert.video_shape
    if (height, width) != (size // 2, size):
        raise InputError(
            f"the expert {source} judges frames of {width}x{width} pixels, this run has"
            f" {size}x{size}; pass --size {width}, or train an expert with --size {size}"
        )
    mel = tuple(expert.audio_encoder.inputs[0].shape[1:])
    if channels != 3 * FRAMES or mel != MEL_SHAPE:
        raise InputError(
            f"the expert {source} hears mel windows of {mel} and sees {channels // 3} frames;"
            f" expected {MEL_SHAPE} and {FRAMES}: train one with {RECIPE}"
        )
    return expert


def held_out_loss(expert: FrozenExpert, source: Any, count: int = 256) -> float:
    """The expert's cross-entropy on held-out windows, half of them out of sync.

    Args:
        expert: the expert.
        source: data of the task "sync".
        count: windows.
    """
    examples = source.held_out(count)
    frames = np.asarray(examples["frames"], np.float32) * 0.5 + 0.5
    lower = frames[:, :, frames.shape[2] // 2 :]
    video = lower.transpose(0, 2, 3, 1, 4).reshape(len(lower), *expert.video_shape)
    mel, parts = np.asarray(examples["mel"], np.float32), []
    for start in range(0, len(mel), 64):
        parts.append(expert(video[start : start + 64], mel[start : start + 64]).numpy())
    return float(source.report(examples, np.concatenate(parts))["sync_bce"])


def pass_gate(
    loss: float, bar: float, source: str | Path, anyway: bool, log: Callable[[str], None] = print
) -> None:
    """Lets an expert through whose held-out loss is below a bar, or any where this was asked for.

    Args:
        loss: of `held_out_loss`.
        bar: that it has to be below.
        source: the expert's run folder, for messages.
        anyway: whether to start with a worse one.
        log: receives a line.

    Raises:
        InputError: the expert is worse and `anyway` is false.
    """
    figure = f"the expert {source} has a held-out loss of {loss:.3f} (0.693 knows nothing)"
    if loss < bar:
        log(f"{figure}, below {bar}")
    elif anyway:
        log(
            f"warning: {figure}, not below {bar}; starting anyway, as requested: expect mouths that"
            " follow the reference frame and not the sound"
        )
    else:
        raise InputError(
            f"{figure}, not below {bar}: the generator would copy the reference's mouth; train it"
            f" longer (python {RECIPE} --run {source} --steps ...), or pass --start-anyway"
        )


def save_copy(expert: FrozenExpert, run: Path) -> None:
    """Keeps an expert in the run folder."""
    arrays = {
        f"{part}_{index:03}": weight
        for part, network in (("face", expert.face_encoder), ("audio", expert.audio_encoder))
        for index, weight in enumerate(network.get_weights())
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    with writing_to(run):
        write_bytes(run / COPY, content.getvalue())


def read_copy(run: Path, size: int) -> FrozenExpert:
    """The expert that `save_copy` kept.

    Raises:
        InputError: it cannot be read, or is of another size.
    """
    path = run / COPY
    names = sorted(npz_files.array_names(path))
    arrays = dict(zip(names, npz_files.read_arrays(path, names)))
    parts = [
        [arrays[name] for name in names if name.startswith(part)] for part in ("face", "audio")
    ]
    try:
        width = int(parts[0][0].shape[-1])
        networks = [build_sync_face_encoder(size, width), build_sync_audio_encoder(width)]
        for network, weights in zip(networks, parts):
            network.set_weights(weights)
    except (IndexError, ValueError, InputError) as error:
        raise InputError(
            f"{path} does not hold an expert for frames of {size}x{size} ({describe(error)}); put"
            " back the one that this run was started with, or pass another --run"
        ) from None
    return FrozenExpert(*networks)


class SyncSwitch(EverySteps):
    """Evaluates the expert's loss, and switches the sync weight on when it is low enough.

    Args:
        examples: a batch of held-out data.
        every: steps between two evaluations.
        path: file of JSON lines that receives each loss and weight.
        log: receives a line when the weight is switched on.
    """

    def __init__(
        self,
        examples: Mapping[str, np.ndarray],
        every: int,
        path: str | Path,
        log: Callable[[str], None] = print,
    ):
        super().__init__(every)
        self.examples, self.path, self.log = examples, Path(path), log

    def act(self, step: int, logs: Mapping[str, float]) -> None:
        game = self.model
        loss = game.evaluate_sync(self.examples)
        switched = game.switch_sync_on(loss)
        if not self.chief:
            return
        weight = float(game.current_sync_weight.numpy())
        append_json(self.path, {"step": step, "sync_loss": loss, "sync_weight": round(weight, 6)})
        if switched:
            self.log(
                f"\nstep {step}: the expert's loss on held-out frames is {loss:.3f}, below"
                f" {game.sync_threshold}: its term now has the weight {weight:g}"
            )
