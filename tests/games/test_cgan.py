"""CGAN: labels reach both players, in the three forms of the papers."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, trainable, value

from tfgan_suite import InputError
from tfgan_suite.games import cgan
from tfgan_suite.layers import spectral
from tfgan_suite.layers.conditioning import OneHot, class_loss, projection_logit

SHAPE, CLASSES = (8, 8, 1), 3


def plain_generator():
    z, label = keras.Input((6,), name="z"), keras.Input((), dtype="int32", name="label")
    x = keras.layers.Concatenate()([z, OneHot(CLASSES)(label)])
    x = keras.layers.Dense(64, activation="tanh")(x)
    return keras.Model([z, label], keras.layers.Reshape(SHAPE)(x))


class TestConcat(GameChecks):
    batch = 4
    conditioning = "concat"

    def make_game(self, plain=False):
        form = (SHAPE, CLASSES, self.conditioning, "conv")
        generator = plain_generator() if plain else cgan.build_generator(*form, 2, 6)
        discriminator = cgan.build_discriminator(*form, 2, norm="none")
        return cgan.CGAN(generator, discriminator, classes=CLASSES, seed=3)

    def examples(self, count):
        random = np.random.RandomState(0)
        image = random.uniform(-1, 1, (count, *SHAPE)).astype("f4")
        return {"image": image, "label": (np.arange(count) % CLASSES).astype("i4")}


class TestProjection(TestConcat):
    conditioning = "projection"
    test_a_players_update_moves_its_own_variables_alone = None
    test_two_replicas_equal_one = None
    # Within the hinge's margin the discriminator's last bias shifts real and fake values alike.
    without_gradient = ("value/bias",)


class TestAuxiliary(TestConcat):
    conditioning = "auxiliary"
    # Its layers are those of the first class, but for a second output.
    test_resuming_equals_never_stopping = None
    test_exports_equal_the_game = None


def game_of(conditioning="concat", shape=(2,), architecture="mlp", **options):
    keras.utils.set_random_seed(0)
    form = (shape, CLASSES, conditioning, architecture)
    return cgan.CGAN(
        cgan.build_generator(*form, 4, 5),
        cgan.build_discriminator(*form, 4),
        classes=CLASSES,
        **options,
    )


@pytest.mark.parametrize("architecture", ["conv", "dense"])
def test_the_class_changes_the_image_and_the_judgement(architecture):
    keras.utils.set_random_seed(0)
    form = (SHAPE, CLASSES, "concat", architecture, 4)
    z, labels = tf.ones((2, 6)), tf.constant([0, 1])
    one, two = cgan.build_generator(*form, latent_dim=6)([z, labels]).numpy()
    assert np.abs(one - two).max() > 1e-6
    logits = cgan.build_discriminator(*form)([tf.ones((2, *SHAPE)), labels]).numpy()
    assert abs(logits[0, 0] - logits[1, 0]) > 1e-6


def test_without_weights_for_the_class_it_changes_nothing():
    generator = cgan.build_generator((2,), CLASSES, "concat", "mlp", 4, 6)
    first = generator.trainable_variables[0]
    kernel = value(first)
    assert kernel.shape[0] == 6 + CLASSES
    kernel[6:] = 0.0
    first.assign(kernel)
    one, two = generator([tf.ones((2, 6)), tf.constant([0, 2])]).numpy()
    assert np.array_equal(one, two)


def test_the_class_enters_at_every_layer():
    generator = cgan.build_generator((16, 16, 3), CLASSES, width=2, latent_dim=6)
    discriminator = cgan.build_discriminator((16, 16, 3), CLASSES, width=2)
    for network, layers in ((generator, 4), (discriminator, 4)):
        told = [one for one in network.layers if one.__class__.__name__ == "ConcatenateLabel"]
        assert len(told) == layers, network.name


def test_the_projection_adds_the_product_with_the_class_vector():
    phi, label = keras.Input((4,)), keras.Input((), dtype="int32")
    model = keras.Model([phi, label], projection_logit(phi, label, 2))
    vectors = model.get_layer("class_vectors")
    vectors.embeddings.assign([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    for _ in range(50):
        spectral.run_power_iteration(model)
    found = model([tf.ones((2, 4)), tf.constant([0, 1])]).numpy()[:, 0]
    head = keras.Model(phi, model.get_layer("value").output)
    value_alone = head(tf.ones((1, 4))).numpy()[0, 0]
    # phi = 1: the sum of e_y, divided by its spectral norm sqrt(30); with e_y = 0 nothing is added.
    assert found[0] - value_alone == pytest.approx(10 / math.sqrt(30), rel=1e-4)
    assert found[1] == pytest.approx(value_alone, rel=1e-5)


def test_every_weight_of_a_projection_discriminator_is_divided():
    discriminator = cgan.build_discriminator((8, 8, 3), CLASSES, "projection", "conv", 2)
    kernels = {id(v) for v in discriminator.trainable_variables if len(v.shape) > 1}
    assert kernels == {id(one.weight) for one in spectral.spectral_layers(discriminator)}
    assert game_of("projection").adversarial.name == "hinge"
    assert game_of("concat").adversarial.name == "non_saturating"


def test_equal_class_logits_cost_log_k():
    loss = class_loss(tf.zeros((4, 10)), tf.constant([0, 3, 9, 9]))
    assert float(loss) == pytest.approx(2.302585, rel=1e-6)


def test_the_auxiliary_terms():
    game = game_of("auxiliary", class_weight=0.5)
    for network in (game.discriminator,):
        network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    points, label = tf.random.stateless_normal((6, 2), [0, 0]), tf.constant([0, 1, 2, 0, 1, 2])
    terms = {k: float(v) for k, v in game.discriminator_terms(points, points, label).items()}
    assert terms["real"] + terms["fake"] == pytest.approx(2 * math.log(2))  # -L_S at D = 1/2
    assert terms["class"] == terms["fake_class"] == pytest.approx(0.5 * math.log(3))
    terms = game.generator_terms(points, label)
    assert float(terms["adversarial"]) == pytest.approx(math.log(2))
    assert float(terms["class"]) == pytest.approx(0.5 * math.log(3))
    alone = game_of("auxiliary", classify_fakes=False)
    assert "fake_class" not in alone.discriminator_terms(points, points, label)


def test_r1_is_about_the_logit_alone():
    game = game_of("auxiliary", r1_weight=2.0)
    point = keras.Input((2,))
    logit, classes = keras.layers.Dense(1), keras.layers.Dense(CLASSES)
    game.discriminator = keras.Model(point, [logit(point), classes(point)])
    logit.set_weights([np.array([[3.0], [4.0]], "f4"), np.zeros(1, "f4")])
    terms = game.discriminator_terms(tf.ones((5, 2)), tf.zeros((5, 2)), tf.zeros(5, tf.int32))
    assert float(terms["r1"]) == pytest.approx(25.0, rel=1e-5)


def test_both_players_get_the_same_classes():
    seen = {}

    class Spy(cgan.CGAN):
        def score(self, shown, label):
            seen.setdefault("judge", []).append(label.numpy().tolist())
            return super().score(shown, label)

    generator = cgan.build_generator((2,), CLASSES, "concat", "mlp", 4, 5)
    game = Spy(
        generator, cgan.build_discriminator((2,), CLASSES, "concat", "mlp", 4), classes=CLASSES
    )
    game.compile(
        generator=keras.optimizers.SGD(), discriminator=keras.optimizers.SGD(), run_eagerly=True
    )
    batch = {"point": np.zeros((4, 2), "f4"), "label": np.array([2, 0, 1, 1], "i4")}
    game.fit(tf.data.Dataset.from_tensors(batch), verbose=0, shuffle=False)
    assert seen["judge"] == [[2, 0, 1, 1]] * 3  # real, fake, and the generator's fake


def test_the_best_discriminator_of_a_table_is_found_class_by_class():
    """D*(x, y) = p / (p + q) has gradient 0, and the value there is log 4 - 2 E_y JSD."""
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    q = np.array([[0.2, 0.2, 0.6], [0.1, 0.5, 0.4]])
    table = tf.Variable(np.log(p / q).astype("f4"))
    game = game_of()
    real, fake, label = [], [], []
    for y in range(2):
        real += np.repeat(np.arange(3), np.round(10 * p[y]).astype(int)).tolist()
        fake += np.repeat(np.arange(3), np.round(10 * q[y]).astype(int)).tolist()
        label += [y] * 10

    def score(shown, label):
        return tf.gather_nd(table, tf.stack([label, tf.cast(shown[:, 0], tf.int32)], 1)), None

    game.score = score
    column = lambda numbers: tf.constant(numbers, tf.float32)[:, None]  # noqa: E731
    with tf.GradientTape() as tape:
        terms = game.discriminator_terms(column(real), column(fake), tf.constant(label))
        total = terms["real"] + terms["fake"]
    gradient = tf.convert_to_tensor(tape.gradient(total, table))
    np.testing.assert_allclose(gradient, np.zeros((2, 3)), atol=1e-6)
    middle = (p + q) / 2
    divergence = 0.5 * (p * np.log(p / middle) + q * np.log(q / middle)).sum(1)
    assert float(total) == pytest.approx(math.log(4) - 2 * divergence.mean(), rel=1e-5)


def count(network):
    return sum(int(np.prod(variable.shape)) for variable in trainable([network]))


def test_the_papers_dense_nets():
    # z 100 -> 200, y 10 -> 1000, both -> 1200 -> 784
    expected = 101 * 200 + 11 * 1000 + 1201 * 1200 + 1201 * 784
    assert count(cgan.build_generator(architecture="dense")) == expected
    # x 784 -> maxout 240 of 5, y 10 -> maxout 50 of 5, both -> maxout 240 of 4 -> 1
    expected = 785 * 1200 + 11 * 250 + 291 * 960 + 241
    assert count(cgan.build_discriminator(architecture="dense")) == expected


def test_the_convolutional_nets_of_28_pixels():
    # [z, y] -> 1024 BN, +y -> 7 * 7 * 128 BN, +y -> 64 BN, +y -> 1
    expected = 111 * 1024 + 1035 * 6272 + 25 * 138 * 64 + 64 + 25 * 74 + 1
    # In the second layer batch norm is per unit, before the maps are formed.
    assert count(cgan.build_generator()) == expected + 2 * (1024 + 6272 + 64)
    # [x, y] -> 64, +y -> 128 BN -> flat + y -> 1024 BN, +y -> 1
    expected = 25 * 11 * 64 + 64 + 25 * 74 * 128 + 128 + (6272 + 10 + 1) * 1024 + 1035
    assert count(cgan.build_discriminator()) == expected + 2 * (128 + 1024)


def test_generate_takes_one_class_for_all_or_one_each():
    game = game_of()
    drawn = game.generate(4, seed=1, label=2)
    assert drawn.shape == (4, 2)
    np.testing.assert_allclose(drawn, game.generate(4, seed=1, label=[2, 2, 2, 2]), atol=1e-6)
    assert np.abs(drawn - game.generate(4, seed=1, label=0)).max() > 1e-6
    for wrong in (3, -1, "red"):
        with pytest.raises(InputError, match="label"):
            game.generate(4, label=wrong)


def test_a_grid_has_a_class_a_column_and_a_z_a_row():
    game = game_of()
    inputs = game.preview_inputs(7, seed=2)
    assert game.preview_columns == 3
    assert inputs["label"].tolist() == [0, 1, 2, 0, 1, 2]
    z = inputs["z"].reshape(2, 3, 5)
    assert (z == z[:, :1]).all() and (z[0] != z[1]).any()
    assert game.generate(**inputs).shape == (6, 2)
    assert len(game.preview_inputs(1)["label"]) == 3


def test_labels_are_asked_for():
    game = game_of()
    game.compile(generator=keras.optimizers.SGD(), discriminator=keras.optimizers.SGD())
    with pytest.raises(InputError, match="without labels"):
        game.train_step({"point": tf.zeros((4, 2))})


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"conditioning": "film"}, "concat, projection, auxiliary"),
        ({"architecture": "resnet"}, "conv, dense, mlp"),
        ({"conditioning": "projection", "architecture": "dense"}, "conv, resnet, mlp"),
        ({"classes": 0}, "classes is 0"),
        ({"norm": "layer"}, "'batch' or 'none'"),
    ],
)
def test_impossible_networks_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        cgan.build_discriminator(**arguments)
