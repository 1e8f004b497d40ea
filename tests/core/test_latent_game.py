"""Regularization and layer outputs: options that every game from noise takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import value

from tfgan_suite import InputError
from tfgan_suite.features.layer_outputs import layer_names, select_outputs
from tfgan_suite.games import dcgan


def game_of(**options):
    keras.utils.set_random_seed(0)
    generator = dcgan.build_generator(size=8, channels=1, width=2, latent_dim=3)
    discriminator = dcgan.build_discriminator(size=8, channels=1, width=2, norm="none")
    game = dcgan.DCGAN(generator, discriminator, seed=1, **options)
    game.compile(generator=keras.optimizers.SGD(0.1), discriminator=keras.optimizers.SGD(0.1))
    return game


def test_instance_noise_falls_in_a_line_to_nothing():
    game = game_of(instance_noise=0.5, instance_noise_steps=10)
    grey = tf.zeros((64, 8, 8, 1))
    for step, deviation in ((0, 0.5), (5, 0.25), (10, 0.0), (20, 0.0)):
        game.steps.assign(step)
        assert np.std(game.augment_inputs(grey, "a")) == pytest.approx(deviation, rel=0.05)


def test_each_use_gets_noise_of_its_own_that_its_step_repeats():
    game = game_of(instance_noise=0.5)
    grey = tf.zeros((4, 8, 8, 1))
    first = game.augment_inputs(grey, "real")
    assert np.array_equal(first, game.augment_inputs(grey, "real"))
    assert not np.array_equal(first, game.augment_inputs(grey, "fake"))
    game.steps.assign_add(1)
    assert not np.array_equal(first, game.augment_inputs(grey, "real"))


def test_r1_every_second_step_counts_twice():
    real = tf.random.stateless_uniform((4, 8, 8, 1), [0, 0], -1.0, 1.0)
    each = game_of(r1_weight=3.0).score_real(real)[1]["r1"]
    game = game_of(r1_weight=3.0, r1_every=2)
    assert float(game.score_real(real)[1]["r1"]) == pytest.approx(2 * float(each), rel=1e-5)
    game.steps.assign(1)
    assert float(game.score_real(real)[1]["r1"]) == 0.0


def test_all_stabilisers_together_train_and_reach_the_generator():
    game = game_of(
        label_smoothing=0.1, instance_noise=0.1, r1_weight=1.0, augment="color,translation,cutout"
    )
    before = [value(v) for v in game.generator.trainable_variables]
    history = game.fit(np.zeros((8, 8, 8, 1), "f4"), batch_size=4, verbose=0, shuffle=False).history
    assert "discriminator/r1" in history and all(np.isfinite(v).all() for v in history.values())
    after = [value(v) for v in game.generator.trainable_variables]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(after, before))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"r1_evry": 2}, "r1_every"),
        ({"r1_every": 0}, "at least 1"),
        ({"instance_noise": -0.1}, "instance_noise"),
        ({"augment": "flip"}, "cutout"),
        ({"ema_decay": 1.0}, "below 1"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        game_of(**options)


def test_selected_outputs_are_what_the_layers_return():
    discriminator = dcgan.build_discriminator(size=8, channels=1, width=2, norm="none")
    name = next(n for n in layer_names(discriminator) if "conv" in n)
    images = tf.random.stateless_uniform((3, 8, 8, 1), [0, 1])
    (found,) = tf.nest.flatten(select_outputs(discriminator, [name])(images))
    np.testing.assert_allclose(found, discriminator.get_layer(name)(images), atol=1e-6)
    with pytest.raises(InputError, match=name):
        select_outputs(discriminator, ["no_such_layer"])
