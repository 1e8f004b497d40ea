"""Pairs: every layout gives the same pairs, and what does not fit together is named."""

import numpy as np
import pytest
from PIL import Image

from tfgan_suite import data
from tfgan_suite.data.synthetic import domains
from tfgan_suite.errors import InputError


def flat(red, green=0, size=(8, 8), mode="RGB"):
    return Image.new(mode, size, (red, green, 0) if mode == "RGB" else red)


def folder_of(place, images):
    place.mkdir(parents=True, exist_ok=True)
    for name, image in images.items():
        image.save(place / name)
    return place


def two_folders(root, numbers=range(1, 6), first="A", second="B"):
    """Image n: A has red 10 n, B has green 10 n."""
    folder_of(root / first, {f"{n}.png": flat(10 * n) for n in numbers})
    folder_of(root / second, {f"{n}.bmp": flat(0, 10 * n) for n in numbers})
    return root


def side_by_side(root, numbers=range(1, 6), size=(16, 8)):
    root.mkdir(parents=True, exist_ok=True)
    for n in numbers:
        whole = flat(10 * n, 0, size)
        whole.paste((0, 10 * n, 0), (size[0] // 2, 0, *size))
        whole.save(root / f"{n}.png")
    return root


def stored(values):
    return np.round((np.asarray(values) + 1.0) * 127.5).astype(int)


def check(source, numbers, first="source", second="target"):
    """All pairs are whole, belong together and are flat to the last pixel."""
    taken = source.take(len(source))
    a, b = stored(taken[first]), stored(taken[second])
    for pixels in (a, b):
        assert np.all(pixels == pixels[:, :1, :1])
    assert np.all(a[..., 1:] == 0) and np.all(b[..., [0, 2]] == 0)
    np.testing.assert_array_equal(a[:, 0, 0, 0], b[:, 0, 0, 1])
    assert sorted(a[:, 0, 0, 0] // 10) == sorted(numbers)


def failing(spec, *words, **options):
    with pytest.raises(InputError) as caught:
        data.load_pairs(spec, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_the_left_half_is_a_and_nothing_bleeds_over_the_seam(tmp_path):
    side_by_side(tmp_path / "walls")
    source = data.load_pairs(tmp_path / "walls", size=8)
    assert source.name == "walls" and source.key == "source" and source.shape == (8, 8, 3)
    check(source, range(1, 6))
    check(data.load_pairs(tmp_path / "walls", size=5), range(1, 6))  # resized
    turned = data.load_pairs(tmp_path / "walls", size=8, direction="BtoA")
    check(turned, range(1, 6), "target", "source")
    assert data.load_pairs(tmp_path / "walls").shape == (64, 64, 3)


@pytest.mark.parametrize("layout", ["A", "A/train", "train/A", "trainA", "a"])
def test_two_folders_are_matched_by_name(tmp_path, layout):
    for split, numbers in (("train", range(1, 6)), ("test", (7, 8))):
        if layout in ("A", "a") and split == "test":
            continue
        first = layout.replace("train", split)
        second = first.replace("A", "B") if "A" in first else "b"
        two_folders(tmp_path, numbers, first, second)
    source = data.load_pairs(tmp_path, size=8)
    check(source, range(1, 6))
    check(data.load_pairs(tmp_path, size=8, direction="BtoA"), range(1, 6), "target", "source")
    if layout not in ("A", "a"):
        check(data.load_pairs(tmp_path, size=8, split="test"), (7, 8))
        held = source.held_out(100)
        assert stored(held["source"])[:, 0, 0, 0].tolist() == [70, 80]
        assert stored(held["target"])[:, 0, 0, 1].tolist() == [70, 80]
    else:
        with pytest.raises(InputError, match="no images for split 'test'"):
            source.held_out(1)


def test_any_two_folders(tmp_path):
    two_folders(tmp_path, range(1, 4), "black", "colour")
    source = data.load_pairs(f"{tmp_path / 'black'},{tmp_path / 'colour'}", size=8)
    check(source, range(1, 4))
    assert source.name == "black-colour"


def test_val_is_the_test_split_where_there_is_no_test(tmp_path):
    side_by_side(tmp_path / "train")
    side_by_side(tmp_path / "val", [9])
    check(data.load_pairs(tmp_path, size=8, split="test"), [9])
    side_by_side(tmp_path / "test", [7])
    check(data.load_pairs(tmp_path, size=8, split="test"), [7])


@pytest.mark.parametrize("make", [two_folders, side_by_side])
def test_pairs_can_be_set_aside_for_testing(tmp_path, make):
    make(tmp_path / "set", range(1, 21))
    train = data.load_pairs(tmp_path / "set", size=8, hold_out=4)
    check(train, set(range(1, 21)) - set(held_numbers(train)))
    assert len(train) == 16 and len(held_numbers(train)) == 4
    failing(tmp_path / "set", "only 20", hold_out=20)


def held_numbers(source):
    return (stored(source.held_out(100)["source"])[:, 0, 0, 0] // 10).tolist()


def test_setting_aside_leaves_a_test_split_alone(tmp_path):
    side_by_side(tmp_path / "train")
    side_by_side(tmp_path / "test", [9])
    train = data.load_pairs(tmp_path, size=8, hold_out=2)
    assert len(train) == 5 and held_numbers(train) == [9]


def test_unmatched_files_are_named_on_both_sides(tmp_path):
    two_folders(tmp_path)
    (tmp_path / "A" / "3.png").unlink()
    (tmp_path / "B" / "5.bmp").unlink()
    failing(tmp_path, "1 images in", "no partner", "5.png", "3.bmp")
    failing(f"{tmp_path / 'A'},{tmp_path / 'B'}", "5.png", "3.bmp", "unpaired")


def test_doubtful_partners_are_named(tmp_path):
    two_folders(tmp_path)
    flat(1).save(tmp_path / "A" / "3.bmp")
    failing(tmp_path, "both 3.bmp and 3.png")


def test_a_pair_of_different_size_is_named(tmp_path):
    two_folders(tmp_path)
    flat(1, size=(8, 9)).save(tmp_path / "B" / "4.bmp")
    failing(tmp_path, "1 of 5 pairs", "4.png is 8 x 8", "4.bmp is 8 x 9")


def test_images_that_cannot_be_halved_are_named(tmp_path):
    side_by_side(tmp_path / "set")
    flat(1, size=(17, 8)).save(tmp_path / "set" / "odd.png")
    failing(tmp_path / "set", "odd width", "odd.png")


def test_an_empty_side_is_named(tmp_path):
    two_folders(tmp_path)
    for path in (tmp_path / "B").iterdir():
        path.unlink()
    failing(tmp_path, str(tmp_path / "B"), "no images")


@pytest.mark.parametrize("limit", [2**31, 0])
def test_broken_files_are_skipped_with_their_partner(tmp_path, limit):
    two_folders(tmp_path)
    (tmp_path / "B" / "2.bmp").write_bytes(b"")
    whole = (tmp_path / "A" / "4.png").read_bytes()
    (tmp_path / "A" / "4.png").write_bytes(whole[: len(whole) // 2])  # the header is whole
    source = data.load_pairs(tmp_path, size=8, memory_limit=limit)
    if limit:
        check(source, (1, 3, 5))
    else:
        seen = [b for b in source.batches(3, seed=0).take(10)]
        for batch in seen:
            a, b = stored(batch["source"])[:, 0, 0], stored(batch["target"])[:, 0, 0]
            np.testing.assert_array_equal(a[:, 0], b[:, 1])
            assert set(a[:, 0]) <= {10, 30, 50}
    assert [("2.bmp" in name, "4.png" in name) for name, _ in source.skipped] == [
        (True, False),
        (False, True),
    ] or not limit
    failing(tmp_path, "2.bmp", "empty file", size=8, strict=True)
    (tmp_path / "B" / "2.bmp").unlink()
    (tmp_path / "A" / "2.png").unlink()
    failing(tmp_path, "4.png", size=8, strict=True, memory_limit=limit)


def test_streamed_pairs_equal_those_in_memory(tmp_path):
    two_folders(tmp_path)
    options = {"size": 6, "random_crop": 2}
    held = data.load_pairs(tmp_path, **options)
    read = data.load_pairs(tmp_path, memory_limit=0, **options)
    assert held.fingerprint == read.fingerprint
    pairs = zip(
        *(s.batches(2, seed=1, horizontal_flip=True, start=1).take(4) for s in (held, read))
    )
    for one, two in pairs:
        for key in ("source", "target"):
            np.testing.assert_array_equal(one[key], two[key])
            assert one[key].shape == two[key].shape == (2, 6, 6, 3)


def test_channels_of_each_side(tmp_path):
    folder_of(tmp_path / "A", {f"{n}.png": flat(10 * n, mode="L") for n in range(4)})
    folder_of(tmp_path / "B", {f"{n}.png": flat(10 * n) for n in range(4)})
    plain = data.load_pairs(tmp_path, size=8)
    assert plain.shapes == {"source": (8, 8, 1), "target": (8, 8, 3)}
    turned = data.load_pairs(tmp_path, size=8, direction="BtoA")
    assert turned.shapes == {"source": (8, 8, 3), "target": (8, 8, 1)}
    chosen = data.load_pairs(tmp_path, size=8, channels=3, target_channels=1)
    assert chosen.shapes == {"source": (8, 8, 3), "target": (8, 8, 1)}
    side_by_side(tmp_path / "set")
    halves = data.load_pairs(tmp_path / "set", size=8, channels=1)
    assert halves.shapes == {"source": (8, 8, 1), "target": (8, 8, 3)}
    red = stored(halves.take(5)["source"]).max()
    assert red == 15  # .299 * 50


def test_transparency_lies_over_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    for side in "AB":
        folder_of(tmp_path / side, {"1.png": clear})
    assert np.all(data.load_pairs(tmp_path, size=8).take(1)["source"] == 1.0)


@pytest.mark.parametrize("keys", [("source", "target"), ("a", "b"), ("A", "B")])
def test_npz_files(tmp_path, keys):
    numbers = 10 * np.arange(1, 6, dtype=np.uint8)
    a, b = np.zeros((2, 5, 6, 8, 3), np.uint8)
    a[..., 0], b[..., 1] = numbers[:, None, None], numbers[:, None, None]
    path = tmp_path / "set.npz"
    np.savez(path, **{keys[0]: a, keys[1]: b, f"{keys[0]}_test": a[:2], f"{keys[1]}_test": b[:2]})
    source = data.load_pairs(path)
    assert source.shape == (6, 8, 3) and source.name == "set"
    check(source, range(1, 6))
    check(data.load_pairs(path, direction="BtoA"), range(1, 6), "target", "source")
    assert held_numbers(source) == [1, 2]
    assert data.load_pairs(path, size=8, random_crop=2).shape == (8, 8, 3)


def test_bad_npz_files_are_explained(tmp_path):
    path = tmp_path / "set.npz"
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    np.savez(path, source=pixels, x=pixels)
    failing(path, "source, x", "source and target")
    np.savez(path, source=pixels, target=pixels[:3])
    failing(path, "(4, 8, 8, 3)", "(3, 8, 8, 3)", "the same number of images")
    np.savez(path, source=pixels, target=pixels[:, :7])
    failing(path, "(4, 7, 8, 3)")
    path.write_bytes(b"no")
    failing(path, "cannot be read")
    failing(tmp_path / "none.npz", "does not exist")


def test_wrong_options_are_explained(tmp_path):
    side_by_side(tmp_path)
    failing(tmp_path, "AtoB or BtoA", direction="AtoA")
    failing(tmp_path, "random_crop", random_crop=-1)
    failing(tmp_path, "random_crop", random_crop=1.5)
    failing(tmp_path, "hold_out", hold_out=-1)
    failing(tmp_path, "split", split="half")
    failing(tmp_path, "channels", target_channels=2)
    failing("texture", "did you mean 'textures'")
    failing(f"{tmp_path},{tmp_path / 'none'}", "none does not exist")
    failing("a,b,c", "3 sets")
    failing("textures", "colour", target_channels=1)


def test_the_embedded_world():
    source = data.load_pairs("textures")
    assert len(source) == 400 and source.shape == (32, 32, 3) and source.name == "textures"
    held = source.held_out(50)
    assert held["source"].shape == held["target"].shape == (50, 32, 32, 3)
    perfect = source.report(held, held["target"])
    assert perfect["l1"] == 0.0 and perfect["clean_share"] == 1.0
    turned = data.load_pairs("textures", direction="BtoA")
    back = turned.held_out(50)
    np.testing.assert_array_equal(back["target"], held["source"])
    assert turned.report(back, back["target"])["accuracy"] == 1.0
    assert data.load_pairs("textures", size=32, random_crop=4).shape == (32, 32, 3)


def test_outlines_are_pairs_of_outlines_and_what_fills_them():
    source = data.load_pairs("outlines", size=16)
    assert len(source) == 2000 and source.shape == (16, 16, 3) and source.name == "outlines"
    batch = source.held_out(8)
    both = domains.generate("outlines", "a", 8, 16, 1)
    np.testing.assert_allclose(batch["source"], both.images / 127.5 - 1.0, atol=1e-6)
    np.testing.assert_allclose(batch["target"], both.truth / 127.5 - 1.0, atol=1e-6)
    turned = data.load_pairs("outlines", size=16, direction="BtoA").held_out(8)
    np.testing.assert_array_equal(turned["source"], batch["target"])
    right = source.report(batch, batch["target"])
    assert right["l1"] == 0.0 and right["colour_share"] == 1.0 and right["unchanged"] > 0.05
    black = source.report(batch, np.full_like(batch["target"], -1.0))
    assert black["colour_share"] == 0.0 and black["l1"] > 0.1
