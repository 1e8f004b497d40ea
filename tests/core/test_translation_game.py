"""Games that take images: their signatures, sample grids and words."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_translation
from tiny_translation import Tiny

from tfgan_suite import InputError
from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.core.translation_game import (
    TranslationGame,
    from_image,
    from_points,
    mirror_padded,
)
from tfgan_suite.export import examples, functions
from tfgan_suite.training.health import Health
from tfgan_suite.utils.image_grids import rows


def smooth(count, height, width, channels=1, seed=0):
    random = np.random.RandomState(seed).uniform(-1, 1, (count, height, width, channels))
    return random.astype("float32")


@pytest.fixture(scope="module")
def game():
    keras.utils.set_random_seed(3)
    return Tiny(ways=2)


class Fixed(TranslationGame):
    """A game of one given signature."""

    def __init__(self, signature):
        super().__init__()
        self.__dict__["signature"] = signature

    def signatures(self):
        return {"serving_default": self.signature}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "length, multiple, smallest, expected",
    [
        (5, 4, 1, [0, 1, 2, 3, 4, 3, 2, 1]),
        (3, 8, 1, [0, 1, 2, 1, 0, 1, 2, 1]),
        (1, 4, 1, [0, 0, 0, 0]),
        (4, 4, 1, [0, 1, 2, 3]),
        (2, 2, 5, [0, 1, 0, 1, 0, 1]),
    ],
)
def test_images_are_continued_by_their_mirror_image(known, length, multiple, smallest, expected):
    image = tf.range(length, dtype=tf.float32)[None, :, None, None] * tf.ones((1, 1, 8, 1))
    spec = tf.TensorSpec(image.shape if known else (None, None, None, 1))
    call = tf.function(lambda x: mirror_padded(x, multiple, smallest), input_signature=[spec])
    assert call(image)[0, :, 0, 0].numpy().tolist() == expected
    if not known:
        turned = call(tf.transpose(image, (0, 2, 1, 3)))
        assert turned[0, 0, : len(expected), 0].numpy().tolist() == expected


def test_a_image_of_any_size_comes_back_in_its_size(game):
    signature = game.signatures()["serving_default"]
    assert signature.inputs[0].shape == (None, None, 1) and signature.multiple == 2
    image = smooth(2, 7, 9)
    mirrored = np.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="reflect")
    expected = game.generators[0](mirrored).numpy()[:, :7, :9]
    np.testing.assert_allclose(signature.call(image=tf.constant(image)), expected, atol=1e-6)
    traced = functions.trace(signature)
    assert traced.output_shapes["image"].as_list() == [None, None, None, 1]
    np.testing.assert_allclose(traced(image=tf.constant(image))["image"], expected, atol=1e-6)


def test_a_fixed_size_that_fits_costs_nothing(game):
    signature = game.signatures()["serving_default"]

    def operations(size):
        graph = functions.trace(signature, batch=1, size=size).graph
        return {op.type for op in graph.get_operations()}

    assert not operations((12, 8)) & {"GatherV2", "Range", "Shape"}
    assert "GatherV2" in operations((11, 8))


def test_alone_no_answer_depends_on_the_others():
    layer = keras.layers.Lambda(lambda x: x - tf.reduce_mean(x, (0, 1, 2), keepdims=True))
    network = keras.Sequential([keras.Input((None, None, 1)), layer])
    image = tf.constant(smooth(3, 4, 5))
    expected = image - tf.reduce_mean(image, (1, 2), keepdims=True)
    together = from_image(network).call(image=image)
    assert np.abs(together - expected).max() > 1e-2
    alone = from_image(network, alone=True)
    np.testing.assert_allclose(alone.call(image=image), expected, atol=1e-6)
    traced = functions.trace(alone)
    np.testing.assert_allclose(traced(image=image)["image"], expected, atol=1e-6)
    one = functions.trace(alone, batch=1, size=(4, 5))
    assert not {"While", "StatelessWhile"} & {op.type for op in one.graph.get_operations()}


def test_translate_goes_in_parts_and_by_direction(game):
    images = smooth(5, 6, 4)
    for name, network in zip(("serving_default", "b_to_a"), game.generators):
        expected = network(images).numpy()
        for batch in (2, 8):
            found = game.translate(images, batch, signature=name)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(game.translate(images) - game.translate(images, signature="b_to_a")).max() > 0


def test_inputs_beside_the_image_are_drawn():
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.ReLU()])
    noise = TensorSpec("z", (4, 4, 1), kind="normal")
    signature = from_image(network, call=lambda image, z: image + z, extra=(noise,))
    game, zero = Fixed(signature), np.zeros((3, 4, 4, 1), "float32")
    first = game.translate(zero, batch=2, seed=1)
    assert np.array_equal(first, tf.random.stateless_normal((3, 4, 4, 1), [1, 1]))
    assert not np.array_equal(first, game.translate(zero, seed=2))
    # Exports draw it too where the data give the image alone.
    given = game.representative({"source": np.ones((40, 4, 4, 1), "float32")})
    made = examples.make(
        "serving_default", signature, given["serving_default"], seed=0, size=(4, 4)
    )
    assert (made.compared["image"] == 1).all() and made.compared["z"].std() > 0.5
    assert made.calibration["z"].shape == (24, 4, 4, 1)


def test_refusals(game):
    with pytest.raises(InputError, match=r"takes \(count, any, any, 1\)"):
        game.translate(smooth(2, 4, 4, 3))
    with pytest.raises(InputError, match="no translation 'sideways'"):
        game.translate(smooth(2, 4, 4), signature="sideways")
    text = TensorSpec("text", (3,), kind="text")
    spec = TensorSpec("image", (4, 4, 1))
    bound = Fixed(Signature((spec, text), spec, lambda image, text: image, ()))
    with pytest.raises(InputError, match="'text'"):
        bound.translate(smooth(2, 4, 4))


def test_a_page_shows_input_output_and_truth(monkeypatch):
    game = Fixed(from_image(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.ReLU()])))
    images = np.full((2, 4, 4, 1), -1.0, "float32")
    images[1] = 1.0
    grid = game.preview({"source": images, "target": np.zeros((2, 4, 4, 3), "float32")})
    factor = grid.shape[0] // (2 * 6 + 2)
    middles = slice(4 * factor, None, 6 * factor)
    assert grid[middles, middles, 0][:2, :3].tolist() == [[0, 128, 128], [255, 255, 128]]
    assert grid.shape[1] == factor * (3 * 6 + 2)  # three columns


def test_a_page_of_two_directions_shows_both(game):
    examples = {"source": smooth(3, 6, 4), "target": smooth(3, 6, 4, seed=1)}
    made = [game.translate(examples["source"]),
            game.translate(examples["target"], signature="b_to_a")]  # fmt: skip
    columns = [examples["source"], made[0], examples["target"], made[1]]
    assert np.array_equal(game.preview(examples), rows(columns))


def test_a_page_shows_the_truth_that_a_world_adds(game):
    class Unpaired(Tiny):
        takes, gives = "domain_a", "domain_b"

    unpaired = Unpaired(ways=2)
    examples = {"domain_a": smooth(3, 6, 4), "domain_b": smooth(2, 6, 4, seed=1),
                "truth_a": smooth(3, 6, 4, seed=2)}  # fmt: skip
    a, b = examples["domain_a"][:2], examples["domain_b"]
    columns = [a, unpaired.translate(a), examples["truth_a"][:2],
               b, unpaired.translate(b, signature="b_to_a")]  # fmt: skip
    assert np.array_equal(unpaired.preview(examples), rows(columns))


def test_a_page_of_points_is_a_plot():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    game = Fixed(from_points(network))
    points = np.random.RandomState(0).normal(size=(50, 2)).astype("float32")
    grid = game.preview({"source": points, "target": points})
    assert grid.ndim == 3 and grid.shape[2] == 3 and grid.min() < 100


def test_representative_images_have_the_size_of_the_export(game):
    batch = {"source": smooth(3, 12, 8), "target": smooth(3, 12, 8, seed=1)}
    same = game.representative(batch)
    assert [set(b) for b in same["b_to_a"]()] == [{"image"}]
    assert np.array_equal(same["b_to_a"]()[0]["image"], batch["target"])
    assert np.array_equal(same["serving_default"]()[0]["image"], batch["source"])
    resized = game.representative(batch, (16, 16))["serving_default"]()[0]["image"]
    assert resized.shape == (3, 16, 16, 1)
    assert abs(resized.mean() - batch["source"].mean()) < 0.05


def test_fewer_large_images_are_enough():
    assert (
        examples.required_count(())
        == examples.required_count((32, 32))
        == examples.required_count((64, 64))
        == 144
    )
    assert examples.required_count((128, 128)) == 48 and examples.required_count((512, 512)) == 32


@pytest.mark.parametrize(
    "logs, said",
    [
        ({"discriminator/real": 0.69, "discriminator/fake": 0.69}, False),
        ({"discriminator/real": 1e-3, "discriminator/fake": 1e-3, "generator/l1": 0.2}, True),
        (
            {
                "discriminators/real_a": 1e-3,
                "discriminators/fake_a": 1e-3,
                "discriminators/real_b": 0.2,
            },
            False,
        ),
        ({"discriminator/real": -3.0, "discriminator/fake": 1.0}, False),  # the earth mover's
        ({"generator/l1": 0.0}, False),
    ],
)
def test_symptoms(game, logs, said):
    assert bool(game.diagnose(logs)) == said


def test_health_sees_a_collapse_of_one_direction_only():
    class Answers(TranslationGame):
        """Gives what it is told, in place of a game."""

        takes, gives = "domain_a", "domain_b"
        scale = {"serving_default": 1.0, "b_to_a": 1.0}

        def players(self):
            return {}

        def diagnose(self, logs):
            return []

        def translations(self):
            return {"serving_default": self.takes, "b_to_a": self.gives}

        @property
        def takes_examples(self):
            return True

        def translate(self, images, signature):
            return images * self.scale[signature]

    told = []
    examples = {"domain_a": smooth(8, 4, 4), "domain_b": smooth(8, 4, 4, seed=1)}
    health, game = Health(10, told.append, examples), Answers()
    health.set_model(game)
    game.scale = {"serving_default": 0.01, "b_to_a": 0.01}
    health._look(10, {})  # never wide so far: an untrained generator
    game.scale = {"serving_default": 1.0, "b_to_a": 1.0}
    health._look(20, {})
    assert told == []
    game.scale = {"serving_default": 1.0, "b_to_a": 0.01}
    health._look(30, {})
    health._look(40, {})
    assert len(told) == 1 and "8 examples of domain_b" in told[0] and "step 30" in told[0]
    assert len(health.warnings) == 2 and health.fatal is None


def test_settings_of_the_tiny_recipe_are_complete():
    from tfgan_suite.training import options

    assert options.constants(vars(tiny_translation))["WAYS"].default == 1
