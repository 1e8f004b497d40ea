"""GAN-CLS from flags to export: the run draws sentences, and so does its SavedModel."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import run_recipe
from short_runs import opened_once, short_runs
from stand_ins import sentence_discriminator, sentence_generator, stand_in

from tfgan_suite import InputError
from tfgan_suite.cli.main import main
from tfgan_suite.data.synthetic import captions as world
from tfgan_suite.games import gan_cls
from tfgan_suite.inference import generator, sentences, style_transfer
from tfgan_suite.measures import r_precision
from tfgan_suite.networks import gan_cls as networks
from tfgan_suite.training import image_sides
from tfgan_suite.training.run_folder import Run
from tfgan_suite.utils import image_grids

TINY = ["--size", 16, "--steps", 2, "--batch", 4, "--width", 2, "--log-every", 1]
RED, BLUE = "a small red circle at the top left", "a large blue square in the centre"


@pytest.fixture(scope="module", autouse=True)
def quick_runs():
    """Small networks, and runs and exports that are opened once."""
    builders = {
        "build_generator": sentence_generator,
        "build_discriminator": sentence_discriminator,
    }
    with pytest.MonkeyPatch.context() as patch, opened_once():
        stand_in(patch, gan_cls, **builders)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with `run` and its export, of a world of few images."""
    folder = tmp_path_factory.mktemp("sentences")
    with pytest.MonkeyPatch.context() as patch, short_runs():
        for split, (_, seed) in world.SPLITS.items():
            patch.setitem(world.SPLITS, split, (54, seed))
        patch.chdir(folder)
        assert run_recipe("gan_cls.py", *TINY, "--run", "run") == 0
    return folder


@pytest.fixture(scope="module")
def places(home):
    return {"run": home / "run", "export": home / "saved_models/gan_cls_captions"}


@pytest.fixture(scope="module")
def loaded(places):
    """The run's game and constants."""
    game, options, _ = Run(places["run"]).load()
    return game, options


def test_the_encoder_stays_with_the_run_and_the_export(places, loaded):
    game, options = loaded
    assert options.encoder == "words" and game.encoder.dim == game.text_dim
    card = json.loads((places["export"] / "1/card.json").read_text())
    assert card["text_encoder"]["hash"] == game.encoder.hash
    assert card["usage"] == "sample {} --text SENTENCE"
    assert json.loads((places["export"] / "1/parity.json").read_text())["ok"] is True


def test_the_oracle_reads_what_was_said_and_also_what_training_never_showed(places):
    measured = json.loads((places["run"] / "measures.jsonl").read_text().splitlines()[-1])
    assert measured["translations"] == measured["images"] == measured["unseen_images"] == 54
    assert {"colour_share", "shape_share", "clean_share", "unseen_all_share"} <= set(measured)
    assert "box_iou" not in measured  # nobody told it a box


def test_a_run_and_its_savedmodel_draw_the_same_for_a_sentence(places):
    one, two = (
        sentences.draw(generator.open_generator(str(place)), [RED, BLUE], 3, seed=1)
        for place in places.values()
    )
    assert one.shape == (2, 3, 16, 16, 3)
    np.testing.assert_allclose(one, two, atol=1e-5)
    assert np.abs(one[0] - one[1]).max() > 1e-4  # another sentence
    assert np.abs(one[0, 0] - one[0, 1]).max() > 1e-4  # another z


def test_the_savedmodel_takes_a_string_and_gives_a_png(places, loaded):
    exported, (game, _) = tf.saved_model.load(str(places["export"] / "1")), loaded
    z = np.random.RandomState(0).normal(size=(2, game.latent_dim)).astype("f4")
    texts = [RED, "completely unknown"]
    draw = exported.signatures["text_png"]
    files = draw(text=tf.constant(texts), z=tf.constant(z))["image_bytes"]
    pixels = np.stack([tf.io.decode_png(file).numpy() for file in files])
    expected = image_grids.to_uint8(game.generate(text=texts, z=z))
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_the_savedmodel_draws_z_from_a_seed_for_each_sentence(places):
    """String in, PNG out; an image does not depend on the others of its batch."""
    loaded = tf.saved_model.load(str(places["export"] / "1"))
    texts, seeds = tf.constant([RED, BLUE, RED]), tf.constant([7, 3, 8], tf.int32)
    files = loaded.signatures["text_sample_png"](text=texts, seed=seeds)["image_bytes"]
    pixels = np.stack([tf.io.decode_png(file).numpy() for file in files])
    drawn = loaded.signatures["text_sample"](text=texts[1:2], seed=seeds[1:2])["image"].numpy()
    assert drawn.dtype == np.uint8 and np.abs(drawn[0].astype(int) - pixels[1]).max() <= 1
    assert np.abs(pixels[0].astype(int) - pixels[2]).max() > 0
    # The same as the first image of `sample --text .. --seed 7`.
    opened = generator.open_generator(str(places["run"]))
    expected = image_grids.to_uint8(sentences.draw(opened, [RED], 2, seed=7))[0, 0]
    assert np.abs(pixels[0].astype(int) - expected).max() <= 1


def test_sample_writes_a_row_for_each_sentence(places, tmp_path, capsys):
    out = tmp_path / "grid.png"
    words = ["sample", str(places["run"]), "--text", RED, "--text", "a purple circle"]
    assert main([*words, "--count", "2", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "2 images of each of 2 sentences" in said.out
    assert "not in the captions of the training are ignored: 'purple'" in said.err
    grid = image_grids.read_png(out)
    assert grid.shape == (2 * 50 + 2, 200 + 2 * 50 + 2, 3)
    assert main([*words, "--count", "1", "--json", "--out", str(tmp_path / "each")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert [name.rpartition("/")[2] for name in json.loads(line)["files"]] == [
        "0_0_00000.png",
        "1_0_00000.png",
    ]


def test_a_sentence_is_drawn_in_the_style_of_pictures(places, tmp_path, capsys, monkeypatch):
    """The run's style encoder is trained once, and style transfer is G(S(picture), sentence)."""
    monkeypatch.setattr(style_transfer, "STEPS", 2)
    monkeypatch.setattr(style_transfer, "BATCH", 4)
    pixels = np.random.RandomState(0).randint(0, 256, (2, 16, 16, 3)).astype("u1")
    wide = np.concatenate([pixels[1, :, :4], pixels[1], pixels[1, :, :4]], axis=1)
    image_grids.write_png(tmp_path / "a.png", pixels[0])
    image_grids.write_png(tmp_path / "wide.png", wide)
    words = ["sample", str(places["run"]), "--text", RED, "--text", BLUE]
    words += ["--style", str(tmp_path / "a.png"), "--style", str(tmp_path / "wide.png")]
    out = tmp_path / "grid.png"
    with short_runs():
        assert main([*words, "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "training a style encoder, 2 steps" in said.err
    assert "2 images of each of 2 sentences" in said.out
    grid = image_grids.read_png(out)
    assert grid.shape == (3 * 50 + 2, 200 + 2 * 50 + 2, 3)  # the styles, then each sentence
    assert np.array_equal(grid[2:50:3, 202:250:3], pixels[0])
    assert np.array_equal(grid[2:50:3, 252:300:3], pixels[1])  # its middle
    (file,) = places["run"].glob("style_encoder-*.keras")
    assert main([*words, "--out", str(tmp_path / "each")]) == 0
    assert "training" not in capsys.readouterr().err  # the run keeps it
    game = Run(places["run"]).load()[0]
    style = game.style_encoder(keras.models.load_model(file, compile=False))
    expected = image_grids.to_uint8(style.transfer(pixels / np.float32(127.5) - 1, BLUE))
    for index in range(2):
        drawn = image_grids.read_png(tmp_path / "each" / f"1_0_0000{index}.png")
        assert np.abs(drawn.astype(int) - expected[index]).max() <= 1
    assert main([*words, "--count", "2"]) == 2
    assert "omit --count" in capsys.readouterr().err
    assert main([*words[:4], "--style", "none.png"]) == 2
    assert "--style is none.png, which cannot be read" in capsys.readouterr().err
    export = [*words, "--out", str(out)]
    export[1] = str(places["export"])
    assert main(export) == 2
    assert "--style needs a run of recipes/gan_cls.py" in capsys.readouterr().err


def test_shares_of_what_is_said_are_measured_of_an_export(places, capsys, tmp_path, monkeypatch):
    # The run's own test images; of all 1080 the oracle calls 18 unclean at 16 pixels.
    for split, (_, seed) in world.SPLITS.items():
        monkeypatch.setitem(world.SPLITS, split, (54, seed))
    words = ["measure", str(places["export"]), "--against", "captions", "--measures", "captions"]
    assert main([*words, "--json", "--out", str(tmp_path / "m.jsonl")]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = {result["name"]: result for result in results}
    lines = (places["run"] / "measures.jsonl").read_text().splitlines()
    end = next(json.loads(line) for line in reversed(lines) if "translations" in line)
    for field in ("colour", "shape", "size", "position", "all", "clean"):
        result = values.pop(f"caption_{field}-captions")
        assert result["value"] == pytest.approx(end[f"{field}_share"], abs=0.02)
        unseen = result["protocol"]["unseen"]
        assert unseen == pytest.approx(end[f"unseen_{field}_share"], abs=0.02)
        assert result["protocol"]["real"] == 1.0
    assert not values


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "draws what a sentence says; pass one, such as --text"),
        (["--text", " "], "--text is empty"),
        (["--text", RED, "--count", "0"], "--count is 0"),
    ],
)
def test_bad_requests_are_answered_in_one_line(places, capsys, words, said):
    assert main(["sample", str(places["export"]), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("source", ["run", "export"])
def test_words_that_the_encoder_does_not_read_are_said(places, tmp_path, capsys, source):
    words = ["sample", str(places[source]), "--count", "1", "--out", str(tmp_path / "a.png")]
    assert main([*words, "--text", "a red blorp, and a blorp"]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "words that are not in the captions of the training are ignored: 'blorp'"
    ]
    assert said.out.startswith("wrote one image of one sentence to ")
    assert main([*words, "--text", RED]) == 0
    assert capsys.readouterr().err == ""


def test_a_walk_leads_from_sentence_to_sentence(places, tmp_path, capsys):
    words = ["walk", str(places["export"]), "--text", RED, "--steps", "3"]
    assert main([*words, "--text", BLUE, "--out", str(tmp_path / "walk")]) == 0
    assert "4 frames" in capsys.readouterr().out
    assert (tmp_path / "walk" / "walk.gif").is_file()
    assert main([*words, "--out", str(tmp_path / "walk")]) == 2
    assert "pass two --text or more" in capsys.readouterr().err


def test_a_tampered_encoder_is_named(places, tmp_path, capsys):
    run = shutil.copytree(places["run"], tmp_path / "run")
    path = run / "text_encoder.npz"
    path.write_bytes(path.read_bytes()[:100])
    assert main(["sample", str(run), "--text", RED]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "text_encoder.npz cannot be read" in line


def test_own_captions_with_vectors_of_a_file_draw_these_sentences_only(
    tmp_path, monkeypatch, capsys
):
    # The recipe's own networks, too.
    for name in ("build_generator", "build_discriminator"):
        monkeypatch.setattr(gan_cls, name, getattr(networks, name))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "birds").mkdir()
    draws = np.random.RandomState(0)
    texts = [f"a bird number {index}" for index in range(12)]
    for index, text in enumerate(texts):
        pixels = draws.randint(0, 256, (20, 20, 3)).astype("u1")
        image_grids.write_png(f"birds/{index}.png", pixels)
        (tmp_path / f"birds/{index}.txt").write_text(text)
    np.savez("vectors.npz", text=texts[:5], vector=draws.normal(size=(5, 3)))
    words = ["gan_cls.py", "--data", "birds", *TINY, "--export", "none"]
    with short_runs():
        assert run_recipe(*words, "--encoder", "vectors.npz") == 2
        assert "vectors.npz has no vector of" in capsys.readouterr().err
        assert run_recipe(*words, "--encoder", "nowhere") == 2
        assert "there is no such run or file" in capsys.readouterr().err
        np.savez("vectors.npz", text=texts, vector=draws.normal(size=(12, 3)))
        assert run_recipe(*words, "--encoder", "vectors.npz") == 0
    assert "these only" in capsys.readouterr().out
    run = "runs/gan_cls_birds"
    (tmp_path / "vectors.npz").unlink()  # the run holds what it needs
    assert main(["sample", run, "--text", texts[3], "--out", "grid.png"]) == 0
    assert main(["sample", run, "--text", "a cat", "--out", "grid.png"]) == 2
    assert "no vector of 'a cat'" in capsys.readouterr().err


def test_a_trained_encoder_is_taken_by_a_game(tmp_path, monkeypatch, capsys):
    for split, (_, seed) in world.SPLITS.items():
        monkeypatch.setitem(world.SPLITS, split, (54, seed))
    monkeypatch.chdir(tmp_path)
    words = ["--size", 16, "--steps", 1, "--log-every", 1, "--export", "none", "--batch", 4]
    small = ["--text-dim", 4, "--width", 4, "--image-width", 2, "--run", "reader"]
    with short_runs():
        assert run_recipe("text_encoder.py", *words, *small) == 0
        said = capsys.readouterr().out
        assert "retrieval of test sentences and images: candidates 54" in said
        assert run_recipe("gan_cls.py", *words, "--width", 2, "--encoder", "reader") == 0
    game = Run("runs/gan_cls_captions").load()[0]
    reader = Run("reader").load()[0]
    np.testing.assert_allclose(game.encode([RED, BLUE]), reader.embed_texts([RED, BLUE]), atol=1e-6)
    assert game.encoder.hash in said and not game.encoder.networks[0].trainable_variables
    assert set(game.signatures()) == {"serving_default", "text", "encode_text"}
    words = ["measure", "runs/gan_cls_captions", "--against", "captions", "--json"]
    words += ["--measures", "r_precision", "--text-encoder"]
    defaults = {"samples": 20, "seed": 0, "candidates": 10}
    monkeypatch.setattr(r_precision.measure, "__kwdefaults__", defaults)
    assert main([*words, "reader", "--samples", "20"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["name"] == f"R-precision-{game.encoder.hash}"
    assert 0.0 <= result["value"] <= 1.0 and {"real", "shuffled"} <= set(result["protocol"])
    assert main([*words, "runs/gan_cls_captions"]) == 2
    assert "expected a run of recipes/text_encoder.py" in capsys.readouterr().err


def test_a_frozen_image_side_is_kept_with_the_run(tmp_path, monkeypatch, capsys):
    for split, (_, seed) in world.SPLITS.items():
        monkeypatch.setitem(world.SPLITS, split, (54, seed))
    monkeypatch.chdir(tmp_path)
    image = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Conv2D(3, 3, 2, "same")(image))
    keras.Model(image, keras.layers.Dense(2)(x)).save("seer.keras")
    words = ["text_encoder.py", "--size", 16, "--steps", 2, "--log-every", 1, "--export", "none",
             "--batch", 4, "--text-dim", 4, "--width", 4]  # fmt: skip
    with short_runs():
        assert run_recipe(*words, "--run", "reader", "--image-side", "seer.keras:norm") == 0
        said = capsys.readouterr().out
        # Maps of 8 x 8 are averaged to 4 x 4, of 3 channels.
        assert "images are seen by seer.keras:norm, frozen (48 features, weights " in said
        (tmp_path / "seer.keras").unlink()  # the run holds what it needs
        frozen = Run("reader").load()[0].image_network.get_layer("frozen")
        kept = keras.models.load_model("reader/image_side.keras", compile=False)
        for value, expected in zip(frozen.get_weights(), kept.get_weights()):
            assert np.array_equal(value, expected)
        assert not frozen.trainable_variables
        for name, reason in (
            ("seer.keras", "there is no such file; expected learned, inception_v3"),
            ("reader", "does not take an image alone; pass a run of an unconditional game"),
        ):
            assert run_recipe(*words, "--run", "other", "--image-side", name) == 2
            assert reason in capsys.readouterr().err


def test_weights_that_cannot_be_fetched_are_said(monkeypatch):
    def offline(*args, **options):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(keras.applications.inception_v3, "InceptionV3", offline)
    with pytest.raises(InputError, match="weights of inception_v3 could not be downloaded"):
        image_sides.open_frozen("inception_v3", (32, 32, 3))
