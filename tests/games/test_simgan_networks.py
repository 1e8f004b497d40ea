"""SimGAN's networks: the paper's counts, patch maps and receptive fields, also by the recipe."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import trainable
from small_simgan import batch_of, tiny

from tfgan_suite import InputError
from tfgan_suite.features import layer_outputs
from tfgan_suite.games import simgan


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_networks_have_the_papers_number_of_parameters():
    assert count(simgan.build_refiner()) == 296_129
    assert count(simgan.build_refiner(blocks=10, kernel=7)) == 741_825
    assert count(simgan.build_discriminator()) == 75_906
    assert count(simgan.build_discriminator(setting="hand")) == 178_050


def test_the_patch_maps_are_the_papers():
    gaze = simgan.build_discriminator(width=2)(tf.zeros((1, 35, 55, 1)))
    assert gaze.shape == (1, 9, 14, 2) and gaze.shape[1] * gaze.shape[2] == 126
    hand = simgan.build_discriminator(width=2, setting="hand")(tf.zeros((1, 224, 224, 1)))
    assert hand.shape == (1, 7, 7, 2)
    found = layer_outputs.select_outputs(
        simgan.build_discriminator(width=2), ["features_0", "features_3"]
    )
    assert [x.shape[3] for x in found(tf.zeros((1, 35, 55, 1)))] == [6, 2]


@pytest.mark.parametrize("setting, side, field", [("gaze", 64, 23), ("hand", 224, 71)])
def test_a_patch_sees_as_many_pixels_as_in_the_paper(setting, side, field):
    keras.utils.set_random_seed(0)
    discriminator = simgan.build_discriminator(width=2, setting=setting)
    for layer in discriminator.layers:  # all weights positive: no ReLU hides a pixel
        layer.set_weights([np.abs(array) for array in layer.get_weights()])
    images = tf.random.stateless_uniform((24, side, side, 1), [1, 2])
    with tf.GradientTape() as tape:
        tape.watch(images)
        map_ = discriminator(images)
        middle = map_[:, map_.shape[1] // 2, map_.shape[2] // 2]
    touched = np.abs(tape.gradient(middle, images).numpy()).sum((0, 3)) > 0
    for axis in (0, 1):
        (places,) = np.nonzero(touched.any(axis))
        assert places[-1] - places[0] + 1 == field


def test_refined_images_of_any_size_keep_it():
    game = tiny()
    refined = game.translate(np.zeros((3, 20, 31, 1), "f4"))
    assert refined.shape == (3, 20, 31, 1)
    grid = game.preview(batch_of(2))
    assert grid.dtype == np.uint8 and grid.shape[2] == 3


def test_impossible_networks_are_refused():
    with pytest.raises(InputError, match="gaze, hand"):
        simgan.build_discriminator(setting="face")
    with pytest.raises(InputError, match="width is 0"):
        simgan.build_refiner(width=0)
    image = keras.Input((None, None, 1))
    one = keras.Model(image, keras.layers.Conv2D(1, 3)(image))
    with pytest.raises(InputError, match="two logits"):
        simgan.SimGAN(simgan.build_refiner(width=2), one)


def test_the_recipe_makes_the_papers_game(tmp_path):
    import runpy
    from pathlib import Path

    from tfgan_suite.training import options
    from tfgan_suite.training.run_folder import DataInfo

    path = Path(__file__).parents[2] / "recipes" / "simgan.py"
    recipe = runpy.run_path(str(path), run_name="recipe")
    words = ["--width", "64", "--blocks", "4", "--batch", "512", "--optimizer", "sgd"]
    chosen = options.parse(recipe, [*words, "--history", "1", "--learning-rate", "0.001"])
    game = recipe["make_game"](chosen, DataInfo("eyes", (35, 55, 1)))
    assert count(game.refiner) == 296_129 and count(game.discriminator) == 75_906
    assert game.image_history.size == 512 and game.batches_per_step == 3
    assert json.dumps(vars(chosen))  # what a run folder keeps
