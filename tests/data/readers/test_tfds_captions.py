"""Captions from TensorFlow Datasets, by builders of the tests' own."""

import numpy as np
import pytest

from tfgan_suite import data
from tfgan_suite.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")


def image(index):
    """Wide images that are as bright as their number, with a white box at the right."""
    pixels = np.full((10, 30, 3), 10 * index, np.uint8)
    pixels[2:8, 22:28] = 255
    return pixels


def builder(name, features, make):
    """Registers a set of six training and two test examples under a name."""
    image_feature = tfds.features.Image(shape=(None, None, 3))

    def info(self):
        every = tfds.features.FeaturesDict({"image": image_feature, **features})
        return tfds.core.DatasetInfo(builder=self, description="A test.", features=every)

    def examples(self, numbers):
        for number in numbers:
            yield number, {"image": image(number), **make(number)}

    members = {
        "VERSION": tfds.core.Version("1.0.0"),
        "RELEASE_NOTES": {"1.0.0": "First."},
        "_info": info,
        "_split_generators": lambda self, manager: {
            "train": self._generate_examples(range(6)),
            "test": self._generate_examples(range(6, 8)),
        },
        "_generate_examples": examples,
    }
    return type(name, (tfds.core.GeneratorBasedBuilder,), members)


TEXT = tfds.features.Text()
BUILDERS = [
    builder(
        "TfganTestCaption",
        {
            "caption": TEXT,
            "label": tfds.features.ClassLabel(names=["even", "odd"]),
            "box": tfds.features.BBoxFeature(),
        },
        lambda number: {
            "caption": f"number {number}",
            "label": number % 2,
            "box": tfds.features.BBox(ymin=0.2, xmin=22 / 30, ymax=0.8, xmax=28 / 30),
        },
    ),
    builder(
        "TfganTestCaptions",
        {"captions": tfds.features.Sequence({"id": np.int64, "text": TEXT})},
        lambda number: {
            "captions": [{"id": k, "text": f"number {number} {k}"} for k in range(1 + number % 2)]
        },
    ),
    builder("TfganTestEmptyCaption", {"text": TEXT}, lambda number: {"text": " "}),
    builder("TfganTestNoCaption", {"words": TEXT}, lambda number: {"words": "x"}),
]


@pytest.fixture(scope="module", autouse=True)
def own_data_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))
        yield


def test_a_caption_a_class_and_a_box():
    source = data.load_captions("tfds:tfgan_test_caption", size=10)
    assert len(source) == 6 and source.classes == ("even", "odd")
    batch = source.take(6, seed=1)
    for picture, text, wrong, label, box in zip(
        batch["image"], batch["text"], batch["mismatched_text"], batch["label"], batch["box"]
    ):
        number = int(text.decode().split()[1])
        assert number % 2 == label != int(wrong.decode().split()[1]) % 2
        assert np.round((picture[0, 0, 0] + 1) * 127.5) == 10 * number
        # The square was moved from the centre to hold the box.
        np.testing.assert_allclose(box, [0.4, 0.2, 0.6, 0.6], atol=1e-6)
        assert (picture[3:7, 5:9] > 0.9).all() and (picture[:2] < 0).all()
    assert [text.decode() for text in source.held_out(5)["text"]] == ["number 6", "number 7"]


def test_several_captions_among_other_things():
    source = data.load_captions("tfds:tfgan_test_captions", size=10)
    assert sorted(source.captions.captions)[:2] == [("number 0 0",), ("number 1 0", "number 1 1")]
    assert source.classes is None and "box" not in source.shapes


def test_what_does_not_fit_is_named():
    for spec, options, words in (
        (
            "tfds:tfgan_test_no_caption",
            {},
            "its features are image, words; expected image, and one of",
        ),
        ("tfds:tfgan_test_empty_caption", {}, r"example 0 of train\) has an empty caption"),
        ("tfds:tfgan_test_caption:validation", {}, "expected one of train, test"),
        ("tfds:tfgan_test_caption", {"memory_limit": 10}, r"would take .* choose a part of it"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            data.load_captions(spec, size=10, **options)
        assert "\n" not in str(caught.value)
