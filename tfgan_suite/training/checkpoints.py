"""Checkpoints that survive a kill, a full disk and a damaged file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.training import strategies
from tfgan_suite.training.callbacks import EverySteps


class Checkpoints:
    """The checkpoints of one game in one folder: networks, averaged networks, optimizers, counters.

    A checkpoint counts only once its files are complete and the state file names it, so a kill at
    any moment leaves the previous one valid.

    Args:
        game: a compiled game.
        folder: where they are stored.
        keep: how many are kept; older ones are deleted.
        log: receives messages for the user.
    """

    def __init__(
        self,
        game: keras.Model,
        folder: str | os.PathLike,
        keep: int = 3,
        log: Callable[[str], None] = print,
    ):
        self.game, self.log = game, log
        strategy = game.distribute_strategy or tf.distribute.get_strategy()
        self.chief = strategies.is_chief(strategy)
        # Every worker takes part in saving; what the others write is discarded.
        self.folder = Path(folder) if self.chief else Path(f"{folder}_worker{os.getpid()}")
        self.home = Path(folder)
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(game=game), str(self.folder), max_to_keep=keep
        )

    def save(self) -> str:
        """Saves the game at its step.

        Returns:
            Path prefix of the checkpoint.

        Raises:
            InputError: the disk is full or the folder is not writable; the last good checkpoint is
                still there.
        """
        step = int(self.game.steps.numpy())
        last = self._manager.latest_checkpoint
        try:
            return self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            self._clear_unfinished()
            previous = f"the last one, {Path(last).name}, is kept" if last else "there is none yet"
            raise InputError(
                f"the checkpoint of step {step} could not be written to {self.home}"
                f" ({_free(self.home)} MiB free on its disk; {_reason(error)}); {previous}; free"
                " some space or check the folder's permissions, then run the same command again to"
                " resume"
            ) from error
        finally:
            if not self.chief:
                shutil.rmtree(self.folder, ignore_errors=True)

    def restore(self) -> int:
        """Restores the newest checkpoint that can be read.

        Returns:
            The step at which it was saved; 0 if there is none.

        Raises:
            InputError: there are checkpoints, but none fits the game or can be read.
        """
        state = tf.train.get_checkpoint_state(str(self.home))
        paths = list(state.all_model_checkpoint_paths) if state else []
        if self.chief:
            self._clear_unfinished()
        reasons = []
        for path in reversed(paths):
            path = str(self.home / Path(path).name)
            try:
                status = self._manager.checkpoint.restore(path)
                status.assert_existing_objects_matched()
            except Exception as error:  # damaged files raise all kinds of errors
                reasons.append(f"{Path(path).name}: {_reason(error)}")
                continue
            if reasons:
                self.log(f"skipped unreadable checkpoints ({'; '.join(reasons)})")
            return int(self.game.steps.numpy())
        if reasons:
            raise InputError(
                f"no checkpoint in {self.home} can be restored ({'; '.join(reasons)});"
                " start again with another --run"
            )
        return 0

    def _clear_unfinished(self) -> None:
        """Removes what an interrupted or failed save left behind."""
        complete = {Path(path).name for path in self._manager.checkpoints}
        for path in self.folder.glob("ckpt-*"):
            prefix = path.name.split(".")[0].split("_temp")[0]
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif prefix not in complete:
                path.unlink(missing_ok=True)


class SaveEvery(EverySteps):
    """Saves a checkpoint at every multiple of a number of steps, unless the run is stopping.

    Args:
        checkpoints: where they are saved.
        every: number of steps.
    """

    def __init__(self, checkpoints: Checkpoints, every: int):
        super().__init__(every)
        self.checkpoints = checkpoints

    def act(self, step: int, logs: object) -> None:
        if not self.model.stop_training:
            self.checkpoints.save()


def _free(folder: Path) -> str:
    try:
        return str(shutil.disk_usage(folder).free // 2**20)
    except OSError:
        return "unknown"


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:200]
