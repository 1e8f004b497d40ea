"""Every recipe runs from flags to export, at tiny sizes, in the words of a user."""

import json
import re
import runpy
import types
from pathlib import Path

import numpy as np
import pytest
from harness import run_recipe

from tfgan_suite import InputError, compat
from tfgan_suite.cli.list_games import games
from tfgan_suite.games import stylegan2
from tfgan_suite.training import options
from tfgan_suite.training.run_folder import DataInfo, Run

ROOT = Path(__file__).parents[2]


def play(recipe, tmp_path, monkeypatch, *words):
    """Runs a recipe in an empty folder; its exit code."""
    monkeypatch.chdir(tmp_path)
    return run_recipe(recipe, *words)


# Two papers of one recipe's `--version`.
RECIPES = {**{game["name"]: game["name"] for game in games()}, "stylegan2": "stylegan"}


@pytest.mark.parametrize("game", [game["name"] for game in games()])
def test_every_game_has_its_recipe_its_test_and_its_row(game):
    recipe = f"recipes/{RECIPES[game]}.py"
    for page in ("README.md", "docs/games.md"):
        assert recipe in (ROOT / page).read_text(encoding="utf-8")
    (row,) = [row for row in games() if row["name"] == game]
    assert (ROOT / recipe).exists() and recipe in row["recipes"]
    assert any((ROOT / "tests" / kind / f"test_{game}.py").exists() for kind in ("games", "style"))


@pytest.mark.parametrize("game", sorted({*RECIPES.values()} - {"gatys"}))
@pytest.mark.parametrize("shape, embedded", [((2,), True), ((32, 32, 3), False)])
def test_values_for_the_data_are_of_constants_that_are_none(game, shape, embedded):
    """Of games that are trained: Gatys's recipe optimises images and is no run."""
    recipe = runpy.run_path(str(ROOT / "recipes" / f"{game}.py"), run_name="recipe")
    stated = options.constants(recipe)
    chosen = options.parse(recipe, [])
    info = types.SimpleNamespace(shape=shape, embedded=embedded)
    defaults = recipe.get("defaults", lambda options, data: {})
    if game == "progan" and len(shape) == 1:
        with pytest.raises(InputError, match="need square images"):
            defaults(chosen, info)
        return
    values = defaults(chosen, info)
    for name, value in values.items():
        assert recipe[name.upper()] is None and isinstance(value, stated[name.upper()].type), name
    # Whatever is open among the common constants gets a value.
    assert all(recipe[name.upper()] or values.get(name) for name in ("steps", "batch"))
    # Nothing stands for a default but None, and every flag is explained.
    assert all(constant.help for constant in stated.values() if constant.default is None)
    for name, constant in stated.items():
        assert constant.default != -1 and not (
            "default: " in constant.help and constant.default == 0
        )
        if name not in options.SHARED and constant.default is None:
            assert "default: " in constant.help or name in ("START", "FEATURES"), name


def prepared(name, shape, *words, embedded=False):
    """The constants of a recipe with flags, as a run would keep them."""
    recipe = runpy.run_path(str(ROOT / "recipes" / f"{name}.py"), run_name="recipe")
    chosen = options.parse(recipe, list(words))
    info = types.SimpleNamespace(shape=shape, name="data", embedded=embedded)
    options.apply_defaults(chosen, recipe, info)
    return recipe, chosen


@pytest.mark.parametrize(
    "name, shape, words, name_of_constant, value",
    [
        ("wgan_gp", (2,), ["--gp-weight", "0"], "gp_weight", 0.0),
        ("wgan_gp", (2,), [], "critic_steps", 5),
        ("wgan_gp", (28, 28, 1), [], "critic_steps", 2),
        ("wgan_gp", (28, 28, 1), ["--critic-steps", "5"], "critic_steps", 5),
        ("wgan_gp", (8, 8, 3), ["--linear-decay", "0"], "linear_decay", 0.0),
        ("gan", (2,), ["--beta-1", "0"], "beta_1", 0.0),
        ("lsgan", (2,), ["--ema-decay", "0"], "ema_decay", 0.0),
        ("cgan", (8, 8, 3), ["--conditioning", "projection", "--r1-weight", "0.25"], "r1_weight",
         0.25),
        ("ali", (8, 8, 3), ["--r1-weight", "0"], "r1_weight", 0.0),
        ("discogan", (8, 8, 3), ["--curriculum-steps", "0"], "curriculum_steps", 0),
        ("pix2pix", (32, 32, 3), ["--discriminator-layers", "0"], "discriminator_layers", 0),
        ("srresnet", (24, 24, 3), ["--variant", "paper", "--norm", "none"], "norm", "none"),
        ("dcgan", (8, 8, 3), ["--paper", "--learning-rate", "0.002"], "learning_rate", 0.002),
        ("dcgan", (8, 8, 3), ["--paper"], "learning_rate", 0.0002),
        ("ebgan", (8, 8, 3), ["--code-dim", "0"], "code_dim", 0),
        ("cyclegan", (256, 256, 3), [], "blocks", 9),
        ("sngan", (8, 8, 3), ["--width", "5"], "generator_width", 5),
        ("sngan", (28, 28, 1), ["--width", "5"], "hidden_units", 80),
        ("ebgan", (16, 16, 1), ["--generator-width", "3"], "hidden_units", 48),
        ("lsgan", (28, 28, 1), [], "hidden_units", 512),
        ("lsgan", (28, 28, 1), ["--architecture", "vgg"], "hidden_units", 0),
        ("lsgan", (28, 28, 1), ["--hidden-units", "0"], "hidden_units", 0),
        ("wgan", (28, 28, 1), ["--architecture", "constant"], "hidden_units", 0),
        ("wgan", (32, 32, 3), [], "hidden_units", 0),
        ("wgan_gp", (28, 28, 1), ["--width", "4"], "hidden_units", 64),
        ("ali", (28, 28, 1), [], "hidden_units", 0),
        ("dcgan", (28, 28, 1), [], "hidden_units", 512),
        ("dcgan", (28, 28, 1), ["--paper"], "hidden_units", 0),
        ("dcgan", (32, 32, 3), [], "hidden_units", 128),
        ("dcgan", (32, 32, 3), ["--paper"], "hidden_units", 0),
        ("dcgan", (32, 32, 3), ["--width", "8"], "hidden_units", 32),
        ("dcgan", (64, 64, 3), [], "hidden_units", 0),
        ("dcgan", (32, 32, 3), [], "loss", "pairing"),
        ("dcgan", (32, 32, 3), ["--paper"], "loss", "non_saturating"),
        ("dcgan", (32, 32, 3), ["--loss", "hinge"], "loss", "hinge"),
        ("dcgan", (32, 32, 3), ["--paper"], "r2_weight", 0.0),
        ("pix2pix", (64, 64, 3), [], "upsampling", "nearest"),
        ("pix2pix", (64, 64, 3), [], "norm", "batch"),
        ("pix2pix", (64, 64, 3), ["--batch", "2"], "norm", "instance"),
        ("pix2pix", (64, 64, 3), ["--paper"], "upsampling", "transposed"),
        ("pix2pix", (64, 64, 3), ["--paper"], "discriminator_layers", 3),
        ("pix2pix", (64, 64, 3), ["--paper", "--ema-decay", "0.9"], "ema_decay", 0.9),
        ("cyclegan", (64, 64, 3), [], "upsampling", "nearest"),
        ("cyclegan", (32, 32, 3), ["--paper"], "blocks", 6),
        ("cyclegan", (32, 32, 3), ["--paper"], "learning_rate", 0.0002),
        ("discogan", (64, 64, 3), ["--paper"], "curriculum_steps", 3333),
        ("discogan", (64, 64, 3), ["--upsampling", "bilinear"], "upsampling", "bilinear"),
        ("r3gan", (8, 8, 3), ["--gamma", "0"], "final_gamma", 0.0),
        ("r3gan", (8, 8, 3), ["--gamma", "4"], "final_gamma", 4.0),
        ("r3gan", (2,), ["--gamma", "4"], "final_gamma", 0.4),
        ("r3gan", (8, 8, 3), ["--learning-rate", "0.03"], "discriminator_learning_rate", 0.02),
        ("r3gan", (2,), ["--learning-rate", "0.04"], "final_learning_rate", 0.01),
        ("r3gan", (8, 8, 3), ["--final-learning-rate", "0"], "final_learning_rate", 0.0),
        ("r3gan", (8, 8, 3), ["--width", "24"], "cardinality", 48),
        ("r3gan", (8, 8, 3), [], "latent_dim", 64),
        ("r3gan", (32, 32, 3), [], "full_width_size", 4),
        ("r3gan", (32, 32, 3), [], "crop", False),
        ("r3gan", (28, 28, 1), [], "crop", True),
        ("r3gan", (28, 28, 1), ["--crop", "False"], "crop", False),
        ("r3gan", (256, 256, 3), [], "full_width_size", 32),
        ("r3gan", (8, 8, 3), ["--ema-half-life", "0"], "ema_half_life", 0.0),
        ("r3gan", (8, 8, 3), ["--steps", "70"], "decay_steps", 70),
        ("stylegan", (32, 32, 3), [], "learning_rate", 0.005),
        ("stylegan", (32, 32, 3), ["--learning-rate", "0.004"], "discriminator_learning_rate",
         0.008),
        ("stylegan", (64, 64, 3), [], "channel_base", 512),
        ("stylegan", (32, 32, 3), ["--version", "1"], "channel_max", 32),
        ("stylegan", (32, 32, 3), ["--version", "1"], "discriminator_width", 1),
        ("stylegan", (32, 32, 3), ["--version", "1"], "r2_weight", 0.5),
        ("stylegan", (32, 32, 3), [], "r2_weight", 2.0),
        ("stylegan", (32, 32, 3), ["--gamma", "8"], "r2_weight", 8.0),
        ("stylegan", (32, 32, 3), ["--gamma", "10", "--r2-weight", "0"], "r2_weight", 0.0),
    ],
)  # fmt: skip
def test_a_typed_value_is_the_value_used(name, shape, words, name_of_constant, value):
    _, chosen = prepared(name, shape, *words)
    assert getattr(chosen, name_of_constant) == value
    assert type(getattr(chosen, name_of_constant)) is type(value)


@pytest.mark.parametrize(
    "name, constants",
    [
        ("pix2pix", {"batch": 4, "norm": "instance", "linear_decay": 1.0}),
        ("cyclegan", {"batch": 4, "linear_decay": 0.5}),
    ],
)
def test_embedded_worlds_train_as_before_own_data_had_defaults(name, constants):
    _, chosen = prepared(name, (32, 32, 3), embedded=True)
    before = {"upsampling": "transposed", "ema_decay": 0.0, "augment": "", "width": 16}
    assert {**before, **constants}.items() <= vars(chosen).items()


@pytest.mark.parametrize("name", ["discogan", "gan", "simgan", "sngan", "wgan", "wgan_gp"])
def test_recipes_know_how_many_batches_a_step_takes(name):
    shape = {"discogan": (2,), "simgan": (16, 16, 1)}.get(name, (2,))
    recipe, chosen = prepared(name, shape, "--width", "4")
    game = recipe["make_game"](chosen, DataInfo("data", shape, ("a", "b")))
    assert recipe["batches_per_step"](chosen) == game.batches_per_step > 0


@pytest.mark.parametrize(
    "name",
    [
        "ali",
        "cgan",
        "dcgan",
        "ebgan",
        "gan",
        "gran",
        "infogan",
        "lsgan",
        "r3gan",
        "sngan",
        "wgan",
        "wgan_gp",
    ],
)
def test_the_opponent_has_a_learning_rate_of_its_own(name):
    shape = (8, 8, 1) if name in ("dcgan", "gran", "infogan") else (2,)
    words = ["--discriminator-learning-rate", "0.125", "--width", "4"]
    recipe, chosen = prepared(name, shape, *words)
    game = recipe["make_game"](chosen, DataInfo("data", shape, ("a", "b")))
    rates = {
        player: compat.get_learning_rate(game.optimizer_of(player)) for player in game.players()
    }
    assert rates.pop(game.opponent_name) == 0.125 and 0.125 not in rates.values()


@pytest.mark.parametrize(
    "name, shape, words",
    [
        ("wgan_gp", (2,), ["--width", "0"]),
        ("gan", (2,), ["--discriminator-width", "0"]),
        ("cyclegan", (32, 32, 3), ["--width", "0"]),
        ("cyclegan", (32, 32, 3), ["--blocks", "0"]),
        ("discogan", (32, 32, 3), ["--width", "0"]),
        ("ebgan", (2,), ["--margin", "0"]),
        ("gan", (2,), ["--architecture", ""]),
    ],
)
def test_a_typed_zero_that_no_network_can_have_is_refused(name, shape, words):
    with pytest.raises(InputError, match=f"{words[0][2:].split('-')[-1]} .*must be"):
        recipe, chosen = prepared(name, shape, *words)
        recipe["make_game"](chosen, DataInfo("data", shape))


@pytest.mark.parametrize(
    "shape, words, said",
    [
        ((8, 8, 3), ["--batch", "1"], "--batch is 1, but .* at least 2"),
        ((8, 8, 3), ["--version", "3"], "--version is 3"),
        ((8, 8, 3), ["--stable-images", "5"], "version 2 does not grow"),
        ((8, 8, 3), ["--version", "1", "--path-weight", "2"], "--path-weight is of version 2"),
        ((8, 8, 3), ["--version", "1", "--convolution-multiplier", "2"], "does not demodulate"),
        ((8, 8, 3), ["--convolution-multiplier", "0"], "both must be above 0"),
        ((8, 8, 3), ["--discriminator-width", "0"], "--discriminator-width is 0; .* 1 or more"),
        ((48, 48, 3), [], "size 48 .* 32 and 64"),
        ((48, 48, 3), ["--version", "1"], "size 48 .* 32 and 64"),
        ((2,), [], "square images"),
    ],
)
def test_what_no_stylegan_can_do_is_refused(shape, words, said):
    recipe, chosen = prepared("stylegan", shape, *words)
    with pytest.raises(InputError, match=said):
        recipe["make_game"](chosen, DataInfo("data", shape))


def test_both_versions_of_stylegan_follow_their_flags():
    small = ["--channel-max", "4", "--steps", "80", "--batch", "4"]
    recipe, chosen = prepared("stylegan", (16, 16, 3), *small, "--version", "1")
    game = recipe["make_game"](chosen, DataInfo("data", (16, 16, 3)))
    assert (game.schedule.stable_images, game.schedule.fade_images) == (40, 40)
    assert game.regularization.r1_weight == chosen.gamma and game.mixing == chosen.mixing
    words = [*small, "--labels", "--gamma", "0", "--path-weight", "2", "--ema-rampup", "0"]
    recipe, chosen = prepared("stylegan", (16, 16, 3), *words)
    game = recipe["make_game"](chosen, DataInfo("data", (16, 16, 3), ("a", "b")))
    assert game.classes == 2 and "generator/path_length" in game.loss_names
    convolutions = game.generator.get_layer("synthesis").layers
    multipliers = {
        (layer.demodulate, layer.learning_rate_multiplier)
        for layer in convolutions
        if hasattr(layer, "demodulate")
    }
    assert multipliers == {(True, 6.0), (False, 1.0)}
    wide = stylegan2.build_discriminator((16, 16, 3), 512, 8, classes=2)
    assert game.discriminator.count_params() == wide.count_params()
    assert "discriminator/r1" not in game.loss_names
    decay = game._ema_decays["generator"]  # 10,000 images of batches of 4
    assert float(decay(0)) == pytest.approx(0.5 ** (4 / 10_000), rel=1e-6)


def test_dcgan_on_the_embedded_shapes(tmp_path, monkeypatch, capsys):
    words = ["--steps", "3", "--log-every", "2", "--width", "4", "--batch", "8", "--size", "16"]
    assert play("dcgan.py", tmp_path, monkeypatch, *words) == 0
    said = capsys.readouterr().out
    for place in (
        "runs/dcgan_shapes/samples/final.png",
        "runs/dcgan_shapes/samples/contact.png",
        "runs/dcgan_shapes/samples/training.gif",
        "saved_models/dcgan_shapes/model.config",
        "saved_models/dcgan_shapes/1/tflite/int8.tflite",
        "saved_models/dcgan_shapes/1/parity.json",
        "saved_models/dcgan_shapes/1/card.json",
    ):
        assert (tmp_path / place).is_file(), place
    assert re.search(r"kinds +\d+ of 18 kinds appear: no .*s and \d+ more", said)
    for line in ("SavedModel   saved_models/dcgan_shapes/1", "docker run", "clean_share"):
        assert line in said
    card = json.loads((tmp_path / "saved_models/dcgan_shapes/1/card.json").read_text())
    assert card["constants"]["width"] == 4 and card["classes"][0] == "red circle"
    # The same command again changes nothing and exports nothing.
    assert play("dcgan.py", tmp_path, monkeypatch, *words) == 0
    assert "resuming from step 3 of 3" in capsys.readouterr().out
    assert not (tmp_path / "saved_models/dcgan_shapes/2").exists()


def test_wgan_gp_on_points_and_on_a_folder(tmp_path, monkeypatch, capsys, eagerly):
    from PIL import Image

    words = ["--steps", "2", "--width", "4", "--batch", "4", "--log-every", "1"]
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words) == 0
    assert "modes_found" in capsys.readouterr().out
    assert (tmp_path / "saved_models/wgan_gp_ring/1/saved_model.pb").is_file()
    draws = np.random.RandomState(0)
    (tmp_path / "photos").mkdir()
    for index in range(20):
        pixels = draws.randint(0, 256, (9 + index, 12, 3)).astype("u1")
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no image")
    words += ["--data", "photos", "--size", "8", "--critic-steps", "2", "--export", "none"]
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words) == 0
    assert "skipped 1 files: broken.png" in capsys.readouterr().out
    game, _, info = Run(tmp_path / "runs/wgan_gp_photos").load()
    assert info.shape == (8, 8, 3) and game.generate(2).shape == (2, 8, 8, 3)


def test_a_weight_of_zero_trains_without_the_penalty_and_the_run_keeps_what_was_used(
    tmp_path, monkeypatch, capsys, eagerly
):
    words = ["--steps", "2", "--width", "4", "--log-every", "1", "--export", "none"]
    words += ["--gp-weight", "0", "--batch", "4"]
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words) == 0
    folder = tmp_path / "runs/wgan_gp_ring"
    constants = json.loads((folder / "run.json").read_text())["constants"]
    assert constants["gp_weight"] == 0.0 and constants["learning_rate"] == 1e-3
    assert constants["latent_dim"] == 2 and constants["run"] == "runs/wgan_gp_ring"
    assert last_line(folder / "losses.jsonl")["critic/penalty"] == 0.0
    assert Run(folder).load()[0].gp_weight == 0.0
    # Resumed with the value for the data written out: the same run.
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words, "--latent-dim", "2") == 0
    assert "step 2 of 2" in capsys.readouterr().out
    assert play("wgan_gp.py", tmp_path, monkeypatch, *words[:-4]) == 2
    assert "gp_weight 0.0 (now 1.0)" in capsys.readouterr().err


def test_a_size_the_network_cannot_make_is_refused(tmp_path, monkeypatch, capsys):
    assert play("dcgan.py", tmp_path, monkeypatch, "--size", "50") == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert "size 50" in reason and "48, 56" in reason
    assert not (tmp_path / "runs").exists()


def test_points_are_refused_by_a_game_of_images(tmp_path, monkeypatch, capsys):
    assert play("dcgan.py", tmp_path, monkeypatch, "--data", "ring") == 2
    assert "images" in capsys.readouterr().err


def test_a_refused_constant_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    assert play("dcgan.py", tmp_path, monkeypatch, "--width", 0) == 2
    assert "width is 0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def last_line(path):
    return json.loads(path.read_text().splitlines()[-1])


@pytest.mark.large
def test_the_main_job_learns_the_shapes(tmp_path, monkeypatch):
    """What the README's first command does, read by the oracle."""
    assert play("dcgan.py", tmp_path, monkeypatch) == 0
    measured = last_line(tmp_path / "runs/dcgan_shapes/measures.jsonl")
    assert measured["samples"] == 1000
    assert measured["clean_share"] >= 0.75 and measured["classes_seen"] == 18
    report = json.loads((tmp_path / "saved_models/dcgan_shapes/1/parity.json").read_text())
    assert report["signatures"]["serving_default"]["tflite_int8"]["psnr"] >= 30.0


@pytest.mark.large
def test_wgan_gp_covers_the_ring(tmp_path, monkeypatch):
    assert play("wgan_gp.py", tmp_path, monkeypatch, "--export", "none") == 0
    measured = last_line(tmp_path / "runs/wgan_gp_ring/measures.jsonl")
    assert measured["modes_found"] == 8 and measured["good_share"] >= 0.9
    losses = last_line(tmp_path / "runs/wgan_gp_ring/losses.jsonl")
    assert 0.9 <= losses["critic/slope"] <= 1.1
