"""The ruler: real against real, and blurred real images, with known answers."""

import dataclasses
import types

import numpy as np
import pytest

from tfgan_suite import InputError
from tfgan_suite.data.pipeline.source import ArraySource
from tfgan_suite.features import extractors
from tfgan_suite.measures import MEASURES, measure
from tfgan_suite.measures.evaluation import Evaluation, Settings
from tfgan_suite.measures.fid import Moments, fid
from tfgan_suite.measures.ruler import BLUR, blur, ruler
from tfgan_suite.measures.sliced_wasserstein import sliced_wasserstein

pytestmark = pytest.mark.filterwarnings("ignore::tfgan_suite.measures.MeasureWarning")


FID = MEASURES["fid"].compute


def test_the_blur_of_a_step_is_the_normal_distribution():
    image = np.zeros((1, 64, 64, 1), np.uint8)
    image[:, :, 32:] = 255
    blurred = blur(image)[0, :, :, 0]
    # Deviation 2: at x pixels from the edge the normal distribution at (x + 0.5) / 2.
    from math import erf

    expected = [255 * 0.5 * (1 + erf((x + 0.5) / 2 / 2**0.5)) for x in range(4)]
    assert BLUR * 64 == 2.0
    np.testing.assert_allclose(blurred[20, 32:36], expected, atol=3)
    np.testing.assert_array_equal(blurred[0], blurred[40])
    assert blurred.dtype == np.uint8 and (blurred[:, :20] == 0).all()
    np.testing.assert_array_equal(blur(np.full((2, 9, 12, 3), 77, np.uint8)), 77)


def evaluation_of(pixels, samples=1000, batch=7):
    source = ArraySource("noise", pixels)
    generator = types.SimpleNamespace(
        shape=pixels.shape[1:], facts={"samples_of": "run", "step": 7, "ema": True}, limit=None
    )
    network = extractors.from_callable(describe, "two", weights_hash="0")
    return Evaluation(generator, source, network, Settings("noise", samples=samples, batch=batch))


def describe(images):
    """Mean, and the mean size of differences between neighbours."""
    import tensorflow as tf

    edges = tf.abs(images[:, :, 1:] - images[:, :, :-1])
    return tf.stack([tf.reduce_mean(images, (1, 2, 3)), tf.reduce_mean(edges, (1, 2, 3))], 1)


@pytest.mark.parametrize("samples, half", [(1000, 30), (41, 20)])
def test_the_rows_are_measures_of_the_two_halves(samples, half):
    pixels = np.random.RandomState(0).randint(0, 256, (60, 16, 16, 1)).astype("u1")
    evaluation = evaluation_of(pixels, samples)
    results = ruler(evaluation, [FID, MEASURES["prdc"].compute])
    names = [result.name for result in results]
    assert names[0] == "FID-two, real against real"
    assert sum(name.endswith("real against real") for name in names) == len(names) / 2
    order = evaluation.reference.take(min(samples, 60), seed=0)["image"]
    rows = evaluation.network.features(order)
    expected = fid(Moments.of(rows[:half]), Moments.of(rows[half : 2 * half])).value
    assert results[0].value == pytest.approx(expected, rel=1e-4, abs=1e-9)
    (blurred,) = (r for r in results if r.name == "FID-two, blurred real")
    bytes_of = np.round((order[half : 2 * half] + 1) * 127.5).astype("u1")
    spoilt = evaluation.network.features(blur(bytes_of))
    expected = fid(Moments.of(rows[:half]), Moments.of(spoilt)).value
    assert blurred.value == pytest.approx(expected, rel=1e-4)
    assert blurred.value > 100 * results[0].value  # the edges are gone
    facts = blurred.protocol
    assert facts["n_real"] == facts["n_fake"] == half and facts["blur"].endswith(
        "deviation 1 pixels"
    )
    assert facts["samples_of"].startswith("blurred real") and "step" not in facts


def test_the_halves_do_not_come_from_the_cache(tmp_path):
    """It holds all of a set in the order of whichever seed came first."""
    pixels = np.random.RandomState(0).randint(0, 256, (20, 16, 16, 1)).astype("u1")
    values = []
    for cache in (None, tmp_path):
        for seed in (1, 0):
            evaluation = evaluation_of(pixels)
            settings = dataclasses.replace(evaluation.settings, cache=cache, seed=seed)
            evaluation = dataclasses.replace(evaluation, settings=settings)
            evaluation.real = evaluation._collect_real({"features"})
            values.append([result.value for result in ruler(evaluation, [FID])])
    assert values[:2] == values[2:] and values[0] != values[1]


def test_patches_of_the_two_halves_are_compared_without_an_extractor():
    """SWD of the halves, and of the second one blurred: it shows at the finest level."""
    pixels = np.random.RandomState(0).randint(0, 256, (60, 16, 16, 1)).astype("u1")
    evaluation = evaluation_of(pixels)
    evaluation.network = None
    results = ruler(evaluation, [MEASURES["swd"].compute], {"pixels"})
    names = [result.name for result in results]
    rows = ("real against real", "blurred real")
    assert names == [f"{name}, {row}" for row in rows for name in ("SWD-16", "SWD")]
    order = np.round((evaluation.reference.take(60, seed=0)["image"] + 1) * 127.5).astype("u1")
    expected = sliced_wasserstein(order[:30], order[30:])[0].value
    assert results[0].value == pytest.approx(expected)
    assert results[2].value > 3 * results[0].value
    assert results[0].protocol["n_fake"] == 30 and results[0].protocol["extractor"] is None


def test_points_are_not_blurred():
    points = np.random.RandomState(0).normal(size=(40, 2)).astype("f4")
    evaluation = evaluation_of(np.zeros((40, 8, 8, 1), "u1"))
    source = ArraySource("points", points, key="point")
    generator = types.SimpleNamespace(shape=(2,), facts={"samples_of": "run"}, limit=None)
    evaluation = dataclasses.replace(
        evaluation, reference=source, generator=generator, network=None
    )
    (result,) = ruler(evaluation, [FID])
    assert result.name == "FID-identity, real against real"


def test_too_few_examples_for_two_halves():
    with pytest.raises(InputError, match="two halves of 3 real examples"):
        ruler(evaluation_of(np.zeros((3, 8, 8, 1), "u1")), [FID])
    with pytest.raises(InputError, match="the ruler .* add fid, fid_inf, kid, prdc"):
        measure("run", "data", measures=["parzen"], with_ruler=True)
