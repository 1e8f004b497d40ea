"""The same pictures, not square, as a folder, `.npz`, IDX and tfds: the same examples, classes."""

import importlib.util
import pathlib
import types

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.core.labels import parse_labels
from tfgan_suite.errors import InputError
from tfgan_suite.training import launch, options

tfds = pytest.importorskip("tensorflow_datasets")
HEIGHT, WIDTH, COUNT = 20, 32, 11
DRAWS = np.random.default_rng(0)
PIXELS = DRAWS.integers(0, 256, (COUNT, HEIGHT, WIDTH), dtype=np.uint8)
LABELS = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2])
NAMES = ["ant", "bee", "cat"]
RECIPES = pathlib.Path(__file__).parents[2] / "recipes"
# Recipes that read images by `data.load`; the others have readers of their own.
OF_IMAGES = (
    "ali", "cgan", "dcgan", "ebgan", "gan", "gran", "infogan", "lsgan", "progan", "r3gan", "sngan",
    "stylegan", "wgan", "wgan_gp",
)  # fmt: skip
OTHERS = (
    "adain", "cyclegan", "discogan", "gan_cls", "gawwn", "pix2pix", "simgan", "srgan", "srresnet",
    "stackgan", "syncnet", "text_encoder", "wav2lip",
)  # fmt: skip


class StripsOfTest(tfds.core.GeneratorBasedBuilder):
    """Strips of 32 x 20 pixels."""

    # Where it looks for its metadata: the folder of tests is no package on every path.
    __module__, pkg_dir_path = "strips_of_test", pathlib.Path(__file__).parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(HEIGHT, WIDTH, 1)),
            "label": tfds.features.ClassLabel(names=[*NAMES, "dog"]),
        }
        return tfds.core.DatasetInfo(
            builder=self, description="Strips.", features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for index, (image, label) in enumerate(zip(PIXELS, LABELS)):
            yield index, {"image": image[..., None], "label": int(label)}


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """What to pass as `--data`, by form."""
    home = tmp_path_factory.mktemp("forms")
    for index, (image, label) in enumerate(zip(PIXELS, LABELS)):
        folder = home / "folder" / NAMES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    np.savez(home / "strips.npz", image=PIXELS, label=LABELS, classes=NAMES)
    (home / "idx").mkdir()
    for name, array in (("images-idx3", PIXELS), ("labels-idx1", LABELS.astype("u1"))):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (home / "idx" / f"train-{name}-ubyte").write_bytes(head + array.tobytes())
    patch = pytest.MonkeyPatch()
    patch.setenv("TFDS_DATA_DIR", str(home / "tfds"))
    yield {
        "folder": home / "folder", "npz": home / "strips.npz", "idx": home / "idx",
        "tfds": "tfds:strips_of_test",
    }  # fmt: skip
    patch.undo()


def load(recipe, *words):
    spec = importlib.util.spec_from_file_location(recipe, RECIPES / f"{recipe}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return launch.load_data(vars(module), options.parse(vars(module), list(map(str, words))))


def ordered(source):
    pixels = np.round((source.take(COUNT)["image"] + 1) * 127.5).astype(int)
    return sorted(pixels.reshape(COUNT, -1).tolist())


@pytest.mark.parametrize("form", ["npz", "idx", "tfds"])
def test_every_form_is_cropped_as_folders_are(forms, form):
    expected = data.load(forms["folder"], size=16)
    source = data.load(forms[form], size=16)
    assert source.shape == expected.shape == (16, 16, 1)
    assert ordered(source) == ordered(expected)
    # Without a size: the square in the middle, pixel by pixel.
    middle = PIXELS[:, :, 6:26].reshape(COUNT, -1)
    assert ordered(data.load(forms[form], square=True)) == sorted(middle.astype(int).tolist())


@pytest.mark.parametrize("recipe", OF_IMAGES)
def test_every_image_recipe_takes_every_form(forms, recipe):
    for form, spec in forms.items():
        side = 64 if form == "folder" else HEIGHT
        assert load(recipe, "--data", spec).shape == (side, side, 1), form
        assert load(recipe, "--data", spec, "--size", 8).shape == (8, 8, 1), form


@pytest.mark.parametrize("recipe", OTHERS)
@pytest.mark.parametrize("form", ["npz", "idx", "tfds"])
def test_other_recipes_take_it_or_say_in_one_line_what_they_take(forms, recipe, form):
    try:
        assert len(load(recipe, "--data", forms[form]).shape) == 3
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 700
    recipes = {path.stem for path in RECIPES.glob("*.py") if "launch.main(" in path.read_text()}
    assert recipes == {*OF_IMAGES, *OTHERS}


def test_classes_of_every_form(forms):
    sources = {form: data.load(spec, size=8) for form, spec in forms.items()}
    for form, source in sources.items():
        names = ["0", "1", "2"] if form == "idx" else [*NAMES, *(["dog"] * (form == "tfds"))]
        assert list(source.classes) == names, form
        assert source.class_counts == (7, 3, 1, *([0] * (form == "tfds"))), form
        facts = (len(names), source.classes, source.class_counts)
        assert parse_labels(f"{names[2]},{names[0]}", *facts) == [2, 0]
        with pytest.raises(InputError, match="there is no class 'fly'"):
            parse_labels("fly", *facts)
    dog = (4, sources["tfds"].classes, sources["tfds"].class_counts)
    with pytest.raises(InputError, match="'dog' had no images"):
        parse_labels("dog", *dog)


def test_streamed_sets_say_that_nobody_has_counted(forms, capsys):
    source = data.load(forms["tfds"], size=8, memory_limit=0)
    assert source.classes == (*NAMES, "dog") and source.class_counts is None
    launch._describe(source, types.SimpleNamespace(
        shape=source.shape, classes=source.classes, class_counts=source.class_counts,
    ))  # fmt: skip
    assert "4 classes; the data are streamed, so nobody has counted" in capsys.readouterr().out
