"""Feature networks by name, from files, and from callables."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, compat
from tfgan_suite.features import extractors


def network(channels=1, side=8):
    image = keras.Input((side, side, channels), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name="maps")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dense(3, name="features")(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(2, activation="softmax", name="classes")(x))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "tiny.keras"
    network().save(path)
    return path


def noise(count=5, side=8, channels=1):
    return np.random.RandomState(0).uniform(-1, 1, (count, side, side, channels)).astype("f4")


def test_a_file_gives_its_output_or_the_layer_that_is_named(file):
    model = keras.models.load_model(file)
    found = extractors.load(file)
    np.testing.assert_allclose(found.features(noise()), model(noise()), atol=1e-6)
    inner = keras.Model(model.inputs, model.get_layer("features").output)
    found = extractors.load(f"{file}:features", predictions=True)
    vectors, predictions = found.describe(noise())
    # Batch norm in inference mode: with those of the batch other values come out.
    np.testing.assert_allclose(vectors, inner(noise(), training=False), atol=1e-6)
    np.testing.assert_allclose(predictions, model(noise(), training=False), atol=1e-6)
    assert not found.gives_logits and found.protocol()["layer"] == "features"


def test_the_card_beside_a_file_names_its_layers(tmp_path):
    path = tmp_path / "tiny.keras"
    network().save(path)
    card = {"layers": {"features": "features", "predictions": "classes"}}
    path.with_suffix(".json").write_text(json.dumps(card))
    found = extractors.load(path, predictions=True)
    assert found.layers == ("features", "classes") and found.name == "tiny"
    path.with_suffix(".json").write_text("no json")
    with pytest.raises(InputError, match="tiny.json is damaged.*FILE:LAYER"):
        extractors.load(path)
    assert extractors.load(f"{path}:classes").layers == ("classes",)


def test_the_hash_changes_with_the_weights_and_with_nothing_else(file, tmp_path):
    one = extractors.load(f"{file}:features").weights_hash
    assert one == extractors.load(f"{file}:features", predictions=True).weights_hash
    model = keras.models.load_model(file)
    model.save(tmp_path / "renamed.keras")
    assert extractors.load(f"{tmp_path / 'renamed.keras'}:features").weights_hash == one
    weights = model.get_weights()
    weights[0] = weights[0] + 1e-6
    model.set_weights(weights)
    model.save(tmp_path / "changed.keras")
    assert extractors.load(f"{tmp_path / 'changed.keras'}:features").weights_hash != one


def test_bytes_and_floats_are_the_same_images(file):
    pixels = np.random.RandomState(1).randint(0, 256, (4, 8, 8, 1)).astype("u1")
    found = extractors.load(file)
    np.testing.assert_allclose(
        found.features(pixels), found.features(pixels / 127.5 - 1.0), atol=1e-6
    )


def test_other_sizes_are_resized_as_the_protocol_says(file):
    big = noise(side=16)
    for method, antialias in (("bilinear", True), ("bilinear", False), ("bicubic", True)):
        found = extractors.load(file, resize=method, antialias=antialias)
        small = tf.image.resize(big, (8, 8), method, antialias=antialias)
        np.testing.assert_allclose(found.features(big), found.features(small.numpy()), atol=1e-6)
        words = "antialias" if antialias else "no antialias"
        assert found.protocol()["resize"] == f"to 8x8, {method}, {words}"
    plain, filtered = (
        extractors.load(f"{file}:features", antialias=a).features(big) for a in (False, True)
    )
    assert np.abs(plain - filtered).max() > 1e-3


def test_grey_is_repeated_where_colour_is_wanted_and_never_the_other_way(file, tmp_path):
    network(channels=3).save(tmp_path / "colour.keras")
    found = extractors.load(tmp_path / "colour.keras")
    grey = noise()
    np.testing.assert_allclose(
        found.features(grey), found.features(np.repeat(grey, 3, axis=3)), atol=1e-6
    )
    with pytest.raises(InputError, match="takes images .* 1\\); found shape .*3\\)"):
        extractors.load(file).features(noise(channels=3))


def test_features_are_differentiable_by_the_images(file):
    found = extractors.load(f"{file}:maps")
    images = tf.constant(noise(side=16))
    with tf.GradientTape() as tape:
        tape.watch(images)
        (maps,) = found(images)
        loss = tf.reduce_sum(maps**2)
    assert maps.shape == (5, 8, 8, 4)
    assert float(tf.reduce_sum(tf.abs(tape.gradient(loss, images)))) > 0


def test_a_layer_of_maps_needs_pooling(file):
    with pytest.raises(InputError, match="gives shape \\(5, 8, 8, 4\\).*pool='mean'"):
        extractors.load(f"{file}:maps").features(noise())
    pooled = extractors.load(f"{file}:maps", pool="mean")
    maps = extractors.load(f"{file}:maps")(tf.constant(noise()))[0]
    np.testing.assert_allclose(pooled.features(noise()), maps.numpy().mean((1, 2)), atol=1e-6)
    assert pooled.protocol()["pool"] == "mean"


def test_a_callable_of_the_wrong_rank_or_length_is_refused():
    for call in (lambda x: x[..., 0], lambda x: x[:, 0, 0, 0], lambda x: x[:1, 0, :, 0]):
        with pytest.raises(InputError, match="expected \\(5, features\\)"):
            extractors.from_callable(call, "mine").features(noise())


def test_a_callable_and_a_keras_model():
    found = extractors.from_callable(lambda x: tf.reduce_mean(x, axis=(1, 2)), "mine")
    np.testing.assert_allclose(found.features(noise()), noise().mean((1, 2)), atol=1e-6)
    assert found.protocol()["weights"] is None and found.name == "mine"
    model = network()
    found = extractors.from_callable(model, "model")
    assert found.weights_hash == extractors.hash_weights(model)
    np.testing.assert_allclose(found.features(noise()), model(noise()), atol=1e-6)


def test_a_saved_model(tmp_path):
    model = network()

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), name="image")])
        def call(self, image):
            flat = tf.reshape(image, (-1, 64))
            return {"features": self.scale * flat[:, :3], "predictions": flat[:, 3:5]}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.call)
    found = extractors.load(tmp_path / "saved", predictions=True)
    vectors, predictions = found.describe(noise())
    np.testing.assert_allclose(vectors, 2 * noise().reshape(5, 64)[:, :3], atol=1e-6)
    assert predictions.shape == (5, 2) and len(found.weights_hash) == 16
    with pytest.raises(InputError, match="FOLDER:OUTPUT"):
        extractors.load(f"{tmp_path / 'saved'}:nothing")
    with pytest.raises(InputError, match="holds no saved_model.pb"):
        extractors.load(tmp_path)
    del model


def test_nan_is_refused_with_a_count(file):
    images = noise()
    images[1, 2, 3] = np.nan
    images[4, 0, 0] = np.inf
    with pytest.raises(InputError, match="2 of 5 images hold NaN"):
        extractors.load(file).features(images)


def test_an_extractor_computes_in_float32_in_a_run_of_less(file):
    compat.set_precision("bfloat16")
    try:
        found = extractors.load(file).features(noise())
        assert compat.get_precision() == "bfloat16"
    finally:
        compat.set_precision("float32")
    np.testing.assert_array_equal(found, extractors.load(file).features(noise()))


def test_an_application_with_random_weights(monkeypatch):
    # Built four times below, for seconds each; the same network does.
    build = functools.lru_cache(keras.applications.mobilenet_v2.MobileNetV2)
    monkeypatch.setattr(keras.applications.mobilenet_v2, "MobileNetV2", build)
    keras.utils.set_random_seed(0)
    found = extractors.load("mobilenet_v2", weights=None)
    assert found.name == "mobilenet_v2-random" and found.size == (224, 224)
    assert found.features(noise(2, 32)).shape == (2, 1280)
    assert found.protocol()["pool"] == "mean" and len(found.weights_hash) == 16
    layer = extractors.load("mobilenet_v2:block_1_expand_relu", weights=None)
    assert layer.features(noise(2, 32)).shape == (2, 96)


def test_vgg_takes_blue_first_without_the_mean_colour(monkeypatch):
    """A stand-in for the network: the preparation is what is tested."""

    def build(weights, include_top, input_shape):
        image = keras.Input(input_shape)
        return keras.Model(image, keras.layers.Activation("linear", name="block5_pool")(image))

    monkeypatch.setattr(keras.applications.vgg16, "VGG16", build)
    red = np.full((1, 224, 224, 3), -1.0, np.float32)
    red[..., 0] = 1.0
    found = extractors.load("vgg16").features(red)
    np.testing.assert_allclose(found, [[-103.939, -116.779, 255 - 123.68]], rtol=1e-4)


def test_weights_that_cannot_be_downloaded_say_what_to_do(monkeypatch):
    def build(weights, include_top, input_shape):
        if weights is None:
            return network()
        raise Exception("URL fetch failure on somewhere: None -- Name or service not known")

    monkeypatch.setattr(keras.applications.inception_v3, "InceptionV3", build)
    with pytest.raises(InputError) as error:
        extractors.load("inception_v3")
    for words in ("inception_v3", "recipes/classifier.py", "~/.keras/models", "Name or service"):
        assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "spec, said",
    [
        ("inception_v4", "did you mean 'inception_v3'"),
        ("nowhere.keras", "there is no extractor 'nowhere.keras'"),
    ],
)
def test_unknown_extractors(spec, said):
    with pytest.raises(InputError) as error:
        extractors.load(spec)
    assert said in str(error.value)


def test_bad_files_layers_and_options(file, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"no model")
    with pytest.raises(InputError, match="cannot be read as a Keras model"):
        extractors.load(tmp_path / "broken.keras")
    with pytest.raises(InputError, match="no layers.*maps"):
        extractors.load(f"{file}:nothing")
    with pytest.raises(InputError, match="resize is 'linear'"):
        extractors.load(file, resize="linear")
    with pytest.raises(InputError, match="pool is 'max'"):
        extractors.load(file, pool="max")
    image = keras.Input((4,))
    keras.Model(image, keras.layers.Dense(2)(image)).save(tmp_path / "flat.keras")
    with pytest.raises(InputError, match="one input"):
        extractors.load(tmp_path / "flat.keras")
