"""Fits a game in a run folder, from step 0 or from the newest checkpoint."""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.training import best, callbacks, executions, measuring, run_page, strategies
from tfgan_suite.training.checkpoints import Checkpoints, SaveEvery
from tfgan_suite.training.folder_watch import FolderWatch, remove_parts
from tfgan_suite.training.health import Health
from tfgan_suite.training.run_folder import Run
from tfgan_suite.training.sample_grids import SampleGrid
from tfgan_suite.utils.files import plain_path, writing_to


def train(
    run: Run,
    game: keras.Model,
    source: data.Source,
    options: types.SimpleNamespace,
    extra: Iterable[keras.callbacks.Callback] = (),
    log: Callable[[str], None] = print,
) -> Health:
    """Fits the game up to `options.steps`, from the newest checkpoint if there is one.

    Args:
        run: an opened run.
        game: a compiled game.
        source: the data.
        options: constants; `steps`, `batch`, `seed`, `log_every` (steps of one epoch of the
            progress bar, and between two log lines and grids), `checkpoint_every`, and
            `steps_per_execution` (see `executions.choose`).
        extra: additional callbacks.
        log: receives messages for the user.

    Returns:
        The health callback. If its `fatal` is set, training stopped at a NaN, which no checkpoint
        holds; it says which the last good checkpoint is.

    Raises:
        InputError: a checkpoint cannot be written, or none can be restored; or the run folder was
            deleted during training.
        KeyboardInterrupt: the user or the system asked to stop; a checkpoint was saved.
    """
    checkpoints = Checkpoints(game, run.folder / "checkpoints", log=log)
    start = checkpoints.restore()
    if start:
        log(f"resuming from step {start} of {options.steps} in {run.folder}")
    stop = _StopOnSignal()
    with contextlib.ExitStack() as stack:
        writer = _prepare(run, start, checkpoints, stack) if checkpoints.chief else None
        health, grid = _watch(run, game, source, options, writer, log)
        measuring_too = _measuring(run, game, source, options, writer, log)
        loss_log = callbacks.LossLog(run.folder / "losses.jsonl", options.log_every, writer)
        saving = SaveEvery(checkpoints, options.checkpoint_every, health)
        page = run_page.RunPage(run.folder, options.checkpoint_every, log)
        # Saving comes after what a checkpoint covers, which must be on disk before it.
        watching = [health, *measuring_too, grid, loss_log, *extra, saving, page, stop]
        if checkpoints.chief:
            folder_watch = FolderWatch(run, game)
            saving.check_folder = folder_watch.check
            watching.insert(0, folder_watch)
            stack.enter_context(folder_watch.rescuing(checkpoints.save))
        executions.choose(game, options, source.shape, watching, log)
        with stop.listening(), writing_to(run.folder), without_timing_advice():
            _fit(game, source, options, watching)
            step = int(game.steps.numpy())
            if health.fatal is None and step > start:
                saving.save(step)
            if checkpoints.chief:
                page.set_model(game)
                page.write(step)
    if health.fatal:
        health.fatal += f"; {checkpoints.outlook()}"
    elif stop.requested:
        raise KeyboardInterrupt(f"stopped at step {step}{', which is saved' if step else ''}")
    return health


def _prepare(
    run: Run, start: int, checkpoints: Checkpoints, stack: contextlib.ExitStack
) -> tf.summary.SummaryWriter:
    """Removes what an interrupted start left and what will be repeated; opens TensorBoard's log."""
    with writing_to(run.folder):
        checkpoints.tidy()
        remove_parts(run.folder)
        run.drop_after(start)
        writer = tf.summary.create_file_writer(
            stack.enter_context(plain_path(run.folder)) + "/logs"
        )
    return writer


def _watch(
    run: Run,
    game: keras.Model,
    source: data.Source,
    options: types.SimpleNamespace,
    writer: tf.summary.SummaryWriter | None,
    log: Callable[[str], None],
) -> tuple[Health, SampleGrid]:
    """Health and sample grids, always of the same examples of the data."""
    examples = source.take(min(game.health_examples, len(source)), seed=options.seed)
    return (
        Health(
            options.log_every,
            log,
            examples,
            oracle=source.report,
            record=functools.partial(run_page.record_warning, run.folder) if writer else None,
        ),
        SampleGrid(
            run.folder / "samples",
            options.log_every,
            examples=preview_examples(game, source, options.seed),
            writer=writer,
        ),
    )


def _measuring(
    run: Run,
    game: keras.Model,
    source: data.Source,
    options: types.SimpleNamespace,
    writer: tf.summary.SummaryWriter | None,
    log: Callable[[str], None],
) -> list[keras.callbacks.Callback]:
    """The time of a step, and what `--measure-every` asks for."""
    watching: list[keras.callbacks.Callback] = []
    if writer is not None:
        watching.append(callbacks.StepTime(options.log_every, writer))
    measure = measuring.create(source, options)
    if measure is not None:
        # Saving takes all workers, and only this one knows which step was the best.
        alone = not strategies.has_workers(game.distribute_strategy)
        watching.append(
            callbacks.MeasureEvery(
                measure,
                options.measure_every,
                run.folder / "measures.jsonl",
                writer=writer,
                offer=best.Best(run.folder, game, log).offer if alone else None,
                log=log,
            )
        )
    return watching


def preview_examples(game: keras.Model, source: data.Source, seed: int) -> dict[str, Any]:
    """The examples that a game's sample grids show.

    Args:
        game: the game.
        source: the data.
        seed: seed of the choice.

    Returns:
        A batch of `game.preview_count` examples, or of all if the data has fewer; of games that
        ask for it those of the test split.
    """
    count = game.preview_count(source.shape)
    if game.previews_held_out and hasattr(source, "held_out"):
        with contextlib.suppress(InputError):  # the data have no test split
            return source.held_out(count)
    return source.take(min(count, len(source)), seed=seed)


def _fit(
    game: keras.Model,
    source: data.Source,
    options: types.SimpleNamespace,
    watching: list[keras.callbacks.Callback],
) -> None:
    """Calls `fit` for an interrupted epoch, for whole epochs, and for a partial one at the end.

    Where the batch changes, an epoch is interrupted, too.
    """
    epoch_steps, last, per_call = options.log_every, options.steps, game.steps_per_call
    strategy = game.distribute_strategy or tf.distribute.get_strategy()
    step = int(game.steps.numpy())
    game.stop_training = False
    game.checks_examples = False  # a source's images are in [-1, 1]
    while step < last and not game.stop_training:
        epoch, inside = divmod(step, epoch_steps)
        batch, start, limit = game.batch_plan(options.batch)
        remaining = last - step if limit is None else min(last - step, limit)
        full_epochs = remaining // epoch_steps
        if step % per_call:  # stopped with another number of steps in a call
            epochs, steps = 1, min(per_call - step % per_call, remaining)
        elif inside or not full_epochs:
            epochs, steps = 1, min(epoch_steps - inside, remaining)
        else:
            epochs, steps = full_epochs, epoch_steps
        if inside:
            game.continue_epoch()
        batches = data.distribute(
            source,
            strategy,
            batch,
            seed=options.seed,
            start=start,
            horizontal_flip=getattr(options, "horizontal_flip", False),
            # The last call is a short one: it ends where the data do.
            count=steps if steps % per_call else None,
        )
        game.fit(
            batches,
            initial_epoch=epoch,
            epochs=epoch + epochs,
            steps_per_epoch=steps,
            callbacks=watching,
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 2,
        )
        step = int(game.steps.numpy())


@contextlib.contextmanager
def without_timing_advice() -> Iterator[None]:
    """Within it Keras 2 does not warn that callbacks are slow: it judges by the first five steps.

    In those, health remembers the weights once, and the learning rates of many steps are computed.
    """

    def is_other(record: logging.LogRecord) -> bool:
        return "is slow compared to the batch time" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


class _StopOnSignal(keras.callbacks.Callback):
    """Stops training after the current call of the step when the user or the system asks to."""

    def __init__(self) -> None:
        super().__init__()
        self.requested = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.requested:
            self.model.stop_training = True

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        def request(number: int, frame: Any) -> None:
            if self.requested:
                raise KeyboardInterrupt("stopped immediately; the last checkpoint is kept")
            self.requested = True

        before = {}
        with contextlib.suppress(ValueError):  # signals can be caught in the main thread only
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
