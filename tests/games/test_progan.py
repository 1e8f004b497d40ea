"""ProGAN: what every game promises, with and without labels, and what it refuses."""

import keras
import numpy as np
import pytest
from harness import GameChecks, state, value
from small_progan import SHAPE, compiled, fading, images, networks, small_networks

from tfgan_suite import InputError
from tfgan_suite.games import progan
from tfgan_suite.networks import growing
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils.schedules import CosineSchedule


class TestProGAN(GameChecks):
    # Four steps of 4 images pass the end of the fade; after two alpha is 20 / 24.
    batch = 4
    replicas_rate = 0.01
    # Without a tanh, which evens out rounding, images of few layers are too coarse in float16.
    exports_small = False

    def make_game(self, plain=False):
        return fading(group_size=0 if plain else 4)

    def make_small_game(self, plain=False):
        return fading(group_size=0 if plain else 4, build=small_networks)

    def examples(self, count):
        return {"image": np.random.RandomState(0).uniform(-1, 1, (count, *SHAPE)).astype("f4")}


class TestWithLabels(TestProGAN):
    # The step and the layers are those of the game without labels.
    test_keras_evaluates_and_saves_it = None
    test_a_step_in_half_precision_is_finite = None
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None

    def make_game(self, plain=False):
        return fading(classes=3)

    def examples(self, count):
        return {**super().examples(count), "label": np.arange(count, dtype="i4") % 3}


def test_two_replicas_grow_as_one_does(two_replicas):
    """Three steps of 4 images: the end of level 0, and two of level 1 with new moments."""
    checks = TestProGAN()

    def grown():
        keras.utils.set_random_seed(1)
        game = fading(4, group_size=0, build=small_networks)
        momentum = {p: keras.optimizers.SGD(0.01, momentum=0.9) for p in game.players()}
        game.compile(**momentum, run_eagerly=True)
        assert (game.level, value(game.begun_phase)) == (0, 0)
        checks.fit(game, 3)
        assert (game.level, value(game.images_shown), value(game.begun_phase)) == (1, 16, 1)
        return state(game)

    single = grown()
    with two_replicas.scope():
        double = grown()
    assert single.keys() == double.keys()
    for name, array in single.items():
        np.testing.assert_allclose(double[name], array, rtol=2e-4, atol=2e-6, err_msg=name)


def test_batches_that_cannot_be_grouped_are_refused():
    game = compiled(fading(), run_eagerly=True)
    with pytest.raises(InputError, match="a batch of 1 on each device .* 2 or more"):
        game.fit(images(1), batch_size=1, verbose=0)
    growing.check_groups(1, 0)
    for batch in (2, 3, 5, 7):
        growing.check_groups(batch, 4)
    with pytest.raises(InputError, match="an even number"):
        growing.check_groups(3, 2)


def test_impossible_games_are_refused():
    small = networks()
    for arguments, said in (
        ({"gp_weight": -1.0}, "gp_weight is -1"),
        ({"stable_images": 0}, "stable_images is 0"),
        ({"fade_images": -1}, "fade_images is -1"),
        ({"level_batches": [(64, 4)]}, "64 pixels, but the levels are 4, 8"),
        ({"level_batches": [(8, 0)]}, "batch of 8 pixels is 0"),
    ):
        arguments = {"stable_images": 8, "fade_images": 8, **arguments}
        with pytest.raises(InputError, match=said):
            progan.ProGAN(*small, **arguments)
    with pytest.raises(InputError, match="build both for the same sizes"):
        progan.ProGAN(small[0], networks((16, 16, 1))[1])
    with pytest.raises(InputError, match="grow to 8x8"):
        compiled(fading(), run_eagerly=True).fit(np.zeros((4, 16, 16, 1), "f4"), verbose=0)
    with pytest.raises(InputError, match="is a schedule"):
        compiled(fading(), lambda: FusedAdam(CosineSchedule(0.1, 0.01, 10)))
