"""Files of weights for feature networks: those of other programs, and what is refused."""

import os
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from random_features import noise

from tfgan_suite import InputError
from tfgan_suite.features import architectures, extractors, weights

# A folder with perceptual/*.npz and style/content/golden_gate.jpg; see the last test.
REAL = os.environ.get("TFGAN_SUITE_REAL_DATA", "")


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
