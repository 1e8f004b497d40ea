"""SRGAN's networks: the paper's counts, images of any size, and a start as bicubic."""

import keras
import numpy as np
import pytest
from harness import trainable

from tfgan_suite.games import srgan
from tfgan_suite.networks.super_resolution import UPSAMPLINGS
from tfgan_suite.utils import bicubic


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_papers_networks_have_the_papers_numbers_of_weights():
    network = srgan.build_generator()
    assert count(network) == 1_550_659
    assert network.count_params() == 1_554_883  # with the moving statistics of batch norm
    assert count(srgan.build_discriminator()) == 23_565_505


def test_a_generator_takes_images_of_any_size():
    for scale in (2, 3, 4):
        network = srgan.build_generator(1, scale, 2, 1, "none", kernel=3)
        made = network(np.zeros((1, 17, 23, 1), "f4"))
        assert made.shape == (1, 17 * scale, 23 * scale, 1)


def test_a_discriminator_with_a_pool_takes_crops_of_any_size():
    network = srgan.build_discriminator((96, 96, 3), 2, 4, head="pool")
    assert network(np.zeros((2, 33, 40, 3), "f4")).shape == (2, 1)
    assert srgan.build_discriminator((96, 96, 3), 2, 4).input_shape == (None, 96, 96, 3)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_beside_bicubic_the_network_begins_as_bicubic(upsampling):
    keras.utils.set_random_seed(0)
    network = srgan.build_generator(3, 4, 8, 2, "none", upsampling, "bicubic", 3)
    low = np.random.RandomState(0).uniform(-1, 1, (2, 9, 7, 3)).astype("f4")
    smooth = np.stack([bicubic.upscale(one, 4) for one in low])
    difference = network(low).numpy() - smooth
    assert 0 < np.sqrt((difference**2).mean()) < 0.5 * smooth.std()
