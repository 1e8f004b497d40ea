"""FusedAdam equals Keras's Adam: steps, options, state, replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, compat
from tfgan_suite.games import dcgan
from tfgan_suite.training.optimizers import FusedAdam

STEPS = 20
OPTIONS = [
    {},
    {"beta_1": 0.5},
    {"beta_1": 0.0, "beta_2": 0.9},
    {"epsilon": 1e-3},
    {"global_clipnorm": 0.5},
    {"clipnorm": 0.1},
    {"clipvalue": 0.05},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"use_ema": True, "ema_momentum": 0.9},
]


def network():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(2)]
    )


def value_of(variable):
    return tf.convert_to_tensor(variable).numpy()


def train(optimizer, model, steps=STEPS, start=0, graph=True):
    """Fits noise, the same for every optimizer; returns the weights after the last step."""
    variables = model.trainable_variables
    compat.build_optimizer(optimizer, variables)

    def step(seed):
        x = tf.random.stateless_normal((8, 4), seed)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - tf.sin(3.0 * x[:, :2])) ** 2)
        native = [compat.tensor_variable(variable) for variable in variables]
        compat.apply_gradients(optimizer, tape.gradient(loss, native), variables)

    run = tf.function(step) if graph else step
    for number in range(start, start + steps):
        run(tf.constant([number, 1]))
    return model.get_weights()


def assert_close(ours, theirs, rtol=1e-4, atol=1e-6):
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=atol)


def test_first_steps_by_hand():
    """Two steps with gradients 1 and 3, in float64 from the paper's equations."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    layer.build((None, 1))
    optimizer = FusedAdam(0.1, beta_1=0.5, beta_2=0.9, epsilon=0.01)
    compat.build_optimizer(optimizer, [layer.kernel])
    moment = velocity = value = 0.0
    for step, gradient in enumerate((1.0, 3.0), 1):
        moment = 0.5 * moment + 0.5 * gradient
        velocity = 0.9 * velocity + 0.1 * gradient**2
        rate = 0.1 * (1 - 0.9**step) ** 0.5 / (1 - 0.5**step)
        value -= rate * moment / (velocity**0.5 + 0.01)
        compat.apply_gradients(optimizer, [tf.fill((1, 1), gradient)], [layer.kernel])
        assert float(value_of(layer.kernel)[0, 0]) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ",".join(options) or "plain")
def test_equals_keras_adam(options):
    theirs = train(keras.optimizers.Adam(0.01, **options), network())
    start = network().get_weights()
    ours = train(FusedAdam(0.01, **options), network())
    assert not np.allclose(ours[0], start[0], atol=1e-2)
    assert_close(ours, theirs)


def test_equals_keras_adam_eagerly_and_with_a_schedule():
    rates = keras.optimizers.schedules.PolynomialDecay(0.05, 5, 0.001)
    theirs = train(keras.optimizers.Adam(rates), network(), 6, graph=False)
    assert_close(train(FusedAdam(rates), network(), 6, graph=False), theirs)


def operations(optimizer):
    """Kinds of operation in the graph of one update."""
    layer = keras.layers.Dense(2)
    layer.build((None, 2))
    compat.build_optimizer(optimizer, layer.trainable_variables)

    @tf.function
    def step():
        compat.apply_gradients(optimizer, [tf.ones((2, 2)), tf.ones(2)], layer.trainable_variables)

    return [op.type for op in step.get_concrete_function().graph.get_operations()]


def test_calls_the_kernel_where_it_can():
    fused = operations(FusedAdam(0.1))
    assert fused.count("ResourceApplyAdam") == 2
    assert fused.count("Pow") == 2  # beta_1^t and beta_2^t, of all variables
    assert "ResourceApplyAdam" not in operations(FusedAdam(0.1, amsgrad=True))


def test_sparse_gradients():
    results = []
    for make in (keras.optimizers.Adam, FusedAdam):
        table = keras.layers.Embedding(5, 3, embeddings_initializer="ones")
        table.build((None,))
        optimizer = make(0.1)
        compat.build_optimizer(optimizer, table.trainable_variables)
        gradient = tf.IndexedSlices(
            tf.constant([[1.0, 2.0, 3.0]] * 2), tf.constant([1, 3]), tf.constant([5, 3])
        )
        for _ in range(3):
            compat.apply_gradients(optimizer, [gradient], table.trainable_variables)
        results.append(table.get_weights())
    assert_close(*results)


def test_state_is_restored_exactly(tmp_path):
    """Ten steps, a checkpoint, ten steps in new objects: the same bits as twenty steps."""
    whole = train(FusedAdam(0.01), network())
    model, optimizer = network(), FusedAdam(0.01)
    train(optimizer, model, 10)
    path = tf.train.Checkpoint(model=model, optimizer=optimizer).write(str(tmp_path / "half"))
    model, optimizer = network(), FusedAdam(0.01)
    compat.build_optimizer(optimizer, model.trainable_variables)
    tf.train.Checkpoint(model=model, optimizer=optimizer).read(path).assert_consumed()
    for mine, theirs in zip(train(optimizer, model, 10, start=10), whole):
        np.testing.assert_array_equal(mine, theirs)


def test_state_is_that_of_keras_adam(tmp_path):
    """A checkpoint of Keras's Adam goes on under FusedAdam."""
    whole = train(keras.optimizers.Adam(0.01), network())
    model, optimizer = network(), keras.optimizers.Adam(0.01)
    train(optimizer, model, 10)
    path = tf.train.Checkpoint(model=model, optimizer=optimizer).write(str(tmp_path / "half"))
    model, optimizer = network(), FusedAdam(0.01)
    compat.build_optimizer(optimizer, model.trainable_variables)
    tf.train.Checkpoint(model=model, optimizer=optimizer).read(path).assert_consumed()
    assert_close(train(optimizer, model, 10, start=10), whole)


def test_config():
    optimizer = FusedAdam(2e-4, beta_1=0.5, global_clipnorm=1.0)
    config = keras.optimizers.serialize(optimizer)
    again = keras.optimizers.deserialize(config)
    assert isinstance(again, FusedAdam)
    assert again.get_config() == optimizer.get_config()
    assert compat.get_learning_rate(again) == pytest.approx(2e-4)


def test_two_replicas(two_replicas):
    """Half the batch on each replica, losses halved: the same as one device."""
    results = []
    for make in (keras.optimizers.Adam, FusedAdam):
        with two_replicas.scope():
            model, optimizer = network(), make(0.01, global_clipnorm=10.0)
            compat.build_optimizer(optimizer, model.trainable_variables)
        native = [compat.tensor_variable(v) for v in model.trainable_variables]

        def replica_step(seed, model=model, optimizer=optimizer, native=native):
            whole = tf.random.stateless_normal((8, 4), seed)
            part = tf.distribute.get_replica_context().replica_id_in_sync_group
            x = tf.reshape(whole, (2, 4, 4))[part]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x) - tf.sin(3.0 * x[:, :2])) ** 2) / 2.0
            gradients = tape.gradient(loss, native)
            compat.apply_gradients(optimizer, gradients, model.trainable_variables)

        run = tf.function(lambda seed, f=replica_step: two_replicas.run(f, (seed,)))
        for number in range(STEPS):
            run(tf.constant([number, 1]))
        for variable in native:
            first, second = two_replicas.experimental_local_results(variable)
            np.testing.assert_array_equal(first, second)
        results.append(model.get_weights())
    one_device = train(FusedAdam(0.01), network())
    assert_close(results[1], results[0])
    assert_close(results[1], one_device, rtol=1e-3, atol=1e-5)


def test_loss_scaled():
    compat.set_precision("float16")
    try:
        optimizer = compat.loss_scaled(FusedAdam(0.01))
    finally:
        compat.set_precision("float32")
    assert compat.is_loss_scaled(optimizer)
    assert_close(train(optimizer, network()), train(keras.optimizers.Adam(0.01), network()))


@pytest.mark.parametrize("rate", [-1, -1e-9, float("nan"), float("inf")])
def test_impossible_learning_rates_are_refused(rate):
    for build in (lambda: FusedAdam(rate), lambda: FusedAdam(learning_rate=rate, beta_1=0.5)):
        with pytest.raises(InputError, match="Adam's learning rate is"):
            build()


def test_a_rate_of_zero_freezes_and_schedules_pass():
    assert compat.get_learning_rate(FusedAdam(0.0)) == 0.0
    FusedAdam(keras.optimizers.schedules.CosineDecay(1e-3, 10))
    FusedAdam()
    # A decay that has ended is restored.
    optimizer = FusedAdam(1e-3)
    compat.set_learning_rate(optimizer, 0.0)
    assert compat.get_learning_rate(FusedAdam.from_config(optimizer.get_config())) == 0.0


def test_a_game_refuses_the_rate_of_any_optimizer():
    game = dcgan.DCGAN(dcgan.build_generator(8, 1, 2, 4), dcgan.build_discriminator(8, 1, 2))
    with pytest.raises(InputError, match="learning rate of the discriminator is -1"):
        game.compile(generator=FusedAdam(1e-3), discriminator=keras.optimizers.SGD(-1.0))
