"""Requests of every kind to every signature, as a server runs them: answered or clearly refused."""

import resource
import struct
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite.core.signatures import Signature, TensorSpec
from tfgan_suite.export import export, image_bytes

SIDE, LATENT, CLASSES = 8, 6, 3
MOST_BYTES = 2 * 2**30


class Labels:
    """z and a class to an image."""

    def __init__(self):
        z, label = keras.Input((LATENT,)), keras.Input((), dtype="int32")
        x = keras.layers.Concatenate()([z, keras.layers.Embedding(CLASSES, 2)(label)])
        x = keras.layers.Dense(SIDE * SIDE * 3, "tanh")(x)
        self.network = keras.Model([z, label], keras.layers.Reshape((SIDE, SIDE, 3))(x))

    def signatures(self):
        inputs = (
            TensorSpec("z", (LATENT,), kind="normal"),
            TensorSpec("label", (), "int32", "label", CLASSES),
        )
        call = lambda z, label: self.network([z, label], training=False)  # noqa: E731
        output = TensorSpec("image", (SIDE, SIDE, 3))
        return {"serving_default": Signature(inputs, output, call, (self.network,))}


class Images:
    """An image to an image, of a fixed or an open size."""

    def __init__(self, shape):
        image = keras.Input(shape)
        x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(image)
        self.network = keras.Model(image, keras.layers.Conv2D(shape[-1], 3, padding="same")(x))
        self.spec = TensorSpec("image", shape)

    def signatures(self):
        call = lambda image: self.network(image, training=False)  # noqa: E731
        signature = Signature((self.spec,), self.spec, call, (self.network,), multiple=4)
        return {"serving_default": signature}


class Served:
    """An export in a session, which does not check shapes: as a server or a C program runs it."""

    def __init__(self, game, folder, name):
        result = export(game, folder, name=name, formats=("saved_model",), warmup=False)
        self.card = result.card["export"]["signatures"]
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.session = tf.compat.v1.Session(graph=self.graph)
            tf.compat.v1.saved_model.load(self.session, ["serve"], str(result.path))

    def __call__(self, signature, **inputs):
        names = self.card[signature]["tensors"]
        tensor = lambda name: self.graph.get_tensor_by_name(name)._as_tf_output()  # noqa: E731
        feeds = {tensor(names["inputs"][key]): value for key, value in inputs.items()}
        outputs = [tensor(name) for name in names["outputs"].values()]
        return self.session._call_tf_sessionrun(None, feeds, outputs, [], None)[0]

    def limit(self, signature):
        (number,) = self.card[signature]["limit"].values()
        return number


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("served")
    games = {"labels": Labels(), "fixed": Images((8, 8, 3)), "open": Images((None, None, 1))}
    return {name: Served(game, home, name) for name, game in games.items()}


def refusal(call, *args, **inputs):
    """The words of a refusal; nothing else may be raised."""
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        call(*args, **inputs)
    return str(error.value)


def png(pixels):
    return tf.io.encode_png(pixels).numpy()


def png_bomb(width, height, depth=8, kind=2):
    """A small PNG file of zeros, of any size."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    content = zlib.compress(bytes(min(width * 3 + 1, 10**6)) * min(height, 50), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    )  # fmt: skip


def jpeg_of_size(width, height):
    """A JPEG file whose header states another size than it has."""
    content = bytearray(tf.io.encode_jpeg(np.zeros((8, 8, 3), np.uint8)).numpy())
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def strings(*contents):
    return np.array(contents, object)


def test_the_limits_are_in_the_card(served):
    labels, opened = served["labels"].card, served["open"].card
    # 3 x 8 x 8 floats an answer: the feature maps cost more than the answer does.
    limit = labels["serving_default"]["limit"]["examples"]
    assert 100_000 < limit <= 2**28 // (4 * 192)
    assert labels["sample"]["inputs"][1]["range"] == f"1 to {limit}"
    assert opened["serving_default"]["limit"] == opened["png"]["limit"]
    assert "33,554,432 pixels" in opened["png"]["inputs"][0]["range"]


def test_counts(served):
    call, seed = served["labels"], np.int32(5)
    limit = call.limit("sample")
    assert call("sample", seed=seed, count=np.int32(3)).shape == (3, 8, 8, 3)
    for count in (0, -1, -(2**31), limit + 1, 2**31 - 1):
        text = refusal(call, "sample", seed=seed, count=np.int32(count))
        assert f"from 1 to {limit} in one request; this is] [{count}]" in text


@pytest.mark.parametrize("name", ["serving_default", "png"])
def test_shapes_and_values_of_noise(served, name):
    call, label = served["labels"], np.zeros(2, np.int32)
    z = np.zeros((2, LATENT), np.float32)
    assert len(call(name, z=z, label=label)) == 2
    assert "from 1 to" in refusal(call, name, z=z[:0], label=label[:0])
    assert "(batch, 6)" in refusal(call, name, z=z[:, :5], label=label)
    assert "(batch, 6)" in refusal(call, name, z=z[0], label=label)
    assert "same number" in refusal(call, name, z=z, label=label[:1])
    assert "from 0 to 2" in refusal(call, name, z=z, label=label + 3)
    assert "from 0 to 2" in refusal(call, name, z=z, label=label - 1)
    assert "NaN" in refusal(call, name, z=z * np.nan, label=label)
    most = call.limit(name)
    many = np.zeros((most + 1, LATENT), np.float32)
    text = refusal(call, name, z=many, label=np.zeros(most + 1, np.int32))
    assert f"this is] [{most + 1}]" in text


def test_images_of_wrong_size(served):
    fixed, opened = served["fixed"], served["open"]
    image = np.zeros((1, 8, 8, 3), np.float32)
    assert fixed("serving_default", image=image).shape == (1, 8, 8, 3)
    assert "from 1 to" in refusal(fixed, "serving_default", image=image[:0])
    assert "(batch, 8, 8, 3)" in refusal(fixed, "serving_default", image=image[..., :1])
    assert "(batch, any, any, 1)" in refusal(opened, "serving_default", image=image)
    assert opened("serving_default", image=image[..., :1]).shape == (1, 8, 8, 1)
    assert "empty" in refusal(opened, "serving_default", image=image[:, :0, :, :1])
    assert "empty" in refusal(opened, "serving_default", image=image[:0, ..., :1])
    # A strip counts as what it is padded to: here to eight rows.
    strip = np.zeros((1, 1, opened.limit("serving_default") // 4, 1), np.float32)
    assert "at most" in refusal(opened, "serving_default", image=strip)


def test_grey_files_reach_a_network_of_colour(served):
    grey = np.full((8, 8, 1), 90, np.uint8)
    colour = np.repeat(grey, 3, -1)
    one, two = (served["fixed"]("png", image_bytes=strings(png(x)))[0] for x in (grey, colour))
    assert one == two


def test_files_are_refused_before_they_are_decoded(served):
    side = 40_000
    bombs = {
        "at most 33554432 pixels": [png_bomb(side, side), jpeg_of_size(side, side)],
        "expected whole PNG or JPEG": [b"", b"x", b"GIF89a" + bytes(40), b"BM" + bytes(60),
                                       png_bomb(8, 8)[:30], b"RIFF\0\0\0\0WEBPVP8 " + bytes(40)],
        "height and a width of 1": [png_bomb(0, 5)],
        "at most 64 scans": [jpeg_of_size(8, 8) + b"\xff\xda" * 70],
    }  # fmt: skip
    for words, contents in bombs.items():
        for content in contents:
            for name in ("fixed", "open"):
                text = refusal(served[name], "png", image_bytes=strings(content))
                assert words in text, (words, text[:300])
    grey = [png(np.zeros((side, 8, 1), np.uint8)) for side in (8, 9)]
    assert "same size" in refusal(served["open"], "png", image_bytes=strings(*grey))
    assert "from 1 to" in refusal(served["fixed"], "png", image_bytes=strings())
    assert "a list" in refusal(served["fixed"], "png", image_bytes=strings(grey[:1]))
    assert image_bytes.image_size(tf.constant(jpeg_of_size(70, 50))).numpy().tolist() == [50, 70]


def random_file(draws):
    """Any file: good, cut short, damaged, or with another size in its header."""
    pixels = draws.integers(0, 256, (*draws.integers(1, 40, 2), draws.choice([1, 3])), np.uint8)
    content = tf.io.encode_jpeg(pixels).numpy() if draws.integers(2) else png(pixels)
    kind = draws.integers(6)
    if kind == 1:
        return content[: draws.integers(len(content))]
    if kind == 2:
        content = bytearray(content)
        for place in draws.integers(0, len(content), 3):
            content[place] = draws.integers(256)
        return bytes(content)
    if kind == 3:
        return png_bomb(*(int(2 ** draws.uniform(0, 31)) for _ in range(2)))
    if kind == 4:
        return jpeg_of_size(*(int(2 ** draws.uniform(0, 16)) for _ in range(2)))
    return draws.bytes(draws.integers(100)) if kind == 5 else content


def random_request(draws, call, name):
    """A signature and inputs: right in most respects, or wrong in any."""
    signature = str(draws.choice(sorted(call.card)))
    count = int(draws.choice([0, 1, 2, 5]))
    inputs = {}
    for spec in call.card[signature]["inputs"]:
        if spec["kind"] in ("seed", "count"):
            limit = call.limit(signature)
            near = [0, 1, 7, -1, limit + 1, 2**31 - 1, -(2**31), *[limit] * (name == "fixed")]
            inputs[spec["name"]] = np.int32(draws.choice(near))
        elif spec["kind"] == "file":
            inputs[spec["name"]] = strings(*(random_file(draws) for _ in range(count)))
        elif spec["kind"] == "label":
            inputs[spec["name"]] = draws.integers(-1, CLASSES + 1, count).astype(np.int32)
        else:
            shape = [count] + [
                int(draws.integers(0, 70)) if n is None else n for n in spec["shape"]
            ]
            if draws.integers(4) == 0:
                shape[draws.integers(len(shape))] += 1
            if draws.integers(8) == 0:
                del shape[-1]
            array = draws.normal(size=shape).astype(np.float32)
            if array.size and draws.integers(6) == 0:
                array.flat[0] = draws.choice([np.nan, np.inf])
            inputs[spec["name"]] = array
    return signature, inputs


@pytest.mark.parametrize("number", [60, pytest.param(3000, marks=pytest.mark.large)])
def test_random_requests(served, number):
    draws = np.random.default_rng(number)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answered = 0
    for _ in range(number):
        name = str(draws.choice(sorted(served)))
        signature, inputs = random_request(draws, served[name], name)
        try:
            answer = served[name](signature, **inputs)
        except tf.errors.InvalidArgumentError as error:
            assert str(error)
            continue
        answered += 1
        first = next(iter(inputs.values()))
        assert len(answer) == (len(first) if first.ndim else inputs["count"])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(f"{number} requests: {answered} answered, {grown / 2**20:.0f} MiB more at the peak")
    assert number // 10 < answered < number and grown < MOST_BYTES


@pytest.mark.large
def test_requests_at_the_limit_stay_within_memory(served):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    labels, opened = served["labels"], served["open"]
    most = labels.limit("sample")
    assert len(labels("sample", seed=np.int32(0), count=np.int32(most))) == most
    side = int(opened.limit("serving_default") ** 0.5) // 4 * 4
    image = np.zeros((1, side, side, 1), np.float32)
    assert opened("serving_default", image=image).shape == image.shape
    files = strings(png(np.zeros((side, side, 1), np.uint8)))
    assert len(opened("png", image_bytes=files)) == 1
    photo = strings(*[tf.io.encode_jpeg(np.zeros((5792, 5792, 3), np.uint8)).numpy()] * 3)
    assert len(served["fixed"]("png", image_bytes=photo)) == 3
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(f"at the limits ({most} examples, {side}x{side} pixels): {grown / 2**20:.0f} MiB more")
    assert grown < MOST_BYTES
