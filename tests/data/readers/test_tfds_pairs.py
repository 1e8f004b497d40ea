"""Pairs and domains from TensorFlow Datasets, by builders of the tests' own."""

import numpy as np
import pytest

from tfgan_suite import data
from tfgan_suite.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")


def image(value, side, width=8):
    """Red `value` for A, green `value` for B."""
    found = np.zeros((8, width, 3), np.uint8)
    found[..., "AB".index(side)] = value
    return found


def builder(features, make, splits):
    """A builder class whose split s holds the examples `make(value)` of values `splits[s]`."""

    def info(self):
        return tfds.core.DatasetInfo(
            builder=self, description="A test.", features=tfds.features.FeaturesDict(features)
        )

    def examples(self, values):
        for value in values:
            yield value, make(value)

    return {
        "VERSION": tfds.core.Version("1.0.0"),
        "RELEASE_NOTES": {"1.0.0": "First."},
        "_info": info,
        "_split_generators": lambda self, manager: {
            name: self._generate_examples(values) for name, values in splits.items()
        },
        "_generate_examples": examples,
    }


IMAGE = {"shape": (8, 8, 3)}
TfganTestPairs = type(
    "TfganTestPairs",
    (tfds.core.GeneratorBasedBuilder,),
    builder(
        {"input_image": tfds.features.Image(**IMAGE), "target": tfds.features.Image(**IMAGE)},
        lambda v: {"input_image": image(v, "A"), "target": image(v, "B")},
        {"train": [10, 20, 30], "test": [40]},
    ),
)
TfganTestHalves = type(
    "TfganTestHalves",
    (tfds.core.GeneratorBasedBuilder,),
    builder(
        {"image": tfds.features.Image(shape=(8, 16, 3))},
        lambda v: {"image": np.concatenate([image(v, "A"), image(v, "B")], 1)},
        {"train": [10, 20, 30], "test": [40]},
    ),
)
TfganTestDomains = type(
    "TfganTestDomains",
    (tfds.core.GeneratorBasedBuilder,),
    builder(
        {"image": tfds.features.Image(**IMAGE), "label": tfds.features.ClassLabel(num_classes=2)},
        lambda v: {"image": image(v, "A"), "label": 0},
        {"trainA": [10, 20, 30], "trainB": [110, 120], "testA": [40], "testB": [140]},
    ),
)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))
    yield
    patch.undo()


def reds(images, channel=0):
    return sorted(np.round((images[:, 0, 0, channel] + 1.0) * 127.5).astype(int))


@pytest.mark.parametrize("name", ["tfgan_test_pairs", "tfgan_test_halves"])
def test_pairs(name):
    source = data.load_pairs(f"tfds:{name}", size=8)
    assert source.name == name and len(source) == 3
    taken = source.take(3)
    assert reds(taken["source"]) == reds(taken["target"], 1) == [10, 20, 30]
    np.testing.assert_array_equal(taken["source"][..., 0], taken["target"][..., 1])
    assert reds(source.held_out(5)["source"]) == [40]
    turned = data.load_pairs(f"tfds:{name}:test", size=8, direction="BtoA")
    assert reds(turned.take(1)["target"]) == [40]


def test_domains():
    source = data.load_unpaired("tfds:tfgan_test_domains", size=8)
    assert source.lengths == {"domain_a": 3, "domain_b": 2}
    assert reds(source.held_out(5)["domain_b"]) == [140]
    named = "tfds:tfgan_test_domains:trainB,tfds:tfgan_test_domains:trainA"
    turned = data.load_unpaired(named, size=8)
    assert reds(turned.take(3)["domain_b"]) == [10, 20, 30]
    assert reds(turned.held_out(5)["domain_a"]) == [140]


def failing(load, spec, *words, **options):
    with pytest.raises(InputError) as caught:
        load(spec, size=8, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_what_does_not_fit_is_explained():
    failing(data.load_pairs, "tfds:tfgan_test_pairs:validation", "validation", "train, test")
    failing(data.load_pairs, "tfds:tfgan_test_pairs", "GiB", "[:10%]", memory_limit=100)
    failing(data.load_pairs, "tfds:tfgan_test_pairs:half", "no test split", split="test")
    failing(data.load_pairs, "tfds:", "tfds:NAME")
    failing(data.load_unpaired, "tfds:tfgan_test_pairs", "trainA")
    failing(data.load_unpaired, "tfds:tfgan_test_domains", "too large", memory_limit=100)
