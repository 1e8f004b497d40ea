"""The base class of every game: two or more players, one optimizer each, one `train_step`.

A game writes its own `train_step`, which reads as the algorithm box of its paper. What is the same
in every game, and easy to get wrong, is here as verbs: `update`, `noise`, `record`, `logs`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import player_optimizers, stateless_noise
from tfgan_suite.core.keras_saving import KerasSaving
from tfgan_suite.core.keras_training import KerasTraining
from tfgan_suite.core.trained_game import TrainedGame, single
from tfgan_suite.errors import InputError
from tfgan_suite.utils import rate_schedules, replicas, runtime, schedules
from tfgan_suite.utils.learning_rates import check_learning_rate

Terms = Mapping[str, tf.Tensor]


class AdversarialModel(TrainedGame, KerasSaving, KerasTraining, keras.Model):
    """A game between players, trained by `fit`.

    A subclass gives:

    * `loss_names`: every key that a step reports, as `"player/term"`;
    * `players()`: the networks of each player, e.g. `{"generator": [g], "discriminator": [c]}`;
    * `train_step(batch)`: the algorithm of the paper; it ends with `return self.logs()`;
    * `signatures()`: what the trained generator takes and returns.

    Args:
        seed: seed of all noise that the game draws.
        ema_decays: decay of an exponential moving average of the weights, by player,
            e.g. `{"generator": 0.999}`, or a function from the step counter to it.
            `ema(player)` gives the averaged networks.
        name: Keras name of the model.

    Attributes:
        steps: training steps done, int64 scalar `tf.Variable`. It is saved with the game, and
            everything random is a function of (seed, steps): a resumed run repeats nothing.
        initial_learning_rates: learning rate of each player as given to `compile`.

    A game is saved with `tf.train.Checkpoint(game=game)` after `compile`; that holds networks,
    averages, optimizers, step counter and running means. Keras's `save` and `save_weights` hold
    them too.
    """

    loss_names: tuple[str, ...] = ()
    # Real batches that one train step uses: fit's batch holds this many times `batch` examples.
    batches_per_step: int = 1
    # The learning rates of a `RateSchedule`; None: no callback has one.
    rate_table: rate_schedules.RateTable | None = None

    def __init__(
        self,
        *,
        seed: int = 0,
        ema_decays: Mapping[str, schedules.Value] | None = None,
        name: str | None = None,
    ):
        for decay in (ema_decays or {}).values():
            if not callable(decay) and not 0.0 <= decay < 1.0:
                raise InputError(f"ema_decay is {decay}; it must be 0 (off) or a decay below 1")
        super().__init__(name=name)
        # A model that has only a train_step counts as not built, and then cannot be saved.
        self.built = True
        self.seed = int(seed)
        self.steps = counter("steps")
        # Replicas are traced in threads of their own, so what a step reports is kept by thread.
        self._reported = threading.local()
        # Terms that an update minimised, known once a step was traced; not a set that Keras tracks.
        self.__dict__["minimised_terms"] = {}
        self._ema_decays = dict(ema_decays or {})

    # ---- what a subclass provides ------------------------------------------------------------

    def players(self) -> dict[str, list[keras.Model]]:
        """The networks of each player; every network belongs to exactly one player."""
        raise TypeError(f"{type(self).__name__} has no players(): return its networks by player")

    # ---- compile -----------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = None,
        *,
        jit_compile: bool = False,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        **optimizers: Any,
    ) -> None:
        """Gives every player its optimizer.

        Args:
            optimizer: for all players: a Keras name such as `"adam"` or an optimizer class, of
                which each player gets an object of its own.
            jit_compile: compile the step with XLA. Off by default: on CPUs it is slower.
            run_eagerly: run the step without a graph, for debugging.
            steps_per_execution: steps per call of the compiled function.
            **optimizers: one optimizer per player, under the player's name, as an object, a class
                or a name: `compile(generator=Adam(2e-4, 0.5), discriminator=Adam(2e-4, 0.5))`.

        Raises:
            InputError: a player without an optimizer, an optimizer without a player, one
                optimizer object for two players, or Keras's arguments for losses and metrics.
        """
        players = self.players()
        optimizers = player_optimizers.resolve(players, optimizer, optimizers)
        runtime.prepare()
        options = {
            "jit_compile": jit_compile is True,  # "auto" would choose XLA
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
        }
        super().compile(optimizer=None, **options)
        self.__dict__["_compile_options"] = options
        self.__dict__["rate_table"] = None  # of the optimizers before
        for player, networks in players.items():
            optimizer = compat.loss_scaled(optimizers[player])
            # Slots must exist before a checkpoint is restored, or their values are dropped.
            compat.build_optimizer(optimizer, _trainable(networks))
            setattr(self, f"{player}_optimizer", optimizer)
        # The rates before any checkpoint is restored: what a decay is measured from.
        self.__dict__["initial_learning_rates"] = {
            player: compat.get_learning_rate(optimizers[player]) for player in players
        }
        for player, rate in self.initial_learning_rates.items():
            check_learning_rate(rate, f"the learning rate of the {player}", may_freeze=True)
        self._make_averages(players)
        if getattr(self, "_totals", None) is None:
            # Sums of all reported terms since the epoch began, and the count of steps, last.
            # Made here, inside the strategy's scope: variables made in a step crash there.
            self._totals = tf.Variable(
                tf.zeros([len(self.loss_names) + 1]),
                trainable=False,
                name="totals",
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
            # Those of `evaluate`. In __dict__, hidden from checkpoints: it is no state of the game.
            self.__dict__["_evaluated"] = tf.Variable(
                tf.zeros([len(self.loss_names) + 1]),
                trainable=False,
                name="evaluated",
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )

    @property
    def optimizer(self) -> player_optimizers.OptimizerView | None:
        """What Keras's callbacks look for: a view whose `learning_rate` is that of all players."""
        if "initial_learning_rates" not in self.__dict__:
            return None
        return player_optimizers.OptimizerView(self)

    @optimizer.setter
    def optimizer(self, value: Any) -> None:
        """Keras's `compile` sets None here; a game's optimizers are its players'."""
        self.__dict__.pop("initial_learning_rates", None)

    def optimizer_of(self, player: str) -> keras.optimizers.Optimizer:
        """The optimizer of a player, as given to `compile` (float16: wrapped for loss scaling)."""
        return getattr(self, f"{player}_optimizer")

    def _make_averages(self, players: dict[str, list[keras.Model]]) -> None:
        unknown = set(self._ema_decays) - set(players)
        if unknown:
            raise InputError(
                f"ema_decays name {sorted(unknown)}, but the players are {sorted(players)}"
            )
        for player in self._ema_decays:
            for index, network in enumerate(players[player]):
                name = f"averaged_{player}_{index}"
                if hasattr(self, name):
                    continue
                average = keras.models.clone_model(network)
                average.set_weights(network.get_weights())
                average.trainable = False
                setattr(self, name, average)

    def batch_plan(self, batch: int) -> tuple[int, int, int | None]:
        """What a loop that feeds the game from a source of the suite gives it next.

        Args:
            batch: examples in a batch.

        Returns:
            Examples in a step; number of the first step in the source's order; after how many steps
            to ask again, None: never.
        """
        return batch * self.batches_per_step, int(self.steps.numpy()), None

    def batch_sizes(self, batch: int) -> tuple[int, ...]:
        """All batches that `batch_plan` makes of a batch in the course of a training."""
        return (batch,)

    def active(self, network: keras.Model) -> keras.Model:
        """The part of a network that the current step moves; by default all of it.

        A game whose networks grow returns a model of the same variables' subset, the same one at
        every call of a step.
        """
        return network

    def _moved_by(self, player: str) -> list[Any]:
        """The variables that an update of a player moves."""
        return _trainable(map(self.active, self.players()[player]))

    # ---- verbs of a train step ---------------------------------------------------------------

    def tape(self, player: str) -> tf.GradientTape:
        """A tape that watches this player's variables and no other's."""
        tape = tf.GradientTape(watch_accessed_variables=False)
        with tape:
            for variable in self._moved_by(player):
                tape.watch(compat.tensor_variable(variable))
        return tape

    def update(
        self, player: str, terms: Callable[[], Terms], tape: tf.GradientTape | None = None
    ) -> Terms:
        """Moves one player one optimizer step down the sum of its loss terms.

        Args:
            player: name of the player; no other player's variables change.
            terms: computes the player's loss terms, name to float32 scalar, each a mean over
                the batch that this replica sees. They are summed and divided by the number of
                replicas, because gradients are summed over replicas.
            tape: a tape from `tape(player)` that already recorded a part of the forward pass,
                where two players share it. By default a new one.

        Returns:
            The terms. Each is reported as `"player/name"`. In an evaluation, and of a player whose
            networks are frozen, they are only reported.
        """
        variables = self._moved_by(player)
        if self.evaluating or not variables:
            return self._report(player, terms())
        optimizer = self.optimizer_of(player)
        self._schedule_rates([player])
        tape = tape or self.tape(player)
        with tape:
            values = terms()
            loss = tf.add_n([tf.cast(value, tf.float32) for value in values.values()])
            replica_count = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = compat.scale_loss(optimizer, loss / replica_count)
        gradients = compat.unscale_gradients(
            optimizer, tape.gradient(scaled, variables_of(variables))
        )
        compat.apply_gradients(optimizer, gradients, variables)
        self._report(player, values)
        self._update_average(player)
        return values

    def _schedule_rates(self, players: list[str]) -> None:
        if self.rate_table is not None:
            self.rate_table.apply(self.steps, players)

    def _report(self, player: str, values: Terms) -> Terms:
        for name, value in values.items():
            self.record(f"{player}/{name}", value)
            self.__dict__["minimised_terms"][f"{player}/{name}"] = True
        return values

    @property
    def evaluating(self) -> bool:  # type: ignore[override]
        """Whether this thread runs `test_step`, which reports the losses and changes nothing."""
        return getattr(self._reported, "evaluating", False)

    def record(self, name: str, value: tf.Tensor) -> None:
        """Reports a scalar under `name`, one of `loss_names`; several in one step are averaged."""
        if name not in self.loss_names:
            raise ValueError(f"{name!r} is reported but not in loss_names {self.loss_names}")
        reported = self._reported.__dict__.setdefault("terms", {})
        reported.setdefault(name, []).append(tf.cast(value, tf.float32))

    def logs(self) -> dict[str, tf.Tensor]:
        """Closes a step: counts it and returns the means of all terms since the epoch began."""
        reported = self._reported.__dict__.pop("terms", {})
        missing = [name for name in self.loss_names if name not in reported]
        if missing:
            raise ValueError(f"loss_names {missing} were not reported by this step")
        values = [tf.reduce_mean(tf.stack(reported[name])) for name in self.loss_names]
        means_of = self.__dict__["_evaluated"] if self.evaluating else self._totals
        means_of.assign_add(tf.stack([*values, tf.constant(1.0)]))
        totals = tf.convert_to_tensor(means_of)
        if not self.evaluating:
            # Once more for all: of players too that this step did not update.
            self._schedule_rates(list(self.initial_learning_rates))
            self.steps.assign_add(1)
        means = tf.unstack(totals[:-1] / totals[-1], num=len(self.loss_names))
        return {n: compat.log_value(mean) for n, mean in zip(self.loss_names, means)}

    def noise(
        self,
        shape: Iterable[int | tf.Tensor],
        salt: str,
        kind: str = "normal",
        per_replica: bool = False,
        shared: bool = False,
    ) -> tf.Tensor:
        """Noise of this step: a pure function of (seed, salt, step, position in the global batch).

        Every replica draws the noise of the whole global batch and takes its own part, so
        one device and many compute the same on the same global batch.

        Args:
            shape: the first entry is the batch that this replica sees.
            salt: names the purpose; draws of one step with different salts are independent.
            kind: `"normal"` (standard normal), `"uniform"` (in [-1, 1)) or `"unit"` (in [0, 1)).
            per_replica: draw only this replica's part, from a seed of its own. For noise as
                large as images on many replicas; results then depend on their number.
            shared: draw the same on all replicas; no axis of the shape is the batch.

        Returns:
            float32 tensor of the given shape.
        """
        step: Any = self.steps
        if self.evaluating:  # the number of the batch, so that every evaluation is alike
            salt, step = f"evaluation/{salt}", tf.convert_to_tensor(self.__dict__["_evaluated"])[-1]
        return stateless_noise.draw(shape, kind, self.seed, salt, step, per_replica, shared)

    # ---- averages ----------------------------------------------------------------------------

    def ema(self, player: str) -> list[keras.Model]:
        """The player's networks to sample with: the averaged ones if there are any."""
        networks = self.players()[player]
        if not hasattr(self, f"averaged_{player}_0"):
            return networks
        return [getattr(self, f"averaged_{player}_{i}") for i in range(len(networks))]

    def _update_average(self, player: str) -> None:
        if player not in self._ema_decays:
            return
        decay = schedules.value_at(self._ema_decays[player], self.steps)
        if not callable(self._ema_decays[player]):
            steps = tf.cast(tf.convert_to_tensor(self.steps), tf.float32)
            # A short memory at first: otherwise the first thousand averages are of initial noise.
            decay = tf.minimum(decay, (1.0 + steps) / (10.0 + steps))
        averages, values = [], []
        for average, network in zip(self.ema(player), self.players()[player]):
            used = zip(self.active(average).variables, self.active(network).variables)
            for old, new in used:
                old, new = compat.tensor_variable(old), compat.tensor_variable(new)
                averages.append(old)
                values.append(old + (new - old) * (1.0 - decay) if old.dtype.is_floating else new)
        replicas.assign(averages, values)

    # ---- Keras hooks -------------------------------------------------------------------------

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Runs the generator, so that `predict(z)` works; training never calls this."""
        signature = self.signatures()["serving_default"]
        if not isinstance(inputs, Mapping):
            inputs = {signature.inputs[0].name: inputs}
        return single(signature.named_outputs(**inputs))

    def _get_optimizer(self, optimizer: Any) -> Any:
        """Keras 2.15 refuses a model without an optimizer of its own; the players have theirs."""
        return optimizer

    def build(self, input_shape: Any = None) -> None:
        """Nothing to build: the networks come built."""
        self.built = True

    def _symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Keras 3 would call `call` on a batch of images to build the model: it is built."""

    _maybe_symbolic_build = _symbolic_build

    def continue_epoch(self) -> None:
        """Lets the next `fit` continue the means of the epoch in which a checkpoint was saved."""
        self.__dict__["_keep_totals"] = True


def variables_of(variables: Iterable[Any]) -> list[tf.Variable]:
    """TensorFlow's variables behind Keras's."""
    return [compat.tensor_variable(variable) for variable in variables]


def _trainable(networks: Iterable[keras.Model]) -> list[Any]:
    return [variable for network in networks for variable in network.trainable_variables]


def counter(name: str) -> tf.Variable:
    """A counter that starts at 0, the same on all replicas: int64 scalar."""
    return tf.Variable(
        0,
        dtype=tf.int64,
        trainable=False,
        name=name,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
