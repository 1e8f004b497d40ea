"""Notices that the run folder was deleted or moved during training, and saves what is left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import keras

from tfgan_suite.errors import InputError
from tfgan_suite.training import run_lock, run_recipe
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import files


class FolderDeletedError(InputError):
    """The run folder was deleted or moved."""


class FolderWatch(keras.callbacks.Callback):
    """Stops training when its run folder is gone, and saves the game there once more.

    Training does not go on: whoever deleted the folder may want it gone, and another process may
    start a run of the same name. But hours of training are not lost with the files.

    Args:
        run: the opened run.
        game: the game that is trained in it.
    """

    def __init__(self, run: Run, game: keras.Model):
        super().__init__()
        self.run, self.game = run, game
        # An open folder keeps its number, which a new folder of the same name could get.
        self._folder = None if os.name == "nt" else os.open(run.folder, os.O_RDONLY)
        small = [run.manifest_path, run.folder / "versions.jsonl", *run.folder.rglob("*.py")]
        self._contents = {path: path.read_bytes() for path in small if path.is_file()}

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.check()

    def check(self) -> None:
        """Raises FolderDeletedError if the folder is gone."""
        if self.is_gone():
            raise FolderDeletedError(f"the run folder {self.run.folder} was deleted or moved")

    def is_gone(self) -> bool:
        """Whether the folder is no longer the one in which training started."""
        try:
            status = os.stat(self.run.folder)
            os.stat(self.run.manifest_path)
        except OSError:
            return True
        return not self._is_same(status)

    def _is_same(self, status: os.stat_result) -> bool:
        return self._folder is None or os.path.samestat(status, os.fstat(self._folder))

    @contextlib.contextmanager
    def rescuing(self, save: Callable[[], object]) -> Iterator[None]:
        """Saves the game if the block fails because the folder is gone.

        Args:
            save: writes a checkpoint.

        Raises:
            InputError: the folder is gone; the message says what was saved.
        """
        try:
            yield
        except (OSError, InputError) as error:
            if not self.is_gone():
                raise
            raise InputError(self._rescue(save)) from error
        finally:
            if self._folder is not None:
                os.close(self._folder)

    def _rescue(self, save: Callable[[], object]) -> str:
        folder, step = self.run.folder, int(self.game.steps.numpy())
        reason = f"the run folder {folder} was deleted or moved during training"
        try:
            status = os.stat(folder)
        except OSError:
            status = None
        if status is not None and not self._is_same(status):
            return f"{reason}, and there is a new one; stopped at step {step}, which is not saved"
        try:
            with files.writing_to(folder):
                for path, content in self._contents.items():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    files.write_bytes(path, content)
                save()
        except InputError as error:
            return f"{reason}; stopped at step {step}, which could not be saved there ({error})"
        return (
            f"{reason}; stopped at step {step}, which is saved in a new folder of that name"
            " without earlier logs and samples; run the same command again to resume"
        )


def remove_parts(folder: Path) -> None:
    """Removes files of a run that a kill or a full disk left unfinished.

    Args:
        folder: the run folder; only names that a run writes are removed.
    """
    own = ("*.json", "*.jsonl", "*.py", f"{run_recipe.HELPERS}/**/*.py", f"{run_lock.OWNER}")
    for pattern in (*own, "*.html", "best/*", "samples/*.png", "samples/*.gif"):
        for path in Path(folder).glob(pattern + files.PART):
            path.unlink(missing_ok=True)
    (Path(folder) / "samples" / "training.part.gif").unlink(missing_ok=True)  # of version 0.2
