"""Unpaired domains: every layout, domains of different length and kind, and the worlds."""

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.errors import InputError


def folder_of(place, values, mode="RGB", size=(8, 8)):
    place.mkdir(parents=True, exist_ok=True)
    for value in values:
        colour = value if mode == "L" else (value, 0, 0)
        Image.new(mode, size, colour).save(place / f"{value}.png")
    return place


def reds(source, key, count=None):
    taken = source.take(count or len(source))[key]
    return sorted(set(np.round((taken[:, 0, 0, 0] + 1.0) * 127.5).astype(int)))


def failing(spec, *words, **options):
    with pytest.raises(InputError) as caught:
        data.load_unpaired(spec, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


@pytest.fixture
def four_folders(tmp_path):
    folder_of(tmp_path / "trainA", (10, 20, 30))
    folder_of(tmp_path / "trainB", (110, 120, 130, 140, 150))
    folder_of(tmp_path / "testA", (40,))
    folder_of(tmp_path / "testB", (160, 170))
    return tmp_path


def test_four_folders(four_folders):
    source = data.load_unpaired(four_folders, size=8)
    assert source.lengths == {"domain_a": 3, "domain_b": 5} and len(source) == 5
    assert source.key == "domain_a" and source.shape == (8, 8, 3)
    assert reds(source, "domain_a") == [10, 20, 30]
    assert reds(source, "domain_b") == [110, 120, 130, 140, 150]
    held = source.held_out(10)
    assert held["domain_a"].shape == (1, 8, 8, 3) and held["domain_b"].shape == (2, 8, 8, 3)
    assert reds(data.load_unpaired(four_folders, size=8, split="test"), "domain_b") == [160, 170]


def test_the_test_split_may_be_of_crops_at_the_scale_of_training(four_folders):
    pixels = np.random.RandomState(0).randint(0, 256, (8, 8, 3)).astype("u1")
    Image.fromarray(pixels).save(four_folders / "testA" / "40.png")
    options = {"size": 4, "random_crop": 4}
    source = data.load_unpaired(four_folders, test_crops=True, **options)
    assert source.shape == (4, 4, 3)
    (image,) = source.held_out(1)["domain_a"]
    np.testing.assert_allclose((image + 1) * 127.5, pixels[2:6, 2:6], atol=1e-4)
    (entire,) = data.load_unpaired(four_folders, **options).held_out(1)["domain_a"]
    assert entire.shape == (4, 4, 3) and np.abs(entire - image).max() > 0.1


def test_domains_meet_in_ever_new_combinations(four_folders):
    source = data.load_unpaired(four_folders, size=8)
    met = set()
    for batch in source.batches(5, seed=0).take(30):
        pairs = zip(*(np.asarray(batch[key])[:, 0, 0, 0] for key in ("domain_a", "domain_b")))
        met |= {tuple(pair) for pair in pairs}
    assert len(met) == 3 * 5


def test_any_two_sets(tmp_path):
    folder_of(tmp_path / "horses" / "train", (10, 20))
    folder_of(tmp_path / "horses" / "test", (30,))
    folder_of(tmp_path / "zebras" / "train", (110, 120, 130))
    folder_of(tmp_path / "zebras" / "test", (140,))
    source = data.load_unpaired(f"{tmp_path / 'horses'},{tmp_path / 'zebras'}", size=8)
    assert source.name == "horses-zebras"
    assert source.lengths == {"domain_a": 2, "domain_b": 3}
    assert reds(source, "domain_a") == [10, 20]
    held = source.held_out(5)
    assert np.round((held["domain_b"][:, 0, 0, 0] + 1.0) * 127.5).tolist() == [140]
    np.savez(tmp_path / "apes.npz", x=np.full((4, 8, 8, 3), 200, np.uint8))
    mixed = data.load_unpaired(f"{tmp_path / 'apes.npz'}, {tmp_path / 'zebras'}", size=8)
    assert reds(mixed, "domain_a") == [200] and mixed.name == "apes-zebras"
    with pytest.raises(InputError, match="'test'"):
        mixed.held_out(1)


def test_folders_a_and_b(tmp_path):
    folder_of(tmp_path / "A", (10, 20))
    folder_of(tmp_path / "B", (110,))
    source = data.load_unpaired(tmp_path, size=8)
    assert source.lengths == {"domain_a": 2, "domain_b": 1}


def test_one_grey_domain_becomes_colour_and_two_stay_grey(tmp_path):
    folder_of(tmp_path / "trainA", (10, 20), "L")
    folder_of(tmp_path / "trainB", (110, 120))
    source = data.load_unpaired(tmp_path, size=8)
    assert source.shapes == {"domain_a": (8, 8, 3), "domain_b": (8, 8, 3)}
    taken = source.take(2)["domain_a"]
    np.testing.assert_array_equal(taken[..., 0], taken[..., 2])
    folder_of(tmp_path / "trainB", (110, 120), "L")
    assert data.load_unpaired(tmp_path, size=8).shapes["domain_b"] == (8, 8, 1)
    assert data.load_unpaired(tmp_path, size=8, channels=3).shape == (8, 8, 3)


def test_random_crop_size_and_streaming(four_folders):
    source = data.load_unpaired(four_folders, size=6, random_crop=2)
    assert source.shapes["domain_b"] == (6, 6, 3)
    assert source.held_out(1)["domain_a"].shape == (1, 6, 6, 3)
    streamed = data.load_unpaired(four_folders, size=6, random_crop=2, memory_limit=0)
    both = zip(*(s.batches(4, seed=1, horizontal_flip=True).take(3) for s in (source, streamed)))
    for one, two in both:
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])


def test_what_is_missing_is_named(tmp_path):
    failing(tmp_path, "(none)", "trainA and trainB")
    folder_of(tmp_path / "trainA", (10, 20))
    failing(tmp_path, "found the folders trainA", "trainB")
    (tmp_path / "trainB").mkdir()
    failing(tmp_path, str(tmp_path / "trainB"), "no images")
    failing(tmp_path / "none", "does not exist")
    failing("colour", "did you mean 'colours'")
    failing("ring,ring", "points")
    failing("modes", "no size", size=8)
    failing("colours", "colour", channels=1)
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 8, 8, 3), np.uint8))
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 9, 9, 3), np.uint8))
    failing(f"{tmp_path / 'a.npz'},{tmp_path / 'b.npz'}", "8 x 8", "9 x 9", "pass the size")


def test_broken_files_are_skipped_and_counted(four_folders):
    (four_folders / "trainB" / "bad.png").write_bytes(b"no image")
    source = data.load_unpaired(four_folders, size=8)
    assert [name for name, _ in source.skipped] == ["bad.png"] and len(source) == 5
    failing(four_folders, "bad.png", size=8, strict=True)


@pytest.mark.parametrize("world", ["colours", "outlines", "hues"])
def test_worlds_of_images_hold_no_pair(world):
    source = data.load_unpaired(world)
    assert source.shapes == {"domain_a": (32, 32, 3), "domain_b": (32, 32, 3)}
    assert len(source) == 500 and source.name == world
    held = source.held_out(400)
    truths = {one.tobytes() for one in held["truth_a"]}
    assert not truths & {one.tobytes() for one in held["domain_b"]}
    assert not truths & {one.tobytes() for one in source.take(500)["domain_b"]}
    found = source.report(held, held["truth_a"])
    assert found["error"] == 0.0 and found["unchanged"] > 0.02
    assert set(source.take(1)) == {"domain_a", "domain_b"}


def test_the_world_of_points():
    source = data.load_unpaired("modes")
    assert source.shape == (2,) and len(source) == 10_000
    batch = next(iter(source.batches(64, seed=0)))
    assert batch["domain_a"].shape == batch["domain_b"].shape == (64, 2)
    held = source.held_out(1000)
    assert source.report(held, held["domain_b"])["modes_found"] == 10
