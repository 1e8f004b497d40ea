"""Checkpoints that survive a kill, a power cut, a full disk and a damaged file."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from tfgan_suite.errors import InputError
from tfgan_suite.training import checkpoint_files, strategies
from tfgan_suite.training.callbacks import EverySteps
from tfgan_suite.training.checkpoint_files import CheckpointFiles
from tfgan_suite.training.health import Health, first_not_finite
from tfgan_suite.utils import files


class NotFiniteError(InputError):
    """A game with numbers that are not finite was to be saved; nothing was written."""


class Checkpoints:
    """The checkpoints of one game in one folder: networks, averaged networks, optimizers, counters.

    A checkpoint is written into a folder of its own, synced to disk, and moved to its place, the
    index last. So a kill or a power cut at any moment leaves the previous one valid. All numbers
    in it are finite.

    Args:
        game: a compiled game.
        folder: where they are stored.
        keep: how many are kept; older ones are deleted.
        log: receives messages for the user.

    Attributes:
        last_good: step of the newest checkpoint that this object saved or restored, or None.
    """

    def __init__(
        self,
        game: keras.Model,
        folder: str | os.PathLike,
        keep: int = 3,
        log: Callable[[str], None] = print,
    ):
        self.game, self.keep, self.log = game, keep, log
        strategy = game.distribute_strategy or tf.distribute.get_strategy()
        self.chief = strategies.is_chief(strategy)
        self.home = Path(folder)
        # Every worker takes part in saving; what the others write is discarded.
        self.folder = self.home if self.chief else Path(f"{folder}_worker{os.getpid()}")
        self.last_good: int | None = None
        self._checkpoint = tf.train.Checkpoint(game=game)

    def save(self) -> Path:
        """Saves the game at its step, unless that checkpoint was just saved or restored.

        Returns:
            Path prefix of the checkpoint.

        Raises:
            NotFiniteError: a number in the game is not finite.
            InputError: the disk is full or the folder is not writable; the last good checkpoint is
                still there.
        """
        step = int(self.game.steps.numpy())
        prefix = self.home / f"ckpt-{step}"
        if step == self.last_good and not checkpoint_files.find_damage(prefix):
            return prefix
        problem = first_not_finite(self.game)
        if problem:
            raise NotFiniteError(f"{problem} holds numbers that are not finite")
        staged = self.folder / f".saving-{step}"
        try:
            self._write(staged, prefix.name)
            if self.chief:
                self._publish(staged, prefix)
            self.last_good = step
        except (tf.errors.OpError, OSError) as error:
            shutil.rmtree(staged, ignore_errors=True)
            raise InputError(
                f"the checkpoint of step {step} could not be written to {self.home}"
                f" ({files.failure_reason(error)}{files.free_space(self.home)}); {self.outlook()};"
                " free some space or check the folder's permissions, then run the same command"
                " again to resume"
            ) from error
        finally:
            if not self.chief:
                shutil.rmtree(self.folder, ignore_errors=True)
        return prefix

    def outlook(self) -> str:
        """Which checkpoint a resumed run would start from, for messages."""
        if self.last_good is None:
            return "there is no good checkpoint yet"
        return f"the last good checkpoint is ckpt-{self.last_good} in {self.home}"

    def restore(self) -> int:
        """Restores the newest checkpoint that is intact.

        Returns:
            The step at which it was saved; 0 if there is none.

        Raises:
            InputError: there are checkpoints, but none is intact and fits the game.
        """
        try:
            checkpoints = [c for c in checkpoint_files.scan(self.home) if not c.unfinished]
        except OSError as error:
            raise InputError(
                f"{self.home} cannot be read ({files.failure_reason(error)}); check its permissions"
            ) from error
        reasons: list[str] = []
        for checkpoint in checkpoints:
            problem = self._load(checkpoint)
            if problem:
                reasons.append(f"checkpoint {checkpoint.step} {problem}")
                continue
            self.last_good = int(self.game.steps.numpy())
            if reasons:
                self.log(f"{', '.join(reasons)}: going on from {checkpoint.step}")
            return self.last_good
        # The state file is written after the first checkpoint, so there was one.
        if not reasons and (self.home / checkpoint_files.STATE).exists():
            reasons = ["their files are missing"]
        if reasons:
            raise InputError(
                f"no checkpoint in {self.home} can be restored ({', '.join(reasons)}); put intact"
                " files there, or start again with another --run"
            )
        return 0

    def tidy(self) -> None:
        """Removes what an interrupted save left behind; only the process that trains may do so."""
        if not self.chief:
            return
        for checkpoint in checkpoint_files.scan(self.home):
            if checkpoint.unfinished:
                _delete(checkpoint)
        leftovers = [path for path, _ in checkpoint_files.unfinished_saves(self.home)]
        if self.home.parent.is_dir():
            leftovers += self.home.parent.glob(f"{self.home.name}_worker[0-9]*")
        for path in leftovers:
            shutil.rmtree(path, ignore_errors=True)
        (self.home / f"{checkpoint_files.STATE}{files.PART}").unlink(missing_ok=True)

    def _load(self, checkpoint: CheckpointFiles) -> str:
        """Restores a checkpoint; returns what is wrong with it."""
        if checkpoint.damage:
            return f"is damaged ({checkpoint.damage})"
        name = checkpoint.prefix.name
        try:
            with files.plain_path(self.home) as folder:
                self._checkpoint.read(f"{folder}/{name}").assert_existing_objects_matched()
        except tf.errors.OpError as error:
            return f"is damaged ({name}: {files.failure_reason(error)})"
        except Exception as error:  # what does not fit the game raises all kinds of errors
            return f"cannot be used ({name}: {files.failure_reason(error)})"
        step = int(self.game.steps.numpy())
        if step != checkpoint.step:  # restored again and again, it would undo what is trained
            return f"cannot be used ({name} is a copy of ckpt-{step})"
        problem = first_not_finite(self.game)
        return f"cannot be used ({problem} holds numbers that are not finite)" if problem else ""

    def _write(self, staged: Path, name: str) -> None:
        shutil.rmtree(staged, ignore_errors=True)
        # A run folder that is gone stays so: it is not created anew without its other files.
        self.folder.mkdir(exist_ok=True)
        staged.mkdir()
        with files.plain_path(staged) as folder:
            self._checkpoint.write(f"{folder}/{name}")

    def _publish(self, staged: Path, prefix: Path) -> None:
        """Moves a checkpoint to its place, the index last, and deletes what it supersedes."""
        files.sync_tree(staged)
        damage = checkpoint_files.find_damage(staged / prefix.name)
        if damage:
            raise OSError(damage)
        step = int(prefix.name.rpartition("-")[2])
        # A damaged checkpoint of the same step must never mix with this one.
        prefix.with_name(f"{prefix.name}.index").unlink(missing_ok=True)
        for path in sorted(staged.iterdir(), key=lambda path: path.suffix == ".index"):
            os.replace(path, self.home / path.name)
        files.sync_folder(self.home)
        self.last_good = step
        staged.rmdir()
        # The folders above may be as new as the checkpoint.
        for parent in self.home.absolute().parents[:2]:
            with contextlib.suppress(PermissionError):
                files.sync_folder(parent)
        checkpoints = [c for c in checkpoint_files.scan(self.home) if c.step <= step]
        kept = [c for c in checkpoints if not c.damage][: self.keep]
        self._write_state(kept)
        for checkpoint in checkpoints:
            if checkpoint not in kept:
                _delete(checkpoint)

    def _write_state(self, kept: list[CheckpointFiles]) -> None:
        """Names the checkpoints in TensorFlow's state file, for programs that read it."""
        lines = [f'model_checkpoint_path: "{kept[0].prefix.name}"']
        lines += [f'all_model_checkpoint_paths: "{c.prefix.name}"' for c in reversed(kept)]
        content = "".join(f"{line}\n" for line in lines)
        files.write_bytes(self.home / checkpoint_files.STATE, content.encode())


class SaveEvery(EverySteps):
    """Saves a checkpoint at every multiple of a number of steps, unless the run is stopping.

    Args:
        checkpoints: where they are saved.
        every: number of steps.
        health: stops the run where a number is not finite and the game cannot be saved.

    Attributes:
        check_folder: called before each save; raises an error where nothing must be written.
    """

    def __init__(self, checkpoints: Checkpoints, every: int, health: Health):
        super().__init__(every)
        self.checkpoints, self.health = checkpoints, health
        self.check_folder: Callable[[], None] = lambda: None

    def act(self, step: int, logs: object) -> None:
        if not self.model.stop_training:
            self.save(step)

    def save(self, step: int) -> None:
        """Saves now, or says why the game cannot be saved."""
        self.check_folder()
        try:
            self.checkpoints.save()
        except NotFiniteError as error:
            self.health.stop(step, str(error))


def _delete(checkpoint: CheckpointFiles) -> None:
    for path in checkpoint.files:
        path.unlink(missing_ok=True)
