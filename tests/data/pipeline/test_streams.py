"""Several things in one batch: their orders, their crops, and their split among replicas."""

import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.data.pipeline import file_sources
from tfgan_suite.data.pipeline.streams import StreamSource
from tfgan_suite.errors import InputError

MARGIN = 4


def images(count, side, margin=0):
    """Every pixel says where it is: row, column, and the number of its image."""
    found = np.empty((count, side + margin, side + margin, 3), np.uint8)
    found[..., 0] = np.arange(side + margin)[None, :, None]
    found[..., 1] = np.arange(side + margin)[None, None]
    found[..., 2] = np.arange(count)[:, None, None]
    return found


def paired(count=23, side=6, margin=0):
    one = images(count, side, margin)
    return StreamSource(
        "pairs",
        [file_sources.array_stream("pairs", {"source": one, "target": 255 - one})],
        key="source",
        random_crop=margin,
    )


def unpaired(counts=(7, 10), side=6, margin=0):
    streams = [
        file_sources.array_stream(key, {key: images(count, side, margin)})
        for key, count in zip(("domain_a", "domain_b"), counts)
    ]
    return StreamSource("domains", streams, key="domain_a", random_crop=margin)


def mixed(margin=MARGIN):
    """Pairs, and images of a shorter stream of its own, in one batch."""
    one = images(23, 6, margin)
    streams = [
        file_sources.array_stream("pairs", {"source": one, "target": 255 - one}),
        file_sources.array_stream("real", {"real": images(5, 6, margin)}),
    ]
    return StreamSource("mixed", streams, key="source", random_crop=margin)


def stored(values):
    return np.round((np.asarray(values) + 1.0) * 127.5).astype(int)


def numbers(source, key, steps, batch=5, **options):
    options.setdefault("seed", 1)
    found = source.batches(batch, **options).take(steps)
    return np.concatenate([stored(b[key])[:, 0, 0, 2] for b in found])


def test_images_and_values_of_one_stream_stay_together():
    held = {"simulated": images(9, 4), "label": np.arange(18, dtype=np.float32).reshape(9, 2)}
    source = StreamSource("eyes", [file_sources.array_stream("simulated", held)], key="simulated")
    for batch in source.batches(4, seed=3, horizontal_flip=True).take(5):
        number = stored(batch["simulated"])[:, 0, 0, 2]
        np.testing.assert_array_equal(batch["label"], np.stack([2 * number, 2 * number + 1], 1))
        assert batch["label"].dtype == tf.float32 and batch["simulated"].dtype == tf.float32
    assert source.shape == (4, 4, 3) and source.shapes == {"simulated": (4, 4, 3), "label": (2,)}


def test_each_stream_is_a_row_of_permutations_of_its_own_length():
    source = unpaired((7, 10))
    assert len(source) == 10 and source.lengths == {"domain_a": 7, "domain_b": 10}
    for key, count in source.lengths.items():
        seen = numbers(source, key, 14)[: 7 * 10].reshape(-1, count)
        assert all(sorted(epoch) == list(range(count)) for epoch in seen)
        assert len({tuple(epoch) for epoch in seen}) == len(seen)


def test_streams_and_seeds_have_unrelated_orders():
    source = unpaired((60, 60))
    a, b = (numbers(source, key, 12) for key in ("domain_a", "domain_b"))
    assert np.mean(a == b) < 0.2
    assert np.mean(a == numbers(source, "domain_a", 12, seed=2)) < 0.2


def test_a_batch_may_be_larger_than_a_shorter_stream_but_not_than_all():
    source = unpaired((3, 10))
    seen = numbers(source, "domain_a", 3, batch=10)
    assert sorted(seen) == sorted(list(range(3)) * 10)
    assert stored(source.take(10)["domain_a"]).shape[0] == 10
    with pytest.raises(InputError, match="10 examples"):
        source.batches(11, seed=0)
    with pytest.raises(InputError, match="it has 10"):
        source.take(11)


OPTIONS = {"seed": 9, "horizontal_flip": True}


@pytest.fixture(scope="module")
def whole():
    return list(mixed().batches(8, **OPTIONS).take(16))


@pytest.mark.parametrize("start", [1, 13])
def test_start_equals_skipping(whole, start):
    resumed = mixed().batches(8, start=start, **OPTIONS).take(len(whole) - start)
    for one, two in zip(whole[start:], resumed):
        assert set(two) == {"source", "target", "real"}
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])


@pytest.mark.parametrize("workers,replicas", [(1, 2), (2, 4)])
def test_slices_of_all_replicas_together_are_the_batch_of_one_device(whole, workers, replicas):
    local = replicas // workers
    parts = [
        list(
            mixed()
            .batches(
                8,
                start=3,
                input_context=tf.distribute.InputContext(workers, worker, replicas),
                **OPTIONS,
            )
            .take(4 * local)
        )
        for worker in range(workers)
    ]
    for step, batch in enumerate(whole[3:7]):
        slices = [part[step * local + r] for part in parts for r in range(local)]
        for key, wanted in batch.items():
            found = np.concatenate([one[key] for one in slices])
            np.testing.assert_array_equal(found, wanted)


def test_a_strategy_gets_the_same_examples(two_replicas, whole):
    spread = iter(data.distribute(mixed(), two_replicas, 8, start=2, **OPTIONS))
    for batch in whole[2:5]:
        parts = next(spread)
        for key, wanted in batch.items():
            local = two_replicas.experimental_local_results(parts[key])
            np.testing.assert_array_equal(np.concatenate(local), wanted)


def windows(values):
    """Top and left of every crop, whether it is turned, after checking that it is one piece."""
    found = stored(values)
    turned = found[:, 0, 0, 1] > found[:, 0, -1, 1]
    plain = np.where(turned[:, None, None, None], found[:, :, ::-1], found)
    side = plain.shape[1]
    top, left = plain[:, 0, 0, 0], plain[:, 0, 0, 1]
    np.testing.assert_array_equal(
        plain[..., 0], (top[:, None] + np.arange(side))[:, :, None] + np.zeros(side, int)
    )
    np.testing.assert_array_equal(
        plain[..., 1], (left[:, None] + np.arange(side))[:, None] + np.zeros((side, 1), int)
    )
    return top, left, turned


def test_both_images_of_a_pair_are_cut_and_turned_by_one_draw():
    source = paired(margin=MARGIN)
    assert source.shape == (6, 6, 3)
    found = [b for b in source.batches(20, seed=0, horizontal_flip=True).take(20)]
    for batch in found:
        np.testing.assert_array_equal(stored(batch["target"]), 255 - stored(batch["source"]))
    top, left, turned = windows(np.concatenate([b["source"] for b in found]))
    assert 150 < turned.sum() < 250  # 400 fair coins: 200 +- 5 deviations
    for offsets in (top, left):
        counts = np.bincount(offsets, minlength=MARGIN + 1)
        assert len(counts) == MARGIN + 1  # every offset from 0 to 4, 80 times each
        assert np.all(np.abs(counts - 80) < 40)  # 5 deviations
    assert abs(np.corrcoef(top, left)[0, 1]) < 0.25


def test_unpaired_domains_are_cut_and_turned_by_draws_of_their_own():
    found = list(
        unpaired((20, 20), margin=MARGIN).batches(20, seed=0, horizontal_flip=True).take(20)
    )
    first, second = (
        windows(np.concatenate([b[key] for b in found])) for key in ("domain_a", "domain_b")
    )
    for one, other in zip(first, second):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.25  # 5 deviations of 400 pairs
        assert one.std() > 0


def test_flips_need_no_crops_and_crops_no_flips():
    top, left, turned = windows(
        next(iter(paired().batches(20, seed=0, horizontal_flip=True)))["source"]
    )
    assert not top.any() and not left.any() and 2 < turned.sum() < 18
    top, left, turned = windows(next(iter(paired(margin=MARGIN).batches(20, seed=0)))["source"])
    assert top.any() and left.any() and not turned.any()


def test_shown_images_are_the_middle():
    taken = paired(margin=MARGIN).take(23, seed=5)
    top, left, turned = windows(taken["source"])
    assert set(top) == set(left) == {MARGIN // 2} and not turned.any()
    assert sorted(stored(taken["source"])[:, 0, 0, 2]) == list(range(23))
    again = paired(margin=MARGIN).take(5, seed=5)
    np.testing.assert_array_equal(again["target"], taken["target"][:5])


def test_held_out_examples_come_in_stored_order():
    source = StreamSource(
        "train",
        [file_sources.array_stream("pairs", {"source": images(3, 6)})],
        key="source",
        test=lambda: unpaired((4, 9)),
    )
    found = source.held_out(6)
    assert stored(found["domain_a"])[:, 0, 0, 2].tolist() == [0, 1, 2, 3]
    assert stored(found["domain_b"])[:, 0, 0, 2].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="ask for 1"):
        source.held_out(0)


def test_the_element_spec_is_static_and_the_name_says_what_there_is():
    source = unpaired(margin=MARGIN)
    spec = source.batches(5, seed=0, horizontal_flip=True).element_spec
    assert {key: one.shape for key, one in spec.items()} == {
        "domain_a": (5, 6, 6, 3),
        "domain_b": (5, 6, 6, 3),
    }
    assert "7 domain_a of (6, 6, 3), 10 domain_b" in repr(source)


def test_points_cannot_be_flipped():
    points = np.zeros((5, 2), np.float32)
    source = StreamSource(
        "points", [file_sources.array_stream("domain_a", {"domain_a": points})], key="domain_a"
    )
    assert source.batches(5, seed=0).element_spec["domain_a"].shape == (5, 2)
    with pytest.raises(InputError, match="cannot be mirrored"):
        source.batches(5, seed=0, horizontal_flip=True)


def test_the_fingerprint_follows_each_stream_and_the_random_crop():
    prints = {
        unpaired(counts, margin=margin).fingerprint
        for counts in ((7, 10), (7, 9), (8, 10))
        for margin in (0, 2)
    }
    assert len(prints) == 6 and unpaired().fingerprint == unpaired().fingerprint
