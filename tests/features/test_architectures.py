"""VGG, SqueezeNet and MobileNetV2: their counts, layers, weights, and what is refused."""

import os
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, compat
from tfgan_suite.features import architectures, extractors, weights
from tfgan_suite.features.network import CaffeColours, Variant

# A folder with perceptual/*.npz and style/content/golden_gate.jpg; see the last test.
REAL = os.environ.get("TFGAN_SUITE_REAL_DATA", "")


def noise(side=32, count=1, width=None, seed=0):
    shape = (count, side, width or side, 3)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("f4")


def vgg(*names, **options):
    return extractors.feature_network("vgg19", names, None, **options)


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory):
    """Random weights of a SqueezeNet, as a file with Caffe's names."""
    path = tmp_path_factory.mktemp("nets") / "squeezenet.npz"
    extractors.feature_network("squeezenet", ["predictions"], None).save(path)
    with np.load(path) as file:
        renamed = {key.replace("_conv", "|conv"): file[key] for key in file.files}
    np.savez(path, **renamed)
    return path


@pytest.mark.parametrize(
    "name, tap, count",
    [
        ("vgg19", "phi_5,4", 20_024_384),
        ("vgg19", "relu4_1", 3_505_728),
        ("vgg19", "phi_2,2", 260_160),
        ("vgg16", "pool5", 14_714_688),
        ("squeezenet", "predictions", 1_248_424),
        ("mobilenet_v2", "predictions", 3_489_097),
    ],
)
def test_counts(name, tap, count):
    network = architectures.NETWORKS[name]
    assert network.build([network.layer_of(tap)]).count_params() == count


def test_the_names_of_papers_and_of_keras_are_the_same_layers():
    network = architectures.NETWORKS["vgg19"]
    names = ("relu4_2", "conv4_2", "phi_4,2", "phi4_2", "block4_conv2")
    assert {network.layer_of(name) for name in names} == {"block4_relu2"}
    assert {network.layer_of(name, True) for name in names} == {"block4_conv2"}
    assert network.layer_of("block3_pool") == network.layer_of("pool3") == "block3_pool"


def test_maps_have_their_places_sizes_and_numbers():
    look = vgg("relu1_1", "phi_2,2", "pool3")
    maps = look(noise(20, 2, 28))
    assert [tuple(one.shape) for one in maps] == [
        (2, 20, 28, 64), (2, 10, 14, 128), (2, 2, 3, 256)
    ]  # fmt: skip
    assert look.channels == (64, 128, 256) and look.names == ("relu1_1", "phi_2,2", "pool3")
    assert all(one.dtype == tf.float32 for one in maps)


def test_before_and_after_the_activation():
    (before,), (after,) = (vgg("conv2_1", before_activation=one)(noise()) for one in (True, False))
    assert float(tf.reduce_min(before)) < 0
    np.testing.assert_allclose(tf.nn.relu(before), after, atol=1e-6)
    with pytest.raises(InputError, match="'pool1' of vgg19 has no activation"):
        vgg("pool1", before_activation=True)


def test_before_the_activation_of_a_fire_module(squeezenet):
    before, after = (
        extractors.feature_network(squeezenet, ["fire3"], before_activation=one)(noise(40))[0]
        for one in (True, False)
    )
    assert float(tf.reduce_min(before)) < 0
    np.testing.assert_allclose(tf.nn.relu(before), after, atol=1e-6)


def test_colours_become_those_of_caffe():
    red = np.float32([[[[1.0, -1.0, 0.0]]]])
    found = CaffeColours((1.0, 2.0, 3.0))(red)
    np.testing.assert_allclose(found, [[[[126.5, -2.0, 252.0]]]], rtol=1e-6)


def test_average_pooling_and_odd_sides_rounded_up():
    maps, down = vgg("relu1_2", "pool1", pooling="average")(noise(7))
    np.testing.assert_allclose(down[0, 1, 2], tf.reduce_mean(maps[0, 2:4, 4:6], (0, 1)), rtol=1e-4)
    assert down.shape[1:3] == (3, 3)
    maps, up = vgg("relu1_2", "pool1", pooling="average", round_up=True)(noise(7))
    assert up.shape[1:3] == (4, 4)
    # The last window holds a single pixel, and zeros behind it do not count.
    np.testing.assert_allclose(up[0, 3, 3], maps[0, 6, 6], rtol=1e-4)
    maps, up = vgg("relu1_2", "pool1", round_up=True)(noise(7))
    np.testing.assert_allclose(up[0, 3, 1], tf.reduce_max(maps[0, 6:, 2:4], (0, 1)), rtol=1e-6)
    (deep,) = vgg("relu4_1", padding="reflect", round_up=True)(noise(100, 1, 60))
    assert deep.shape == (1, 13, 8, 512)


def test_mirrored_borders_leave_an_even_image_even():
    even = np.full((1, 16, 16, 3), 0.3, np.float32)
    for padding, spread in (("reflect", 0.0), ("zeros", 1e-2)):
        (maps,) = vgg("relu1_2", padding=padding)(even)
        found = float(tf.reduce_max(tf.math.reduce_std(maps, (0, 1, 2))))
        assert found <= 1e-4 if not spread else found > spread


def test_squeezenets_pools_round_up(squeezenet):
    look = extractors.feature_network(squeezenet, ["conv1", "fire2", "fire5", "fire9"])
    assert [one.shape[1] for one in look(noise(227))] == [111, 55, 27, 13]
    page = tf.reshape(tf.range(36.0), (1, 6, 6, 1))
    found = architectures._pool_up(page, "some")[0, :, :, 0]
    np.testing.assert_array_equal(found, [[14, 16, 17], [26, 28, 29], [32, 34, 35]])


@pytest.mark.parametrize(
    "tap, least", [("conv1", 7), ("fire2", 9), ("fire5", 13), ("fire9", 21), ("pool4", 13)]
)
def test_the_smallest_images_of_squeezenet(squeezenet, tap, least):
    look = extractors.feature_network(squeezenet, [tap])
    assert look(noise(least))[0].shape[1:3] == (1, 1)
    with pytest.raises(InputError, match=f"needs {least} on each side"):
        look(noise(least - 1, width=100))


def test_the_smallest_images_of_vgg():
    assert vgg("relu3_1")(noise(4))[0].shape[1:3] == (1, 1)
    assert vgg("relu3_1", padding="reflect")(noise(8))[0].shape[1:3] == (2, 2)
    assert vgg("pool2")(noise(4))[0].shape[1:3] == (1, 1)
    for look, side in ((vgg("relu3_1"), 3), (vgg("relu3_1", padding="reflect"), 7)):
        with pytest.raises(InputError, match=f"{side}x{side} pixels is too small"):
            look(noise(side))


def test_vgg_is_that_of_keras_applications(monkeypatch):
    build = keras.applications.VGG16
    network = build(weights=None, include_top=False, input_shape=(32, 32, 3))
    draws = np.random.default_rng(1)
    for name in ("block1_conv1", "block1_conv2", "block2_conv1"):
        layer = network.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, draws.normal(0, 1, bias.shape)])
    monkeypatch.setattr(keras.applications, "VGG16", lambda **options: network)
    look = extractors.feature_network("vgg16", ["block2_conv1"])
    assert look.name == "vgg16"
    images = noise()
    given = keras.applications.vgg16.preprocess_input((images + 1) * 127.5)
    expected = keras.Model(network.inputs, network.get_layer("block2_conv1").output)(given)
    np.testing.assert_allclose(look(images)[0], expected, rtol=1e-4, atol=1e-2)


def test_mobilenet_with_folded_batch_norm_is_that_of_keras_applications(monkeypatch):
    build = keras.applications.MobileNetV2
    network = build(weights=None, include_top=False, input_shape=(64, 64, 3))
    draws = np.random.default_rng(2)
    for layer in network.layers:
        values = layer.get_weights()
        if len(values) == 4:
            spread = [draws.uniform(0.5, 1.5, values[0].shape) for _ in range(4)]
            layer.set_weights([spread[0], spread[1] - 1, spread[2] - 1, spread[3]])
    monkeypatch.setattr(keras.applications, "MobileNetV2", lambda **options: network)
    names = {"Conv1": "Conv1_relu", "expanded_conv": "expanded_conv_project_BN",
             "block_3": "block_3_project_BN", "block_5": "block_5_add",
             "block_13_depthwise": "block_13_depthwise_relu", "Conv_1": "out_relu"}  # fmt: skip
    look = extractors.feature_network("mobilenet_v2", list(names))
    layers = [network.get_layer(layer).output for layer in names.values()]
    expected = keras.Model(network.inputs, layers)(noise(64), training=False)
    for name, found, wanted in zip(names, look(noise(64)), expected):
        scale = float(tf.reduce_max(tf.abs(wanted)))
        np.testing.assert_allclose(found, wanted, atol=1e-4 * scale, err_msg=name)


def test_a_file_gives_back_what_was_saved(tmp_path, squeezenet):
    look = extractors.feature_network("mobilenet_v2", ["block_2"], None)
    look.save(tmp_path / "part.npz")
    again = extractors.feature_network("mobilenet_v2", ["block_2"], tmp_path / "part.npz")
    np.testing.assert_allclose(look(noise())[0], again(noise())[0], atol=1e-5)
    assert look.checksum() == again.checksum() and again.name == "mobilenet_v2-part"
    assert look.name == "mobilenet_v2-random"
    named = extractors.feature_network("squeezenet", ["fire4"], squeezenet)
    alone = extractors.feature_network(squeezenet, ["fire4"])
    np.testing.assert_allclose(named(noise(64))[0], alone(noise(64))[0], rtol=1e-4, atol=1e-3)
    # Random weights hang on the seed and the layer, not on how deep the network goes.
    drawn = extractors.feature_network("squeezenet", ["fire4"], None)
    np.testing.assert_allclose(named(noise(64))[0], drawn(noise(64))[0], rtol=1e-4, atol=1e-3)
    assert alone.checksum() == drawn.checksum()
    other = extractors.feature_network("squeezenet", ["fire4"], None, seed=1)
    assert other.checksum() != drawn.checksum()


def test_files_of_tflite_number_the_layers():
    network = architectures.NETWORKS["mobilenet_v2"]
    assert network.stored("00|CONV_2D") == "Conv1"
    assert network.stored("05|CONV_2D") == "block_1_project"
    assert network.stored("52|CONV_2D") == "Logits" and network.stored("53|CONV_2D") == "53|CONV_2D"


@pytest.mark.parametrize("below", ["", "model_weights/"])
def test_an_h5_file_is_read_by_its_layers_names(tmp_path, below):
    draws = np.random.default_rng(3)
    kernel, bias = draws.normal(0, 1, (3, 3, 3, 64)), draws.normal(0, 1, 64)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file[f"{below}block1_conv1/block1_conv1_W_1:0"] = kernel
        file[f"{below}block1_conv1/block1_conv1_b_1:0"] = bias
        file[f"{below}fc1/fc1/kernel:0"] = np.zeros((4, 4))
        file["optimizer_weights/block1_conv1/momentum:0"] = np.zeros((3, 3, 3, 64))
    look = extractors.feature_network("vgg19", ["relu1_1"], tmp_path / "old.h5")
    for found, wanted in zip(look.network.get_weights(), (kernel, bias)):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_normalised_filters_answer_with_a_mean_of_one():
    images = noise(32, 3, seed=5)
    plain = vgg("relu1_2", "relu3_1")
    scaled = vgg("relu1_2", "relu3_1", normalize_on=images)
    for maps in scaled(images):
        mean = tf.reduce_mean(maps, (0, 1, 2)).numpy()
        alive = mean > 1e-3
        assert alive.mean() > 0.9
        np.testing.assert_allclose(mean[alive], 1.0, rtol=1e-3)
    assert plain.checksum() != scaled.checksum()


def test_normalising_keeps_every_map_up_to_a_factor(tmp_path):
    images = noise(32, 2, seed=6)
    plain = vgg("relu1_2", "relu2_2")
    plain.save(tmp_path / "vgg.npz")
    scaled = extractors.feature_network(
        "vgg19", plain.names, tmp_path / "vgg.npz", normalize_on=images
    )
    for before, after in zip(plain(images), scaled(images)):
        mean = tf.reduce_mean(before, (0, 1, 2))
        alive = mean.numpy() > 1e-3
        expected = tf.boolean_mask(before / mean, alive, axis=3)
        found = tf.boolean_mask(after, alive, axis=3)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_network_is_frozen_and_no_part_of_who_holds_it():
    look = vgg("relu1_1")

    class Holder(keras.Model):
        def __init__(self):
            super().__init__()
            self.look = look
            self.looks = [look]

    assert not Holder().weights and not look.network.trainable_weights
    before = look.checksum()
    images = tf.Variable(noise(8))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(look(images, training=True)[0] ** 2)
    assert float(tf.reduce_sum(tf.abs(tape.gradient(loss, images)))) > 0
    assert look.checksum() == before == extractors.checksum(look)
    values = look.network.get_weights()
    look.network.set_weights([values[0] + 1e-3, values[1]])
    assert look.checksum() != before


def test_float32_in_a_run_of_less():
    compat.set_precision("bfloat16")
    try:
        look = vgg("relu1_1")
        found = look(tf.cast(noise(8), tf.bfloat16))[0]
        assert compat.get_precision() == "bfloat16"
    finally:
        compat.set_precision("float32")
    assert found.dtype == tf.float32
    rounded = tf.cast(tf.cast(noise(8), tf.bfloat16), tf.float32)
    np.testing.assert_allclose(found, vgg("relu1_1")(rounded)[0], rtol=1e-4, atol=1e-4)


def test_grey_images_are_repeated_and_bytes_refused():
    look, grey = vgg("relu1_1"), noise(8)[..., :1]
    np.testing.assert_array_equal(look(grey)[0], look(np.repeat(grey, 3, 3))[0])
    with pytest.raises(InputError, match="floats in \\[-1, 1\\]; found uint8"):
        look(np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="any x any x 3; found shape \\(1, 8, 8, 2\\)"):
        look(noise(8)[..., :2])


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
    x = keras.layers.ReLU(name="second")(x)
    path = tmp_path_factory.mktemp("own") / "own.keras"
    keras.Model(image, x).save(path)
    return path


def test_any_keras_model_by_its_layers(own):
    model = keras.models.load_model(own)
    for network in (own, str(own), model):
        first, second = extractors.feature_network(network, ["first", "second"])(noise(6))
        np.testing.assert_allclose(second, model(noise(6)), atol=1e-6)
        np.testing.assert_allclose(tf.nn.relu(first), second, atol=1e-6)
    assert model.trainable_weights  # a game's own discriminator goes on learning
    with pytest.raises(InputError, match="first"):
        extractors.feature_network(own, ["third"])
    with pytest.raises(InputError, match="name the layer itself"):
        extractors.feature_network(own, ["first"], before_activation=True)


def test_a_file_of_weights_serves_measures(squeezenet):
    found = extractors.load(squeezenet, predictions=True)
    vectors, predictions = found.describe(noise(64, 2))
    assert vectors.shape == (2, 512) and predictions.shape == (2, 1000)
    np.testing.assert_allclose(predictions.sum(1), 1.0, rtol=1e-4)
    assert found.size == (227, 227) and found.protocol()["pool"] == "mean"
    assert found.weights_hash == extractors.load(squeezenet).weights_hash
    early = extractors.load(f"{squeezenet}:fire2")
    assert early.features(noise(64, 2)).shape == (2, 128)
    assert early.weights_hash != found.weights_hash


def stored(**layers):
    return {
        name: {"kernel": np.zeros(shape, "f4"), "bias": np.zeros(shape[-1], "f4")}
        for name, shape in layers.items()
    }


@pytest.mark.parametrize(
    "name, layers, said",
    [
        ("vgg19", {"block1_conv1": (3, 3, 3, 64)}, "no kernel of vgg19's layer block1_conv2"),
        ("vgg16", {"block3_conv4": (3, 3, 256, 256)}, "a layer block3_conv4, which vgg16 does"),
        ("vgg19", {"block1_conv1": (3, 3, 3, 32)},
         "block1_conv1 of vgg19 has a kernel of shape \\(3, 3, 3, 64\\)"),
        ("vgg19", {"fire2|conv1x1_1": (1, 1, 96, 16)}, "fire2\\|conv1x1_1, which vgg19 does not"),
    ],
)  # fmt: skip
def test_weights_of_another_network_name_the_layer_that_does_not_fit(name, layers, said):
    network = architectures.NETWORKS[name]
    model = network.build(["block1_relu2"])
    with pytest.raises(InputError, match=said):
        weights.assign(model, network, stored(**layers), "some.npz")


def test_weights_without_bias_or_with_nan_are_refused():
    network = architectures.NETWORKS["vgg19"]
    model = network.build(["block1_relu1"])
    given = stored(block1_conv1=(3, 3, 3, 64))
    given["block1_conv1"]["bias"][3] = np.nan
    with pytest.raises(InputError, match="bias of layer block1_conv1.*NaN"):
        weights.assign(model, network, given, "some.npz")
    del given["block1_conv1"]["bias"]
    with pytest.raises(InputError, match="has a bias of shape \\(64,\\); some.npz holds none"):
        weights.assign(model, network, given, "some.npz")


def test_weights_that_are_not_there_say_what_to_fetch_and_where_to_put_it(monkeypatch):
    def build(**options):
        raise Exception("URL fetch failure on somewhere: None -- Name or service not known")

    monkeypatch.setattr(keras.applications, "VGG19", build)
    with pytest.raises(InputError) as error:
        extractors.feature_network("vgg19", ["relu1_1"])
    for words in ("vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "~/.keras/models",
                  "weights=FILE", "layer|kernel", "Name or service"):  # fmt: skip
        assert words in str(error.value)
    with pytest.raises(InputError, match="squeezenet to download; pass weights=FILE"):
        extractors.feature_network("squeezenet", ["fire2"])


def test_what_else_is_refused(tmp_path, squeezenet):
    (tmp_path / "broken.npz").write_bytes(b"no file of arrays")
    np.savez(tmp_path / "other.npz", image=np.zeros(3))
    np.savez(tmp_path / "few.npz", **{"conv1|kernel": np.zeros((1, 1, 1, 1))})
    cases = [
        ("vgg19", ["relu6_1"], {"weights": None}, "no layer 'relu6_1'; it has relu1_1, relu1_2"),
        ("vgg19", ["relu1_3"], {"weights": None}, "phi_4,2 and block4_conv2 are relu4_2"),
        ("vgg19", [], {"weights": None}, "no layer of vgg19 was named; it has relu1_1"),
        ("squeezenet", ["fire1"], {"weights": None}, "it has conv1, pool1, fire2"),
        ("vgg20", ["relu1_1"], {}, "there is no network 'vgg20'; expected vgg16, vgg19"),
        ("vgg19", ["relu1_1"], {"weights": "no.h5"}, "there is no file of weights no.h5"),
        ("vgg19", ["relu1_1"], {"weights": None, "pooling": "mean"}, "pooling is 'mean'"),
        ("vgg19", ["relu1_1"], {"weights": None, "padding": "same"}, "padding is 'same'"),
        ("squeezenet", ["fire2"], {"weights": None, "round_up": True}, "for vgg16 and vgg19"),
        (tmp_path / "broken.npz", ["conv1"], {}, "cannot be read as weights"),
        (tmp_path / "other.npz", ["conv1"], {}, "holds an array 'image'"),
        (tmp_path / "few.npz", ["conv1"], {}, "of none of vgg16, vgg19"),
        (squeezenet, ["conv1"], {"weights": "a.npz"}, "both files of weights"),
    ]
    for network, names, options, said in cases:
        with pytest.raises(InputError) as error:
            extractors.feature_network(network, names, **options)
        assert said in str(error.value) and "\n" not in str(error.value)


def test_a_variant_is_plain_or_not():
    assert Variant().is_plain and not Variant(round_up=True).is_plain


@pytest.mark.skipif(not REAL, reason="TFGAN_SUITE_REAL_DATA names no folder")
@pytest.mark.parametrize(
    "file, side, first, share, second",
    [
        ("squeezenet10_deepcompression.npz", 227, 718, 0.849, 839),
        ("mobilenet_v2_1.0_224_quant.npz", 224, 719, 0.538, 840),
    ],
)
def test_trained_networks_name_a_photograph(file, side, first, share, second):
    """The Golden Gate from the water is a pier and a suspension bridge (MobileNet counts from 1).

    The shares are those of the same networks computed in NumPy.
    """
    from PIL import Image

    image = Image.open(Path(REAL) / "style" / "content" / "golden_gate.jpg").convert("RGB")
    width, height = image.size
    half = min(width, height) / 2
    box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
    image = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    given = np.asarray(image, np.float32)[None] / 127.5 - 1
    (found,) = extractors.feature_network(Path(REAL) / "perceptual" / file, ["predictions"])(given)
    order = np.argsort(found[0])[::-1]
    assert list(order[:2]) == [first, second]
    assert float(found[0][first]) == pytest.approx(share, abs=5e-3)
