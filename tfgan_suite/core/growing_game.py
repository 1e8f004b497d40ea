"""Games whose networks grow: from images of 4x4 pixels to the full size, level by level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgan_suite import compat
from tfgan_suite.core import network_checks
from tfgan_suite.core.adversarial_model import counter
from tfgan_suite.core.batches import batch_size
from tfgan_suite.core.growing_samples import GrowingSamples
from tfgan_suite.core.phased_training import PhasedTraining
from tfgan_suite.errors import InputError
from tfgan_suite.networks import growing
from tfgan_suite.utils.growth_schedule import GrowthSchedule


class GrowingGame(PhasedTraining, GrowingSamples):
    """A generator and a discriminator that grow level by level under one `fit`.

    How a game uses it:

    * Its networks have all levels at once (`networks.growing`). The generator takes z, or
      `[z, label]`, and returns images of every level, linear and float32; the discriminator is from
      `build_growing_discriminator`.
    * `train_step` begins with `real = self.fade_reals(examples(batch))`, makes images of the level
      by `self.generate_level({"z": z})`, judges them by `self.judge(images)` and ends with
      `self.count_images(real)` and `return self.logs()`.
    * `loss_names` end with `GROWTH_NAMES`: the size of the level's images and alpha, of the last
      step. Progress bars show by them where growth stands.
    * A game whose player "generator" has several networks (a mapping before the synthesis), or
      whose generator is not called with its inputs in order, overrides `run_generator`. Networks
      with a single output do not grow.

    A level has a graph of its own, traced when it is first trained, that computes nothing of the
    other levels. alpha is computed in the graph from `images_shown`. At the start and the end of a
    fade the optimizers start anew, counters and moments, so that the first steps of new layers have
    the size of all others. Custom loops call `begin_phase` before each step. A call of the compiled
    step does one step: `fit` refuses `steps_per_execution`.

    Args:
        generator, discriminator: networks of all levels.
        stable_images, fade_images, first_level: as for `GrowthSchedule`.
        level_batches: images in a step of each level, as pairs `(size, batch)`, for whoever makes
            the batches (`batch_plan`, as recipes do); other levels have the batch of `fit`.
        **options: those of `LatentGame`.

    Attributes:
        images_shown: real images that were trained on, int64 scalar variable, saved with the game.
            Level and alpha are functions of it.
        sizes: sides of the images of each level.

    Raises:
        InputError: networks that do not fit each other, or numbers out of range.
    """

    sizes: tuple[int, ...]
    schedule: GrowthSchedule
    images_shown: tf.Variable
    classes: int | None = None
    GROWTH_NAMES = ("growth/size", "growth/alpha")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        stable_images: int,
        fade_images: int,
        first_level: int = 0,
        level_batches: Sequence[Sequence[int]] | None = None,
        **options: Any,
    ):
        super().__init__(generator, discriminator, **options)
        self.sizes = tuple(int(image.shape[1]) for image in generator.outputs)
        self.schedule = GrowthSchedule(
            len(self.sizes), int(stable_images), int(fade_images), int(first_level)
        )
        self.phases = tuple(map(str, self.sizes))
        # In __dict__: Keras would track a dict of numbers.
        self.__dict__["_level_batches"] = _by_level(level_batches or (), self.sizes)
        self.images_shown = counter("images_shown")
        # The phase for which the optimizers were started.
        self.begun_phase = counter("begun_phase")
        self.begun_phase.assign(self.schedule.phase(0))

    def _check_networks(self, generator: Any, opponent: Any) -> None:
        network_checks.check_network("generator", generator, (1, 2))
        self.check_levels(generator, opponent)

    def check_levels(self, generator: Any, opponent: Any) -> None:
        """Refuses networks of different levels (`InputError`)."""
        network_checks.check_network("discriminator", opponent)
        made = [network_checks.shape_of(image) for image in generator.outputs]
        count = len(made)
        judged = [network_checks.shape_of(image) for image in opponent.inputs[:count]]
        if made != judged or len(opponent.outputs) != count:
            raise InputError(
                f"the generator makes images of shapes {made} and the discriminator takes {judged};"
                " build both for the same sizes"
            )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        for player in self.players():
            if compat.follows_schedule(self.optimizer_of(player)):
                raise InputError(
                    f"the learning rate of the {player} is a schedule, but a game that grows starts"
                    " its optimizers' counters anew at each level; pass a number"
                )

    # ---- where growth stands -----------------------------------------------------------------

    @property
    def level(self) -> int:
        """The level of the current step; constant while a graph is traced."""
        if tf.executing_eagerly():
            return self.schedule.level(int(self.images_shown.numpy()))
        return self.__dict__.get("_traced_level", self.schedule.first_level)

    @property
    def alpha(self) -> Any:
        """How far the level has faded in, a float32 scalar in [0, 1]."""
        return self.schedule.alpha(self.images_shown, self.level)

    def phase_at(self, step: int) -> str:
        return self.phases[self.schedule.level(int(self.images_shown.numpy()))]

    def begin_phase(self) -> None:
        """Selects the level's graph; where a fade starts or ends, starts the optimizers anew."""
        super().begin_phase()
        images = int(self.images_shown.numpy())
        self.__dict__["_traced_level"] = self.schedule.level(images)
        phase = self.schedule.phase(images)
        if phase != int(self.begun_phase.numpy()):
            for player in self.players():
                compat.reset_optimizer(self.optimizer_of(player))
            self.begun_phase.assign(phase)

    def make_test_function(self, force: bool = False) -> Callable[..., Any]:
        """Keras's step function of `evaluate`, anew for each level."""
        level = self.schedule.level(int(self.images_shown.numpy()))
        force = force or self.__dict__.get("_tested_level") != level
        self.__dict__["_tested_level"] = self.__dict__["_traced_level"] = level
        return super().make_test_function(force)

    def active(self, network: keras.Model) -> keras.Model:
        """The part of a network that the current level uses."""
        return self._part(network, self.level, self.level > self.schedule.first_level)

    def _part(self, network: keras.Model, level: int, fading: bool) -> keras.Model:
        # In __dict__: Keras would save each part beside the network.
        parts = self.__dict__.setdefault("_parts", {})
        key = id(network), level, fading
        if key not in parts:
            if network is self.opponent:
                parts[key] = growing.discriminator_at(network, level)
            elif len(network.outputs) > 1:
                parts[key] = growing.generator_at(network, level, fading)
            else:
                parts[key] = network
        return parts[key]

    # ---- verbs of a train step ---------------------------------------------------------------

    def fade_reals(self, real: tf.Tensor) -> tf.Tensor:
        """Real images as the level sees them: shrunk, and as blurred as generated ones.

        Args:
            real: images of the full size, `(batch, R, R, channels)`.

        Returns:
            `(1 - alpha) * enlarge(shrink(x, 2)) + alpha * x` of the images x of the level's size.

        Raises:
            InputError: images of another size.
        """
        largest = self.sizes[-1]
        if tuple(real.shape[1:3]) != (largest, largest):
            raise InputError(
                f"images of shape {tuple(real.shape[1:])}, but the networks grow to {largest}x"
                f"{largest} pixels; resize the images, or build networks for their size"
            )
        images = growing.shrink(real, largest // self.sizes[self.level])
        if self.level == self.schedule.first_level:
            return images
        return growing.blend(growing.enlarge(growing.shrink(images, 2), 2), images, self.alpha)

    def generate_level(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Generated images of the level, faded in.

        Args:
            inputs: z `(batch, latent_dim)` and what else the generator takes, by name.

        Returns:
            float32 `(batch, size, size, channels)`, not clipped.
        """
        networks = [self.active(network) for network in self.players()["generator"]]
        return self._faded(self.run_generator(networks, inputs, training=True), self.alpha)

    def run_generator(
        self, networks: Sequence[keras.Model], inputs: Mapping[str, tf.Tensor], training: bool
    ) -> Any:
        """What the generator's networks return, or their parts for a level.

        Args:
            networks: those of the player "generator", or their averages.
            inputs: as for `generate_level`.
            training: whether they are trained.
        """
        (generator,) = networks
        arguments = [inputs[name] for name in ("z", "label") if name in inputs]
        return generator(arguments if len(arguments) > 1 else arguments[0], training=training)

    def _faded(self, images: Any, alpha: Any) -> tf.Tensor:
        """The images of a level, from those of the level before and its own, or its own alone."""
        if not isinstance(images, (tuple, list)):
            return images
        if len(images) == 1:
            return images[0]
        return growing.blend(growing.enlarge(images[0], 2), images[1], alpha)

    def judge(self, images: tf.Tensor) -> tf.Tensor:
        """The discriminator's outputs `(batch, n)` for images of the level, the score first."""
        discriminator = self.active(self.opponent)
        if not self.level:
            return discriminator(images, training=True)
        return discriminator([images, tf.reshape(self.alpha, (1, 1))], training=True)

    def count_images(self, real: tf.Tensor) -> None:
        """Counts a step's real images, over all replicas; the last verb of a step."""
        size = tf.constant(float(self.sizes[self.level]))
        growth = size, tf.convert_to_tensor(self.alpha, tf.float32)
        self._reported.growth = dict(zip(self.GROWTH_NAMES, growth))
        for name, value in self._reported.growth.items():
            self.record(name, value)
        if not self.evaluating:
            replica_count = tf.distribute.get_strategy().num_replicas_in_sync
            self.images_shown.assign_add(tf.cast(batch_size(real) * replica_count, tf.int64))

    def logs(self) -> dict[str, tf.Tensor]:
        """As for every game, but where growth stands is of this step, not a mean."""
        growth = self._reported.__dict__.pop("growth", {})
        return {**super().logs(), **{name: compat.log_value(v) for name, v in growth.items()}}

    # ---- batches of each level ---------------------------------------------------------------

    def batch_sizes(self, batch: int) -> tuple[int, ...]:
        """The batch of each level; `batch` where `level_batches` has none."""
        return tuple(self._level_batches.get(level, batch) for level in range(len(self.sizes)))

    def batch_plan(self, batch: int) -> tuple[int, int, int | None]:
        images = int(self.images_shown.numpy())
        size = self.batch_sizes(batch)[self.schedule.level(images)]
        change = self.schedule.next_change(images)
        steps = None if change is None else -(-(change - images) // size)
        return size, images // size, steps


def _by_level(pairs: Sequence[Sequence[int]], sizes: Sequence[int]) -> dict[int, int]:
    """`level_batches` by number of the level."""
    batches = {}
    for size, batch in pairs:
        if size not in sizes:
            raise InputError(
                f"level_batches name {size} pixels, but the levels are {', '.join(map(str, sizes))}"
            )
        if isinstance(batch, bool) or int(batch) != batch or batch < 1:
            raise InputError(f"the batch of {size} pixels is {batch!r}; it must be 1 or more")
        batches[sizes.index(size)] = int(batch)
    return batches
