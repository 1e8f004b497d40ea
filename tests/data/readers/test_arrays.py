"""`.npz` and IDX files, and the front: what is accepted, and what each error says."""

import gzip
import importlib
import sys
from unittest import mock

import keras
import numpy as np
import pytest

from tfgan_suite import data
from tfgan_suite.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3), dtype=np.uint8)
LABELS = np.arange(12) % 4


def failing(*words):
    """Context that expects an `InputError` of one line which has all the words."""

    class Check:
        def __enter__(self):
            self.inner = pytest.raises(InputError)
            self.caught = self.inner.__enter__()

        def __exit__(self, *error):
            done = self.inner.__exit__(*error)
            text = str(self.caught.value)
            assert "\n" not in text and all(word in text for word in words), text
            return done

    return Check()


def stored(source):
    """The examples by label-free order: sorted rows of bytes."""
    found = source.take(len(source))["image"].reshape(len(source), -1)
    return np.round((found + 1) * 127.5)[np.lexsort(found.T)]


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("key", ["image", "images", "x", "x_train", "arr_0"])
@pytest.mark.parametrize("label", ["label", "labels", "y", "y_train"])
def test_npz_keys(tmp_path, key, label):
    path = save(tmp_path / "small.npz", **{key: PIXELS, label: LABELS})
    source = data.load(path)
    assert source.shape == (6, 6, 3) and source.name == "small" and len(source) == 12
    assert source.classes == ("0", "1", "2", "3")
    batch = source.take(12)
    for image, wanted in zip(batch["image"], batch["label"]):
        place = np.flatnonzero((np.round((image + 1) * 127.5) == PIXELS).all(axis=(1, 2, 3)))
        assert LABELS[place] == wanted


def test_npz_number_types_give_the_same_images(tmp_path):
    wanted = stored(data.load(save(tmp_path / "a.npz", x=PIXELS)))
    for index, other in enumerate(
        [
            PIXELS / 255.0,
            (PIXELS / 127.5 - 1).astype(np.float32),
            PIXELS.astype(np.int64),
            PIXELS.astype(np.uint16),
            (PIXELS / 255.0).astype(np.float32),
        ]
    ):
        found = data.load(save(tmp_path / f"b{index}.npz", x=other))
        assert found.classes is None and set(found.take(2)) == {"image"}
        np.testing.assert_array_equal(stored(found), wanted)


def test_npz_grey_images_get_a_channel_and_can_become_colour(tmp_path):
    path = save(tmp_path / "grey.npz", x=PIXELS[..., 0], y=LABELS[:, None])
    assert data.load(path).shape == (6, 6, 1)
    colour = data.load(path, channels=3).take(12)["image"]
    assert colour.shape == (12, 6, 6, 3)
    np.testing.assert_array_equal(colour[..., 0], colour[..., 2])
    np.testing.assert_array_equal(colour[..., 0], data.load(path).take(12)["image"][..., 0])


def test_colour_becomes_grey_by_luminance(tmp_path):
    pure = np.zeros((3, 4, 4, 3), np.uint8)
    for channel in range(3):
        pure[channel, ..., channel] = 255
    grey = data.load(save(tmp_path / "pure.npz", x=pure), channels=1).take(3)["image"]
    levels = sorted(np.round((grey[:, 0, 0, 0] + 1) * 127.5))
    assert levels == [29, 76, 150]  # 255 times .114, .299, .587


def test_resizing_is_antialiased_and_keeps_flat_areas(tmp_path):
    checks = np.indices((16, 16)).sum(axis=0) % 2 * np.uint8(255)
    flat = np.full((16, 16), 77, np.uint8)
    path = save(tmp_path / "checks.npz", x=np.stack([checks, flat]))
    small = stored(data.load(path, size=4))
    assert small.shape == (2, 16)
    rows = sorted(small.tolist(), key=lambda row: row[0])
    np.testing.assert_allclose(rows[0], 77, atol=1)
    np.testing.assert_allclose(rows[1], 127.5, atol=8)  # a checkerboard's mean, no moire
    assert data.load(path, size=40).shape == (40, 40, 1)


def test_oblong_images_keep_their_shape_or_are_cropped_in_the_middle(tmp_path):
    wide = np.zeros((2, 4, 8, 1), np.uint8)
    wide[:, :, 2:6] = 200  # the middle square
    path = save(tmp_path / "wide.npz", x=wide)
    assert data.load(path).shape == (4, 8, 1)
    assert np.all(stored(data.load(path, size=4)) == 200)


def test_transparent_arrays_lie_over_white(tmp_path):
    clear = np.zeros((2, 4, 4, 4), np.uint8)
    clear[1, ..., 3] = 255
    source = data.load(save(tmp_path / "clear.npz", rgba=clear))
    assert source.shape == (4, 4, 3)
    assert sorted(stored(source)[:, 0]) == [0, 255]
    with failing("(rgba)", "3 channels", "expected 4"):
        data.load(save(tmp_path / "opaque.npz", rgba=clear[..., :3]))


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_any_number_of_channels_is_kept(tmp_path, channels):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 6, 8, channels), dtype=np.uint8)
    path = save(tmp_path / "bands.npz", x=pixels)
    np.testing.assert_array_equal(data.load(path).fetch(np.arange(3))["image"], pixels)
    small = data.load(path, size=4).fetch(np.arange(3))["image"].numpy()
    for band in range(channels):  # each as an image of its own
        alone = data.load(save(tmp_path / "band.npz", x=pixels[..., band]), size=4)
        np.testing.assert_array_equal(small[..., band], alone.fetch(np.arange(3))["image"][..., 0])
    with failing(f"{channels} channels, and 3 were requested", "rgba"):
        data.load(path, channels=3)


def test_names_and_splits(tmp_path):
    path = save(
        tmp_path / "two.npz",
        x_train=PIXELS,
        y_train=np.array(["cat", "ant", "bee"] * 4),
        x_test=PIXELS[:5],
        y_test=np.zeros(5, int),
    )
    assert data.load(path).classes == ("ant", "bee", "cat")
    assert len(data.load(path, split="test")) == 5
    named = save(tmp_path / "named.npz", x=PIXELS, y=LABELS % 2, classes=np.array(["no", "yes"]))
    assert data.load(named).classes == ("no", "yes")
    only = tmp_path / "only"
    only.mkdir()
    save(only / "set.npz", x=PIXELS)
    assert data.load(only).name == "only" and len(data.load(only)) == 12


def test_fingerprint_follows_the_data(tmp_path):
    changed = PIXELS.copy()
    changed[3, 3, 3, 1] ^= 1
    prints = [
        data.load(save(tmp_path / f"{i}.npz", x=x)).fingerprint
        for i, x in enumerate([PIXELS, PIXELS, changed, PIXELS[:11]])
    ]
    assert prints[0] == prints[1] and len(set(prints)) == 3


@pytest.mark.parametrize(
    "arrays,words",
    [
        ({"stuff": PIXELS, "more": LABELS}, ["stuff, more", "x_train"]),
        ({"x": np.array([{}, {}], object)}, ["Python objects"]),
        ({"x": PIXELS[0, 0]}, ["(6, 3)", "(n, height, width)"]),
        ({"x": np.zeros((5, 3, 8, 8), np.uint8)}, ["(5, 3, 8, 8)", "transpose"]),
        ({"x": PIXELS[:0]}, ["empty"]),
        ({"x": np.where(PIXELS == PIXELS[0, 0, 0, 0], np.nan, PIXELS / 255.0)}, ["NaN"]),
        ({"x": PIXELS.astype(float)}, ["0", str(float(PIXELS.max()))[:3], "[0, 1]"]),
        ({"x": PIXELS / 100.0 - 1}, ["-1", "[-1, 1]"]),
        ({"x": PIXELS.astype(np.int32) - 5}, ["int32", "-5"]),
        ({"x": PIXELS.astype(complex)}, ["complex128"]),
        ({"x": PIXELS, "y": LABELS[:-1]}, ["12 images", "(11,)", "(12,)"]),
        ({"x": PIXELS, "y": np.tri(12)}, ["(12, 12)", "not one-hot"]),
        ({"x": PIXELS, "y": np.full(12, np.nan)}, ["nan", "whole"]),
        ({"x": PIXELS, "y": LABELS + 0.5}, ["float64", "whole"]),
        ({"x": PIXELS, "y": LABELS, "classes": np.array(["a", "b"])}, ["0 to 1"]),
    ],
)
def test_bad_npz_files_are_explained(tmp_path, arrays, words):
    path = save(tmp_path / "bad.npz", **arrays)
    with failing("bad.npz", *words):
        data.load(path)


def test_damaged_npz_files_are_named(tmp_path):
    path = save(tmp_path / "cut.npz", x=PIXELS)
    path.write_bytes(path.read_bytes()[:300])
    with failing("cut.npz", "cannot be read"):
        data.load(path)
    path.write_bytes(b"")
    with failing("cut.npz", "cannot be read"):
        data.load(path)


def test_several_npz_files_in_a_folder(tmp_path):
    save(tmp_path / "train.npz", x=PIXELS)
    save(tmp_path / "test.npz", x=PIXELS[:3])
    assert len(data.load(tmp_path)) == 12
    (tmp_path / "train.npz").rename(tmp_path / "other.npz")
    with failing("2 .npz files", "name the one"):
        data.load(tmp_path)


def idx_bytes(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    grey = PIXELS[..., 0]
    packed = gzip.compress(idx_bytes(grey))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(packed)
    labels = idx_bytes(LABELS.astype(np.uint8))
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    (folder / "t10k-images.idx3-ubyte").write_bytes(idx_bytes(grey[:5]))
    (folder / "t10k-labels.idx1-ubyte").write_bytes(idx_bytes(LABELS[:5].astype(np.uint8)))
    return folder


def test_idx_folders_and_files(idx_folder):
    source = data.load(idx_folder)
    assert source.name == "digits" and source.shape == (6, 6, 1) and len(source) == 12
    assert source.classes == ("0", "1", "2", "3")
    batch = source.take(12)
    for image, wanted in zip(batch["image"], batch["label"]):
        same = (np.round((image[..., 0] + 1) * 127.5) == PIXELS[..., 0]).all(axis=(1, 2))
        assert LABELS[np.flatnonzero(same)] == wanted
    assert len(data.load(idx_folder, split="test")) == 5
    single = data.load(idx_folder / "t10k-images.idx3-ubyte", size=8, channels=3)
    assert len(single) == 5 and single.shape == (8, 8, 3) and single.name == "digits"
    (idx_folder / "train-labels-idx1-ubyte").unlink()
    assert data.load(idx_folder).classes is None


def test_damaged_idx_files_are_named(idx_folder):
    images = idx_folder / "train-images-idx3-ubyte.gz"
    whole = images.read_bytes()
    images.write_bytes(whole[:-20])
    with failing("train-images-idx3-ubyte.gz", "cannot be read"):
        data.load(idx_folder)
    images.write_bytes(gzip.compress(gzip.decompress(whole)[:-1]))
    with failing("train-images-idx3-ubyte.gz", "447 bytes", "448"):
        data.load(idx_folder)
    images.write_bytes(b"\0\0\x0d\x03" + whole)
    with failing("0x00000d03", "0x00000803"):
        data.load(idx_folder)
    images.write_bytes(whole)
    labels = idx_folder / "train-labels-idx1-ubyte"
    labels.write_bytes(idx_bytes(LABELS[:-1].astype(np.uint8)))
    with failing("12 images", "(11,)"):
        data.load(idx_folder)
    images.unlink()
    with failing("split 'train'", "t10k-images.idx3-ubyte"):
        data.load(idx_folder)


def test_missing_paths_suggest_the_nearest_name(tmp_path):
    with failing("'shapes'", "does not exist"):
        data.load("shaps")
    with failing("'ring'"):
        data.load("rings")
    (tmp_path / "flowers").mkdir()
    with failing("flowers", "did you mean"):
        data.load(tmp_path / "flower")
    with failing("does not exist", "tfds:NAME"):
        data.load("/no/such/place")


def test_wrong_options_and_files_are_explained(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with failing("notes.txt", "unknown kind"):
        data.load(path)
    for size in (0, -1, 2.5, 10_000, "64"):
        with failing("image size"):
            data.load("shapes", size=size)
    for channels in (0, 2, 4):
        with failing("channels", "1 (grey) or 3 (colour"):
            data.load("shapes", channels=channels)
    with failing("split", "'train' or 'test'"):
        data.load("shapes", split="validate")
    with failing("size 8", "16"):
        data.load("shapes", size=8)


def test_importing_pulls_in_no_image_or_data_set_library():
    heavy = {"PIL", "tensorflow_datasets", "tensorflow_io", "tensorflow_addons", "scipy"}
    # Imported anew: what other tests have imported, and Keras's register of classes, come back.
    with mock.patch.dict(sys.modules), mock.patch.dict(keras.saving.get_custom_objects()):
        for name in list(sys.modules):
            if name.split(".")[0] in {"tfgan_suite", *heavy}:
                del sys.modules[name]
        assert importlib.import_module("tfgan_suite.data") is not data
        assert not heavy & {name.split(".")[0] for name in sys.modules}


@pytest.mark.parametrize("channels", [(), (1,), (3,), (5,)])
def test_an_npy_file_is_an_npz_file_of_images_alone(tmp_path, channels):
    images = np.random.default_rng(1).integers(0, 256, (9, 6, 8, *channels), dtype=np.uint8)
    for order in (np.ascontiguousarray, np.asfortranarray):
        np.save(tmp_path / "a.npy", order(images))
        np.savez(tmp_path / "a.npz", image=images)
        single, named = data.load(tmp_path / "a.npy"), data.load(tmp_path / "a.npz")
        assert single.name == "a" and single.classes == named.classes is None
        assert (single.shape, single.fingerprint) == (named.shape, named.fingerprint)
        np.testing.assert_array_equal(single.take(9)["image"], named.take(9)["image"])
    square = data.load(tmp_path / "a.npy", square=True)
    assert square.shape[:2] == (6, 6)


def test_npy_files_pass_the_same_checks(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(4 * 36).reshape(4, 6, 6).astype(np.uint16) * 7)  # 10 bits: up to 1001
    assert data.load(path).bit_depth == 10
    with failing("a.npy", "no split 'test'", "x_test"):
        data.load(path, split="test")
    np.save(path, np.full((4, 6, 6), 7.0))
    with failing("a.npy", "from 7 to 7", "rescale"):
        data.load(path)
    np.save(path, np.zeros((6, 6)))
    with failing("a.npy", "(6, 6)", "reshape"):
        data.load(path)
    np.save(path, np.array([{}], object), allow_pickle=True)
    with failing("a.npy", ".npy", "run code"):
        data.load(path)
    np.save(path, PIXELS)
    whole = path.read_bytes()
    for content in (b"", whole[:5], whole[:60], whole[:-1], whole + b"x", b"PK" + whole):
        path.write_bytes(content)
        with failing("a.npy"):
            data.load(path)
    # A header that lies about the size is refused before memory is reserved.
    path.write_bytes(whole.replace(b"(12, 6, 6, 3)", b"(12, 6, 6,3e)"))
    with failing("a.npy"):
        data.load(path)
    path.write_bytes(whole.replace(b"(12, 6, 6, 3), }    ", b"(1200006, 6, 3), }" + b"  "))
    with failing("a.npy"):
        data.load(path)
