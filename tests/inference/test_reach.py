"""The reach of a network, and the tiles that follow from it: equal to the whole image, or said."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.core.signatures import TensorSpec
from tfgan_suite.core.translation_game import from_image
from tfgan_suite.inference import translator, upscale_tiles
from tfgan_suite.inference.reach import measure_reach
from tfgan_suite.inference.tiles import plan_tiles
from tfgan_suite.inference.translator import Translator
from tfgan_suite.inference.upscaler import Upscaler
from tfgan_suite.networks.translators import build_unet, size_multiple

RGB = TensorSpec("image", (None, None, 3))


def box(before, after):
    """Means over a square from `before` pixels above and left to `after` below and right."""
    count = before + after + 1

    def call(images):
        padded = np.pad(images, ((0, 0), (before, after), (before, after), (0, 0)))
        side = images.shape[1:3]
        cut = [padded[:, n : n + side[0]] for n in range(count)]
        rows = np.sum(cut, axis=0)
        cut = [rows[:, :, n : n + side[1]] for n in range(count)]
        return (np.sum(cut, axis=0) / count**2).astype(np.float32)

    return call


@pytest.mark.parametrize(
    "before, after, expected",
    [(0, 0, 0), (3, 3, 3), (1, 5, 5), (6, 2, 6), (31, 0, 31), (0, 31, 31), (32, 0, None)],
)
def test_the_reach_of_known_filters(before, after, expected):
    assert measure_reach(box(before, after), 64, 3) == expected


def test_the_reach_of_enlargements_and_of_global_statistics():
    blur = box(2, 3)
    assert measure_reach(lambda x: blur(x.repeat(3, 1).repeat(3, 2)), 64, 1, 3) == 1
    assert measure_reach(lambda x: blur(x).repeat(3, 1).repeat(3, 2), 64, 1, 3) == 3
    assert measure_reach(lambda x: x - x.mean((1, 2), keepdims=True), 64, 3) is None


@pytest.mark.parametrize("reach", [0, 5, 40, 127, 300])
@pytest.mark.parametrize("multiple", [1, 4, 32])
def test_planned_tiles_hold_the_reach(reach, multiple):
    tiling = plan_tiles(reach, 512, 2048, multiple=multiple)
    assert tiling.is_exact and tiling.margin == reach
    # What is beyond the margins is at least a pixel wide, and tiles can be blended.
    assert 2 * reach < tiling.overlap <= tiling.tile // 2
    assert tiling.tile % multiple == 0 and tiling.tile - tiling.overlap >= multiple
    assert tiling.tile == 512 or 2 * tiling.overlap > 512 - 2 * multiple


def test_tiles_that_cannot_be_exact():
    for tiling in (
        plan_tiles(None, 512, 1024),  # the largest differ least
        plan_tiles(300, 512, 1024),
        plan_tiles(40, 512, 2048, tile=128),
        plan_tiles(40, 512, 2048, tile=512, overlap=64),
    ):
        assert not tiling.is_exact and tiling.margin is None
    assert plan_tiles(None, 512, 1024).tile == 1024
    assert plan_tiles(40, 512, 2048, tile=128).overlap == 64
    assert plan_tiles(40, 512, 2048, tile=512, overlap=64).needed == 88
    # The user's own overlap is not mended: an impossible one is refused later.
    assert plan_tiles(2, 512, 2048, tile=32, overlap=20).overlap == 20


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(translator, "say_once", lines.append)
    monkeypatch.setattr("tfgan_suite.inference.upscaler.say_once", lines.append)
    return lines


def unet_translator(norm, **options):
    keras.utils.set_random_seed(3)
    network = build_unet((64, 64, 3), width=4, depth=3, norm=norm, dropout=0.0)
    # Weights as after training: those at the start hardly let the image through.
    network.set_weights([w * (8.0 if w.ndim == 4 else 1.0) for w in network.get_weights()])
    signature = from_image(network, size_multiple(network))

    def call(images):
        return signature.call(image=tf.constant(images)).numpy()

    return Translator("unet", "AtoB", RGB, RGB, call, multiple=8, **options)


def image_of(height, width):
    return np.random.RandomState(1).randint(0, 256, (height, width, 3)).astype("u1")


def test_tiles_of_a_unet_without_norms_are_the_whole_image(said):
    network, image = unet_translator("none"), image_of(200, 312)
    whole = network(image).astype(int)
    assert 8 < network.reach() < 40
    tiled = network(image, tile=160)
    assert np.abs(tiled - whole).max() <= 1 and (tiled != whole).mean() < 0.01
    assert not said
    # A smaller overlap cuts the receptive field, which is said once with the one that does not.
    cut = network(image, tile=160, overlap=8)
    assert np.abs(cut - whole).max() > 2
    (line,) = said
    assert f"--overlap of {2 * network.reach() + 8}" in line and "\n" not in line


def test_what_depends_on_the_whole_image_is_said_in_a_line(said):
    network, image = unet_translator("instance"), image_of(96, 136)
    network(image)
    assert not said  # whole
    network(image, tile=64)
    (line,) = said
    assert "instance norm" in line and "1048576 pixels are translated whole" in line


def test_whole_images_as_long_as_memory_allows():
    sizes = []

    def call(images):
        sizes.append(images.shape[1:3])
        return images

    def network(affordable):
        return Translator("run", "AtoB", RGB, RGB, call, affordable=affordable)

    image = np.zeros((1100, 1000, 3), "u1")
    network(lambda: 1_100_000)(image)
    assert sizes == [(1100, 1000)]
    for most in (lambda: 1_099_999, None):
        sizes.clear()
        network(most)(image)
        assert max(map(max, sizes)) == 512 and len(sizes) > 4


def test_upscaled_tiles_are_the_whole_image(said):
    blur = box(9, 9)

    def call(images):
        return blur(images).repeat(2, 1).repeat(2, 2)

    image = image_of(150, 250)
    whole = upscale_tiles.upscale_image(image, call, 2, tile=256).astype(int)
    upscaler = Upscaler("blur", 3, 2, call)
    assert np.abs(upscaler(image) - whole).max() <= 1
    assert upscaler.reach() == 9 and not said
    assert np.abs(upscale_tiles.upscale_image(image, call, 2, tile=64) - whole).max() > 1
    Upscaler("mean", 3, 2, lambda x: call(x) - x.mean())(image)
    assert len(said) == 1 and "half a tile or more" in said[0]
    upscaler(image, 48, 8)
    assert len(said) == 2 and "9 pixels around it; pass --tile 52 or more" in said[1]
