"""The verbs of the base class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import AdversarialModel, InputError
from tfgan_suite.core.batches import examples
from tfgan_suite.core.signatures import Signature, TensorSpec


class Line(AdversarialModel):
    """One weight a player; `left` loses `2 * a`, `right` loses `3 * b + a`."""

    loss_names = ("left/slope", "right/slope", "right/other")

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.a, self.b = scalar("a"), scalar("b")

    def players(self):
        return {"left": [self.a], "right": [self.b]}

    def train_step(self, batch):
        one = tf.ones((1, 1))
        self.update("left", lambda: {"slope": 2.0 * self.a(one)[0, 0]})
        self.update("right", lambda: {"slope": 3.0 * self.b(one)[0, 0], "other": self.a(one)[0, 0]})
        return self.logs()

    def signatures(self):
        (network,) = self.ema("left")
        return {
            "serving_default": Signature(
                (TensorSpec("z", (1,), kind="normal"),),
                TensorSpec("point", (1,), kind="point"),
                lambda z: network(z),
                (network,),
            )
        }


def scalar(name):
    return keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")],
        name=name,
    )


def compiled(rate=1.0, **arguments):
    game = Line(**arguments)
    game.compile(left=keras.optimizers.SGD(rate), right=keras.optimizers.SGD(rate))
    return game


def steps(game, count):
    data = tf.data.Dataset.from_tensors(tf.zeros((2, 1))).repeat()
    return game.fit(data, steps_per_epoch=count, verbose=0, shuffle=False).history


def weight(network):
    return float(np.squeeze(network.get_weights()[0]))


def test_each_player_moves_down_its_own_terms_alone():
    game = compiled()
    steps(game, 1)
    assert weight(game.a) == -2.0  # not -3: `other` is the right player's term
    assert weight(game.b) == -3.0
    assert int(game.steps.numpy()) == 1


def test_logs_are_means_over_the_epoch():
    history = steps(compiled(), 3)
    # a is 0, -2, -4 when the left player looks; its term is 2 a.
    assert history["left/slope"] == [pytest.approx((0 - 4 - 8) / 3)]
    assert history["right/other"] == [pytest.approx((-2 - 4 - 6) / 3)]


def test_a_shared_tape_gives_the_gradient_of_both_parts():
    game = compiled()
    tape = game.tape("left")
    with tape:
        doubled = 2.0 * game.a(tf.ones((1, 1)))
    game.update("left", lambda: {"slope": 5.0 * doubled[0, 0]}, tape)
    assert weight(game.a) == -10.0


@pytest.mark.parametrize("names", [("left",), ("left", "right", "judge")])
def test_compile_wants_one_optimizer_for_each_player(names):
    game = Line()
    with pytest.raises(InputError, match="missing: \\['right'\\]|unknown: \\['judge'\\]"):
        game.compile(**{name: keras.optimizers.SGD() for name in names})


def test_players_cannot_share_an_optimizer():
    both = keras.optimizers.SGD()
    with pytest.raises(InputError, match="share"):
        Line().compile(left=both, right=both)


def test_a_term_outside_loss_names_is_an_error():
    with pytest.raises(ValueError, match="left/typo"):
        compiled().record("left/typo", tf.constant(0.0))


def test_a_forgotten_term_is_an_error():
    class Silent(Line):
        def train_step(self, batch):
            return self.logs()

    game = Silent()
    game.compile(left=keras.optimizers.SGD(), right=keras.optimizers.SGD())
    with pytest.raises(ValueError, match="not reported"):
        game.train_step(tf.zeros((2, 1)))


def test_averages_follow_with_a_short_memory_at_the_start():
    game = compiled(ema_decays={"left": 0.9})
    steps(game, 2)
    # Weights are -2 and -4; decays are 1/10 and 2/11.
    expected = -2 * 0.9
    expected += (-4 - expected) * 9 / 11
    assert weight(game.ema("left")[0]) == pytest.approx(expected)
    assert game.ema("right") == [game.b]
    assert game.generate(z=np.ones((1, 1), "f4"))[0, 0] == pytest.approx(expected)


def test_averages_of_an_unknown_player_are_refused():
    with pytest.raises(InputError, match="middle"):
        compiled(ema_decays={"middle": 0.9})


def test_noise_is_a_function_of_seed_salt_and_step():
    first, same = compiled(seed=5), compiled(seed=5)
    draw = first.noise((4, 3), "z").numpy()
    assert np.array_equal(draw, same.noise((4, 3), "z").numpy())
    assert not np.array_equal(draw, first.noise((4, 3), "other").numpy())
    assert not np.array_equal(draw, compiled(seed=6).noise((4, 3), "z").numpy())
    steps(first, 1)
    assert not np.array_equal(draw, first.noise((4, 3), "z").numpy())


def test_noise_has_the_asked_distribution():
    game = compiled()
    normal = game.noise((100_000,), "a").numpy()
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    uniform = game.noise((100_000,), "b", "uniform").numpy()
    assert uniform.min() < -0.99 and uniform.max() < 1 and abs(uniform.mean()) < 0.02
    unit = game.noise((100_000,), "c", "unit").numpy()
    assert 0 <= unit.min() < 0.01 and 0.99 < unit.max() < 1
    with pytest.raises(InputError, match="gamma"):
        game.noise((1,), "d", "gamma")


def test_replicas_draw_the_parts_of_the_global_noise(two_replicas):
    one = compiled(seed=5)
    with two_replicas.scope():
        two = compiled(seed=5)

    @tf.function
    def draw(per_replica):
        return two_replicas.run(lambda: two.noise((2, 3), "z", per_replica=per_replica))

    parts = two_replicas.experimental_local_results(draw(False))
    parts = np.concatenate([part.numpy() for part in parts])
    assert np.array_equal(parts, one.noise((4, 3), "z").numpy())
    own = [p.numpy() for p in two_replicas.experimental_local_results(draw(True))]
    assert own[0].shape == (2, 3) and not np.array_equal(*own)


def test_gradients_are_divided_by_the_number_of_replicas_once(two_replicas):
    with two_replicas.scope():
        game = compiled()
    steps(game, 1)
    assert weight(game.a) == -2.0


def test_generate_names_what_is_wrong_with_its_inputs():
    game = compiled()
    with pytest.raises(InputError, match="'label'.*'z'"):
        game.generate(label=[1])
    assert game.generate(2, seed=1).shape == (2, 1)


def test_predict_runs_the_generator():
    game = compiled()
    game.a.set_weights([np.array([[4.0]], "f4")])
    assert game.predict(np.ones((3, 1), "f4"), verbose=0).tolist() == [[4.0]] * 3


def test_examples_are_found_in_every_kind_of_batch():
    numbers = tf.constant([[1, 2]], tf.uint8)
    batches = ({"image": numbers}, {"point": numbers}, (numbers, None), numbers)
    for batch in batches:
        assert examples(batch).numpy().tolist() == [[1.0, 2.0]]
        assert examples(batch).dtype == tf.float32
    with pytest.raises(InputError, match="image"):
        examples({"picture": numbers})
