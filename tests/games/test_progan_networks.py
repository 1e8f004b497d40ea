"""ProGAN's networks: the paper's counts, the layers of each level, and sizes that have none."""

import keras
import numpy as np
import pytest
from harness import trainable
from small_progan import networks

from tfgan_suite import InputError
from tfgan_suite.games import progan
from tfgan_suite.networks import growing


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


@pytest.fixture(scope="module")
def papers_counts():
    """Trainable numbers of the paper's networks up to each size, generator and discriminator."""
    with pytest.MonkeyPatch.context() as patch:
        # To draw 46 million weights takes longer than to count them.
        patch.setattr(keras.initializers, "RandomNormal", lambda *_: "zeros")
        generator, discriminator = progan.build_generator(), progan.build_discriminator()
    return {
        size: (
            count(keras.Model(generator.inputs, generator.outputs[: level + 1])),
            count(keras.Model(discriminator.inputs, discriminator.outputs[: level + 1])),
        )
        for level, size in enumerate(growing.level_sizes((1024, 1024, 3)))
    }


def test_parameters_of_the_papers_networks(papers_counts):
    assert papers_counts == {
        4: (6_556_163, 6_561_793),
        8: (11_277_318, 11_283_457),
        16: (15_998_473, 16_005_121),
        32: (20_719_628, 20_726_785),
        64: (22_490_383, 22_498_049),
        128: (22_933_394, 22_941_313),
        256: (23_044_309, 23_052_353),
        512: (23_072_120, 23_080_225),
        1024: (23_079_115, 23_087_249),
    }


@pytest.mark.parametrize(
    "size, expected",
    [(16, (250_825, 251_649)), (32, (324_876, 325_761)), (64, (352_687, 353_633))],
)
def test_parameters_of_small_networks(size, expected):
    sizes = {"fmap_base": 1024, "fmap_max": 64, "latent_dim": 64}
    assert tuple(map(count, networks((size, size, 3), **sizes))) == expected


def test_the_level_computes_nothing_of_the_others():
    """Convolutions in a step's networks at each level; R = 4 has none of the blocks above."""
    generator, discriminator = networks((16, 16, 1))
    names = lambda model: {layer.name for layer in model.layers if layer.weights}  # noqa: E731
    assert not {n for n in names(growing.generator_at(generator, 0)) if "8" in n or "16" in n}
    assert not {n for n in names(growing.discriminator_at(discriminator, 0)) if "8" in n}
    middle = names(growing.generator_at(generator, 1))
    assert {"to_rgb_4", "to_rgb_8"} <= middle and not {n for n in middle if "16" in n}
    last = names(growing.generator_at(generator, 2, fading=False))
    assert "to_rgb_16" in last and not {"to_rgb_4", "to_rgb_8"} & last
    judged = names(growing.discriminator_at(discriminator, 2))
    assert {"from_rgb_16", "from_rgb_8"} <= judged and "from_rgb_4" not in judged


def test_sizes_of_no_level_are_refused_with_the_nearest():
    for build in (progan.build_generator, progan.build_discriminator):
        for size, near in (
            (48, "32 and 64"),
            (28, "16 and 32"),
            (20, "16 and 32"),
            (2, "4 and 8"),
            (1000, "512 and"),
        ):
            with pytest.raises(InputError, match=f"size {size} .* {near}"):
                build((size, size, 3))
    assert growing.level_sizes((32, 32, 3)) == (4, 8, 16, 32)
    assert growing.level_sizes((4, 4, 1)) == (4,)
    with pytest.raises(InputError, match="square"):
        progan.build_generator((8, 16, 3))
