"""The command `measure`, from runs, exports and folders to JSON lines."""

import argparse
import json
import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf
import tiny_recipe
from short_runs import short_runs

from tfgan_suite import InputError, data
from tfgan_suite.cli import measure as measure_command
from tfgan_suite.features import extractors
from tfgan_suite.measures import MEASURES, features, hold_out, measure, samples
from tfgan_suite.training import launch
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids

pytestmark = pytest.mark.filterwarnings("ignore::tfgan_suite.measures.MeasureWarning")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A tiny run with an export, the data it was trained on, and a file with an extractor."""
    import keras

    home = tmp_path_factory.mktemp("home")
    pixels = np.random.RandomState(0).randint(0, 256, (40, 8, 8, 1)).astype("u1")
    np.savez(home / "data.npz", x_train=pixels[:20], x_test=pixels[20:])
    np.savez(home / "colour.npz", x_test=pixels[:20].repeat(3, axis=3))
    words = ["tiny_recipe.py", "--run", str(home / "run"), "--data", str(home / "data.npz")]
    with pytest.MonkeyPatch.context() as patch, short_runs():
        patch.setattr(sys, "argv", [*words, "--steps", "2", "--export", str(home / "exports")])
        with pytest.raises(SystemExit) as end:
            launch.main(vars(tiny_recipe))
    assert end.value.code == 0
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.Dense(3, name="features")(keras.layers.Flatten()(x))
    logits = keras.layers.Dense(2, name="logits")(x)
    keras.Model(image, logits).save(home / "tiny.keras")
    card = {"layers": {"features": "features", "predictions": "logits"}}
    (home / "tiny.json").write_text(json.dumps(card))
    return home


def command(*words):
    parser = argparse.ArgumentParser()
    measure_command.add_arguments(parser)
    return measure_command.run(parser.parse_args([str(word) for word in words]))


def words(home, source, *more):
    return [
        source, "--against", home / "data.npz", "--extractor", home / "tiny.keras",
        "--cache", home / "cache", "--samples", 20, "--batch", 8, *more,
    ]  # fmt: skip


def test_a_run_is_measured_and_its_file_grows(home, capsys):
    asked = "fid,kid,prdc,is,parzen,memorisation,memorisation_pixels"
    assert command(*words(home, home / "run", "--measures", asked, "--json")) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ["FID", "KID", "precision", "recall", "density", "coverage", "IS"]
    found = [line["name"] for line in said]
    assert found[:8] == [f"{name}-tiny" for name in names] + ["parzen"]
    assert len(found) == 10 and all("memorisation" in name for name in found[8:])
    assert said[7]["protocol"]["extractor"] is None and said[7]["protocol"]["ema"] is True
    facts = said[0]["protocol"]
    wanted = {
        "step": 2, "ema": True, "n_real": 20, "n_fake": 20, "split": "test", "seed": 0,
        "against": "data", "layer": "features", "resize": "to 8x8, bilinear, antialias",
    }  # fmt: skip
    assert wanted.items() <= facts.items()
    assert facts["weights"] == extractors.load(f"{home / 'tiny.keras'}:features").weights_hash
    lines = (home / "run" / "measures.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines[-10:]] == [{"step": 2, **line} for line in said]
    # A run that goes on keeps the lines of the steps it has.
    Run(home / "run").drop_after(2)
    assert (home / "run" / "measures.jsonl").read_text().splitlines() == lines


def test_no_extractor_is_loaded_for_measures_that_need_none(home, monkeypatch, capsys):
    options = {"samples": 20, "batch": 8, "extractor": home / "tiny.keras"}
    names = ["parzen", "memorisation_pixels"]
    both = measure(home / "run", home / "data.npz", measures=[*names, "fid"], **options)
    monkeypatch.setattr(extractors, "load", lambda *_, **__: pytest.fail("it was loaded"))
    alone = measure(home / "run", home / "data.npz", measures=names, **options)
    assert [result.value for result in alone] == [result.value for result in both[:2]]
    assert all(result.protocol["extractor"] is None for result in alone)
    assert command(*words(home, home / "run", "--measures", "parzen")) == 0
    assert "extractor none, resize none" in capsys.readouterr().out


def test_more_than_memory_should_keep_is_refused_before_it_is_drawn(home, monkeypatch):
    options = {"samples": 20, "batch": 8, "extractor": home / "tiny.keras"}
    monkeypatch.setattr(features, "MEMORY_LIMIT", 200)  # 20 times 3 features are 240 bytes
    message = "20 examples keep 0 MiB, 12 bytes each; expected at most 0 MiB: pass at most 16 --sam"
    with pytest.raises(InputError, match=message):
        measure(home / "run", home / "data.npz", measures=["kid"], **options)
    with pytest.raises(InputError, match="20 examples keep 0 MiB, 320 bytes each"):
        measure(home / "run", home / "data.npz", measures=["parzen"], **options)
    assert measure(home / "run", home / "data.npz", measures=["fid"], **options)[0].value > 0


def test_the_same_seed_gives_the_same_values_and_words_are_printed(home, capsys, tmp_path):
    for _ in range(2):
        out = ["--out", tmp_path / "new" / "found.jsonl", "--seed", 7]
        assert command(*words(home, home / "run", *out)) == 0
    lines = [json.loads(line) for line in open(tmp_path / "new" / "found.jsonl")]
    assert lines[:6] == lines[6:]
    said = capsys.readouterr()
    assert "FID-tiny" in said.out and "step 2, averaged weights: 20 samples" in said.out
    assert command(*words(home, home / "run", "--seed", 8)) == 0
    assert (
        json.loads((home / "run" / "measures.jsonl").read_text().splitlines()[-6])["value"]
        != lines[0]["value"]
    )


def test_a_run_its_export_and_a_folder_of_its_images_agree(home, tmp_path):
    run = samples.open_samples(home / "run")
    for index, image in enumerate(np.concatenate(list(run.draw(20, 0, 8)))):
        image_grids.write_png(tmp_path / f"{index:02d}.png", image)
    options = {
        "against": home / "data.npz", "extractor": f"{home / 'tiny.keras'}:features",
        "samples": 20, "batch": 8, "measures": ["fid"],
    }  # fmt: skip
    places = [home / "run", home / "exports" / "tiny_recipe_data", tmp_path]
    found = [measure(place, **options)[0] for place in places]
    assert [result.protocol["samples_of"] for result in found] == ["run", "export", "files"]
    # The card of this recipe does not say whether weights were averaged.
    assert found[1].protocol["ema"] is None and found[1].protocol["step"] == 2
    for result in found[1:]:
        assert result.value == pytest.approx(found[0].value, rel=0.02)
    assert not (tmp_path / "measures.jsonl").exists()
    of_z = {**options, "measures": ["ppl", "separability"]}
    run, export = (measure(place, **of_z) for place in places[:2])
    assert [r.name for r in run] == [r.name for r in export] and run[0].name.startswith(
        "PPL-z-full"
    )
    for ours, theirs in zip(run, export):
        assert ours.value == pytest.approx(theirs.value, rel=0.1)
    with pytest.raises(InputError, match="measured on a generator, but .* holds images"):
        measure(tmp_path, **of_z)
    with pytest.raises(InputError, match="no signatures 'mapping' and 'synthesis'"):
        measure(places[1], **{**options, "measures": ["psi_sweep"]})


def test_the_set_itself_is_perfect(home):
    flat = extractors.from_callable(lambda x: tf.reshape(x, (-1, 64)), "pixels")
    np.savez(home / "copy.npz", x_train=np.load(home / "data.npz")["x_test"])
    found = measure(
        home / "copy.npz", home / "data.npz", extractor=flat, measures=["fid", "prdc"], samples=20
    )
    assert abs(found[0].value) < 1e-6
    assert [result.value for result in found[1:]] == [1.0] * 4


def test_points_are_their_own_features(tmp_path):
    (result,) = measure("ring", "ring", measures=["fid"], samples=2000)
    assert result.name == "FID-identity" and 0 <= result.value < 0.01
    assert result.protocol["n_real"] == 2000
    # A hundred subsets of 1000 points take seconds.
    (result,) = measure("ring", "ring", measures=["kid"], samples=200)
    assert result.name == "KID-identity" and np.isfinite(result.value)


def test_few_samples_warn_in_one_line(home, capsys):
    assert command(*words(home, home / "run", "--samples", 3, "--measures", "fid")) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: FID: 3 examples are too few for 3 features")
    assert "at least 4 are needed" in line


@pytest.mark.parametrize(
    "changes, said",
    [
        (["--measures", "fod"], "did you mean 'fid'"),
        (["--measures", ","], "no measure was requested"),
        (["--samples", "1"], "samples 1"),
        (["--samples", "5", "--measures", "prdc"], "at least 6 of each"),
        (["--seed", "-1"], "seed -1"),
        (["--extractor", "nowhere.keras"], "no extractor 'nowhere.keras'"),
        (["--against", "shapes"], "the shape (8, 8, 1), those of shapes (32, 32, 3)"),
        (["--against", "{home}/colour.npz"], "the shape (8, 8, 1), those of colour (8, 8, 3)"),
        (["--measures", "memorisation", "--split", "train"], "pass --split test"),
        (["--split", "val"], "the split is 'val'"),
        (["--out", "{home}"], "--out is the folder"),
    ],
)
def test_bad_input_is_said(home, changes, said):
    with pytest.raises(InputError) as error:
        command(*words(home, home / "run", *[word.format(home=home) for word in changes]))
    assert said in str(error.value)


def test_sources_that_are_nothing(home, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        command(*words(home, tmp_path / "nowhere"))
    with pytest.raises(InputError, match="holds no images"):
        command(*words(home, tmp_path))
    for side in (8, 9):
        image_grids.write_png(tmp_path / f"{side}.png", np.zeros((side, side, 1), np.uint8))
    with pytest.raises(InputError, match="8.png 8x8, 9.png 9x9.*--size"):
        command(*words(home, tmp_path))


def test_a_generator_that_draws_nan_is_refused(home, monkeypatch):
    from tfgan_suite.inference.generator import Generator

    generate = Generator.generate
    monkeypatch.setattr(
        Generator, "generate", lambda self, *a, **k: generate(self, *a, **k) * np.nan
    )
    with pytest.raises(InputError, match="8 of 8 images hold NaN"):
        command(*words(home, home / "run"))


def test_every_measure_of_the_table_is_told_by_the_help():
    parser = argparse.ArgumentParser()
    measure_command.add_arguments(parser)
    for name in MEASURES:
        assert name in parser.format_help()


def test_of_a_folder_without_splits_a_stated_part_is_held_out(home, tmp_path, capsys):
    flat = tmp_path / "flat"
    flat.mkdir()
    pixels = np.random.RandomState(1).randint(0, 256, (54, 8, 8, 1)).astype("u1")
    for index, image in enumerate(pixels):
        image_grids.write_png(flat / f"{index:02d}.png", image)
    options = ["--extractor", home / "tiny.keras", "--cache", "none", "--measures"]
    words = [home / "run", "--against", flat, *options, "memorisation,memorisation_pixels,fid"]
    assert command(*words) == 0
    said = capsys.readouterr()
    assert "flat has no test split: 27 of its 54 images are held out as the reference" in said.err
    assert "samples against 27 of flat (27 of 54, held out), 8x8x1" in said.out
    assert command(*words[:-1], "parzen", "--split", "train") == 0
    said = capsys.readouterr()
    assert (
        "held out" not in said.err and "against 49 of flat (train)" in said.out
    )  # a tenth sets sigma


@pytest.mark.parametrize("total, count", [(2, 1), (54, 27), (200, 50), (1000, 100)])
def test_a_hold_out_and_the_others_are_all_images_of_a_folder(total, count):
    images = np.arange(total, dtype=np.int64)[:, None].astype(np.float32).repeat(2, 1)
    source = data.ArraySource("numbers", images, key="point")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test, train = (hold_out.part_of(source, split) for split in ("test", "train"))
    assert len(test) == count and len(train) == total - count
    read = [part.take(len(part))["point"][:, 0] for part in (test, train)]
    assert sorted(np.concatenate(read)) == list(range(total))
    assert len({source.fingerprint, test.fingerprint, train.fingerprint}) == 3


def test_the_ruler_is_printed_and_saved_beside_the_values(home, capsys, tmp_path):
    out = tmp_path / "values.jsonl"
    assert (
        command(*words(home, home / "run", "--measures", "fid,kid", "--ruler", "--out", out)) == 0
    )
    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    names = [line["name"] for line in lines]
    assert names == [
        f"{measure}-tiny{row}"
        for row, measures in (("", 2), (", real against real", 2), (", blurred real", 2))
        for measure in ("FID", "KID")[:measures]
    ]
    assert all(name in printed for name in names)
    assert [line["protocol"]["n_real"] for line in lines] == [20, 20, 10, 10, 10, 10]
