"""StackGAN: the losses by hand, conditioning augmentation, and a stage I that stays frozen."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import GameChecks, value

from tfgan_suite import InputError
from tfgan_suite.games import stackgan
from tfgan_suite.layers.conditioning_augmentation import ConditioningAugmentation
from tfgan_suite.text import BagOfWords

WORDS = ("blue", "circle", "red", "square")
SENTENCES = ("red circle", "blue square", "red square", "blue circle")
LOW, HIGH, CONDITION, LATENT = 8, 16, 3, 5


def encoder():
    return BagOfWords(WORDS, SENTENCES)


def examples(count, size):
    random = np.random.RandomState(0)
    vectors = encoder().encode([SENTENCES[index % 4] for index in range(count)])
    return {
        "image": random.uniform(-1, 1, (count, size, size, 3)).astype("f4"),
        "embedding": vectors,
        "mismatched_embedding": 1.0 - vectors,
    }


def plain_generator(size, first_shape, names=("z", "embedding", "eps"), low=None):
    """Conditioning augmentation and a dense layer: no statistics of the batch."""
    first = keras.Input(first_shape, name=names[0])
    embedding = keras.Input((len(WORDS),), name="embedding")
    last = keras.Input(low or (CONDITION,), name=names[2])
    eps, other = (first, keras.layers.Flatten()(last)) if low else (last, first)
    c, mu, log_sigma = ConditioningAugmentation(CONDITION)([embedding, eps])
    x = keras.layers.Concatenate()([c, other])
    x = keras.layers.Dense(size * size * 3, activation="tanh", dtype="float32")(x)
    image = keras.layers.Reshape((size, size, 3))(x)
    return keras.Model([first, embedding, last], [image, mu, log_sigma])


def stage1_generator(plain=False):
    if plain:
        return plain_generator(LOW, (LATENT,))
    return stackgan.build_stage1_generator(
        LOW, len(WORDS), latent_dim=LATENT, condition_dim=CONDITION, width=8
    )


def stage2_generator(plain=False):
    if plain:
        names = ("eps", "embedding", "low")
        return plain_generator(HIGH, (CONDITION,), names, (LOW, LOW, 3))
    return stackgan.build_stage2_generator(
        LOW, len(WORDS), scale=2, condition_dim=CONDITION, width=4, residual_blocks=1
    )


def discriminator(size, **options):
    options = {"norm": "none", "hidden_units": 3, "architecture": "plain", **options}
    return stackgan.build_discriminator(size, len(WORDS), width=2, text_units=2, **options)


def stage1(plain=False, **options):
    networks = stage1_generator(plain), discriminator(LOW)
    return stackgan.StackGANStage1(*networks, encoder=encoder(), seed=3, **options)


def stage2(plain=False, **options):
    networks = stage2_generator(plain), discriminator(HIGH), stage1_generator(plain)
    return stackgan.StackGANStage2(*networks, encoder=encoder(), seed=3, **options)


class TestStage1(GameChecks):
    batch = 4
    # Stage II takes the same step, and its export holds stage I.
    test_resuming_equals_never_stopping = None
    test_two_replicas_equal_one = None
    test_exports_equal_the_game = None

    def make_game(self, plain=False):
        return stage1(plain)

    def examples(self, count):
        return examples(count, LOW)


class TestStage2(GameChecks):
    batch = 4
    # The recipe's test converts the chain to TFLite.
    exported_formats = ("saved_model",)

    def make_game(self, plain=False):
        return stage2(plain)

    def make_small_game(self, plain=False):
        return stage2(plain=True)

    def examples(self, count):
        return examples(count, HIGH)


@pytest.fixture(scope="module")
def first():
    return stage1()


@pytest.fixture(scope="module")
def second():
    return stage2()


def scored(game, monkeypatch, *probabilities):
    """Lets the discriminator answer with these probabilities, in the order of its calls."""
    logits = iter([math.log(p / (1.0 - p)) for p in probabilities])
    monkeypatch.setattr(game, "score", lambda images, embedding: tf.fill((4, 1), next(logits)))


def discriminator_loss(game):
    image, vector = tf.zeros((4, LOW, LOW, 3)), tf.zeros((4, len(WORDS)))
    terms = game.discriminator_terms(image, image, vector, vector)
    return float(tf.add_n(list(terms.values())))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_at_a_draw_the_losses_are_two_logs_of_two(first, monkeypatch, share):
    scored(first, monkeypatch, 0.5, 0.5, 0.5, 0.5)
    monkeypatch.setitem(vars(first), "mismatch_weight", share)
    assert discriminator_loss(first) == pytest.approx(2 * math.log(2))
    zeros = tf.zeros((4, CONDITION))
    terms = first.generator_terms(tf.zeros((4, LOW, LOW, 3)), zeros, zeros, zeros)
    assert float(terms["adversarial"]) == pytest.approx(math.log(2))
    assert float(terms["kl"]) == 0.0


def test_the_pairs_have_their_weights(first, monkeypatch):
    # Real .9, generated .4, mismatched .2: -log .9 - log .6 / 2 - log .8 / 2.
    scored(first, monkeypatch, 0.9, 0.4, 0.2)
    assert discriminator_loss(first) == pytest.approx(0.4723, abs=1e-4)


def test_the_pairs_are_those_of_the_paper(first, monkeypatch):
    calls = []

    def score(images, embedding):
        calls.append((float(images[0, 0, 0, 0]), float(embedding[0, 0])))
        return tf.zeros((4, 1))

    monkeypatch.setattr(first, "score", score)
    image, vector = (functools.partial(tf.fill, shape) for shape in ((4, 8, 8, 3), (4, 4)))
    first.discriminator_terms(image(0.1), image(0.2), vector(1.0), vector(2.0))
    expected = {(0.1, 1.0), (0.2, 1.0), (0.1, 2.0)}
    assert {(round(pixel, 3), vector) for pixel, vector in calls} == expected


@pytest.mark.parametrize("reduction, total", [("mean", 2.0 * 0.5), ("sum", 1.0 * 0.5 * CONDITION)])
def test_the_divergence_has_the_weight_of_its_reduction(monkeypatch, reduction, total):
    game = stage1(plain=True, kl_reduction=reduction)
    scored(game, monkeypatch, 0.5)
    ones = tf.ones((4, CONDITION))
    terms = game.generator_terms(tf.zeros((4, LOW, LOW, 3)), ones, ones, tf.zeros_like(ones))
    assert float(terms["kl"]) == pytest.approx(total)


def test_the_divergence_moves_the_generator_alone(first):
    assert "generator/kl" in first.loss_names
    assert not any("kl" in name for name in first.loss_names if name.startswith("discriminator"))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_sentence_that_is_lost_on_the_way_is_diagnosed(reduction):
    game = stage1(plain=True, kl_reduction=reduction, kl_weight=0.5)
    scale = 0.5 if reduction == "sum" else 0.5 / CONDITION  # of the loss per nat
    (message,) = game.diagnose_lasting({"generator/kl": 0.6 * scale})
    assert "at most 0.60 nats about a sentence" in message
    assert game.diagnose_lasting({"generator/kl": 0.8 * scale}) == []
    assert stage1(plain=True, kl_weight=0.0).diagnose_lasting({"generator/kl": 0.0}) == []


def test_without_eps_an_image_is_that_of_the_mean(first):
    z, still = np.ones((2, LATENT), "f4"), np.zeros((2, CONDITION), "f4")
    images = [first.generate(2, seed, text="red circle", z=z, eps=still) for seed in (1, 2)]
    np.testing.assert_array_equal(*images)
    assert np.abs(images[0][0] - images[0][1]).max() < 1e-6
    # With eps, samples of one sentence and one z differ.
    varied = first.generate(2, 1, text="red circle", z=z)
    assert np.abs(varied[0] - varied[1]).max() > 1e-6


def frozen(game):
    return {variable.path if hasattr(variable, "path") else variable.name: value(variable)
            for variable in game.stage1.variables}  # fmt: skip


def test_stage_i_is_bit_identical_after_steps_of_stage_ii():
    networks = stage2_generator(plain=True), discriminator(HIGH), stage1_generator()
    game = stackgan.StackGANStage2(*networks, encoder=encoder(), ema_decay=0.9)
    norms = [n for n in game.stage1.layers if isinstance(n, keras.layers.BatchNormalization)]
    for norm in norms:  # statistics that a batch would change
        norm.moving_mean.assign(norm.moving_mean + 0.5)
    game.compile(
        generator=keras.optimizers.SGD(0.1),
        discriminator=keras.optimizers.SGD(0.1),
        run_eagerly=True,
    )
    before = [value(variable) for variable in game.stage1.variables]
    assert norms
    moved = [value(variable) for variable in game.generator.trainable_variables]
    batch = {key: tf.constant(array) for key, array in examples(4, HIGH).items()}
    for _ in range(2):
        game.train_step(batch)
    for variable, array in zip(game.stage1.variables, before):
        assert np.array_equal(value(variable), array), variable.name
    after = [value(variable) for variable in game.generator.trainable_variables]
    assert any(not np.array_equal(*pair) for pair in zip(after, moved))
    assert not game.stage1.trainable_variables
    assert not set(map(id, game.stage1.variables)) & {
        id(v) for nets in game.players().values() for net in nets for v in net.variables
    }


def test_no_gradient_reaches_stage_i(second):
    embedding = tf.constant(examples(2, HIGH)["embedding"])
    variables = [v for v in second.stage1.variables if "moving" not in v.name]
    with tf.GradientTape(persistent=True) as tape:
        for variable in variables:
            tape.watch(variable if isinstance(variable, tf.Variable) else variable.value)
        inputs = second.generator_inputs(embedding)
        fake, mu, log_sigma = second.generator(inputs, training=True)
        terms = second.generator_terms(fake, embedding, mu, log_sigma)
        loss = tf.add_n(list(terms.values()))
    watched = [v if isinstance(v, tf.Variable) else v.value for v in variables]
    assert watched and tape.gradient(loss, watched) == [None] * len(watched)
    assert tape.gradient(loss, second.generator.trainable_variables[0]) is not None


def test_stage_i_draws_in_training_what_it_draws_afterwards(second):
    """Its batch norms have no batch: an image does not depend on those beside it."""
    inputs = [tf.random.stateless_normal((4, n), [n, 0]) for n in (LATENT, len(WORDS), CONDITION)]
    together = second.draw_low(*inputs).numpy()
    alone = second.draw_low(*(each[:1] for each in inputs)).numpy()
    np.testing.assert_allclose(together[:1], alone, atol=1e-6)


def test_the_text_is_read_twice(second):
    low, eps = tf.fill((2, LOW, LOW, 3), 0.2), tf.zeros((2, CONDITION))
    vectors = tf.constant(encoder().encode(["red circle", "blue circle"]))
    image = second.generator([eps, vectors, low], training=False)[0].numpy()
    assert np.abs(image[0] - image[1]).max() > 1e-6


def test_the_chain_is_one_signature(second):
    signatures = second.signatures()
    names = {"serving_default", "text", "encode_text", "generate", "stage1"}
    assert set(signatures) == names
    # TFLite takes no strings: its files hold the chain from a vector, and stage I.
    assert {name for name in names if not signatures[name].saved_model_only} == {
        "serving_default",
        "stage1",
    }
    draws = np.random.RandomState(1)
    noise = {"z": (2, LATENT), "eps": (2, CONDITION), "eps2": (2, CONDITION)}
    noise = {name: draws.normal(size=shape).astype("f4") for name, shape in noise.items()}
    texts = np.array(["red circle", "blue square"], object)
    vectors = encoder().encode(texts)
    low = second.run_signature(
        {"z": noise["z"], "eps": noise["eps"], "embedding": vectors}, "stage1"
    )["image"]
    assert low.shape == (2, LOW, LOW, 3)
    expected = second.generator([noise["eps2"], vectors, low], training=False)[0].numpy()
    for name, sentence in (
        ("serving_default", {"embedding": vectors}),
        ("generate", {"text": texts}),
    ):
        image = second.run_signature({**noise, **sentence}, name)["image"]
        np.testing.assert_allclose(image, expected, atol=1e-6, err_msg=name)


def test_stage_i_is_saved_with_the_game(tmp_path):
    source, target = stage2(), stage2()
    target.stage1.set_weights([w + 1.0 for w in source.stage1.get_weights()])
    for game in (source, target):
        game.compile("sgd")
    path = tf.train.Checkpoint(game=source).save(str(tmp_path / "step"))
    tf.train.Checkpoint(game=target).restore(path)
    for variable, array in zip(target.stage1.variables, frozen(source).values()):
        assert np.array_equal(value(variable), array)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: stage1(kl_reduction="max"), "mean, sum"),
        (lambda: stage1(kl_weight=-1.0), "kl_weight is -1"),
        (lambda: stage1(mismatch_weight=1.5), "mismatch_weight 1.5"),
        (
            lambda: stackgan.StackGANStage2(
                stage2_generator(), discriminator(HIGH), plain_generator(HIGH, (LATENT,))
            ),
            r"stage I draws images of shape \(16, 16, 3\), but stage II takes \(8, 8, 3\)",
        ),
        (
            lambda: stackgan.StackGANStage1(stage2_generator(), discriminator(LOW)),
            "images of shape",
        ),
    ],
)
def test_impossible_games_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
