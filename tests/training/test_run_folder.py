"""Run folders: what they hold and refuse; a resumed run equals one that never stopped."""

import json
import shutil
import signal
import sys
import time
import types
from pathlib import Path

import forks
import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_recipe
from harness import run_recipe, state

from tfgan_suite import InputError, data
from tfgan_suite.games import dcgan
from tfgan_suite.training import fit, launch, publish
from tfgan_suite.training.run_folder import DataInfo, Run

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "helpers" / "tiny_recipe.py"


def options(**changes):
    defaults = {
        "data": "images", "run": "", "steps": 7, "batch": 4, "size": 0, "seed": 0,
        "strategy": "one", "precision": "float32", "export": "none", "width": 2,
        "log_every": 3, "checkpoint_every": 2,
    }  # fmt: skip
    return types.SimpleNamespace(**{**defaults, **changes})


@pytest.fixture(scope="module")
def source():
    pixels = np.random.RandomState(0).randint(0, 256, (11, 8, 8, 1)).astype("u1")
    return data.ArraySource("images", pixels)


def info_of(source):
    return DataInfo(source.name, source.shape, source.classes, source.fingerprint)


def make_game(chosen, info):
    keras.utils.set_random_seed(chosen.seed)
    game = dcgan.DCGAN(
        dcgan.build_generator(8, 1, chosen.width, 4),
        dcgan.build_discriminator(8, 1, chosen.width),
        ema_decay=0.9,
    )
    # Eagerly: a handful of steps take less time than their trace. Processes below train traced.
    adam = keras.optimizers.Adam
    game.compile(generator=adam(1e-3), discriminator=adam(1e-3), run_eagerly=True)
    return game


def trained(folder, source, **changes):
    """A game trained in a run folder, in as many calls as `steps` has entries."""
    chosen = options(**changes)
    run = Run(folder)
    run.open(TINY, chosen, info_of(source))
    game = make_game(chosen, None)
    health = fit.train(run, game, source, chosen, log=lambda text: None)
    return run, game, health


@pytest.fixture(scope="module")
def whole(tmp_path_factory, source):
    return trained(tmp_path_factory.mktemp("runs") / "whole", source)


@pytest.fixture(scope="module")
def copied(tmp_path_factory, source):
    """`copied(folder, steps)`: a run of that many steps in a folder of its own, trained once."""
    home, done = tmp_path_factory.mktemp("copied"), {}

    def copy(folder, steps):
        if steps not in done:
            done[steps] = trained(home / str(steps), source, steps=steps)[0].folder
        shutil.copytree(done[steps], folder)
        return Run(folder)

    return copy


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_folder_holds_everything(whole):
    run, game, _ = whole
    assert int(game.steps.numpy()) == 7
    assert (run.folder / "recipe.py").read_bytes() == TINY.read_bytes()
    assert run.manifest["constants"]["width"] == 2
    assert run.manifest["data"]["shape"] == [8, 8, 1]
    (start,) = lines(run.folder / "versions.jsonl")
    assert start["tensorflow"] == tf.__version__
    assert [line["step"] for line in lines(run.folder / "losses.jsonl")] == [3, 6]
    assert sorted(p.name for p in (run.folder / "samples").glob("*.png")) == [
        "step_00000003.png", "step_00000006.png"
    ]  # fmt: skip
    names = sorted(path.name for path in (run.folder / "checkpoints").glob("*.index"))
    assert names == ["ckpt-4.index", "ckpt-6.index", "ckpt-7.index"]
    assert list((run.folder / "logs").glob("events*"))


@pytest.mark.parametrize("stops", [(1, 7), (3, 7), (2, 4, 5, 7)])
def test_going_on_equals_never_stopping_bit_for_bit(whole, source, tmp_path, stops):
    for steps in stops:
        run, game, _ = trained(tmp_path / "run", source, steps=steps)
    expected, found = state(whole[1]), state(game)
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name
    assert lines(run.folder / "losses.jsonl") == lines(whole[0].folder / "losses.jsonl")
    for grid in (whole[0].folder / "samples").glob("step_*.png"):
        assert (run.folder / "samples" / grid.name).read_bytes() == grid.read_bytes()


def test_lines_and_grids_after_the_checkpoint_are_made_again(source, tmp_path):
    run, _, _ = trained(tmp_path / "run", source, steps=5)
    with open(run.folder / "losses.jsonl", "a") as file:
        file.write('{"step": 6, "discriminator/real": 1.0}\n{"step": 9, "cri')
    (run.folder / "samples" / "step_00000006.png").write_bytes(b"old")
    run.drop_after(5)
    assert [line["step"] for line in lines(run.folder / "losses.jsonl")] == [3]
    assert not (run.folder / "samples" / "step_00000006.png").exists()


def test_other_constants_are_refused_and_named(source, copied, tmp_path):
    copied(tmp_path / "run", 1)
    with pytest.raises(InputError, match=r"width 2 \(now 3\).*another --run"):
        trained(tmp_path / "run", source, width=3)
    with pytest.raises(InputError, match=r"seed 0 \(now 1\)"):
        trained(tmp_path / "run", source, seed=1)


def test_other_data_are_refused(copied, tmp_path):
    copied(tmp_path / "run", 1)
    other = data.ArraySource("images", np.zeros((9, 8, 8, 1), "u1"))
    with pytest.raises(InputError, match="other data"):
        trained(tmp_path / "run", other)


def test_another_recipe_is_refused(source, copied, tmp_path):
    run = copied(tmp_path / "run", 1)
    with pytest.raises(InputError, match=r"recipe tiny_recipe \(now dcgan\)"):
        run.open(ROOT / "recipes" / "dcgan.py", options(), info_of(source))


def test_a_folder_with_other_files_is_refused(source, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="other files"):
        trained(tmp_path, source)
    assert (tmp_path / "thesis.tex").exists()


def test_a_second_process_is_kept_out(tmp_path):
    with Run(tmp_path).lock():
        with pytest.raises(InputError, match="another process"):
            with Run(tmp_path).lock():
                raise AssertionError("two processes are in")
    with Run(tmp_path).lock():
        pass


def test_a_run_is_loaded_without_its_recipe_in_the_path(copied, tmp_path):
    game, chosen, info = copied(tmp_path / "run", 1).load()
    assert int(game.steps.numpy()) == 1 and chosen.width == 2 and info.shape == (8, 8, 1)
    assert game.generate(2).shape == (2, 8, 8, 1)


def test_loading_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="not a run folder"):
        Run(tmp_path).load()


def test_the_contact_sheet_and_the_animation_show_the_training(whole):
    run = whole[0]
    newest = run.finish_grids()
    assert newest.name == "step_00000006.png"
    from PIL import Image

    with Image.open(run.folder / "samples" / "training.gif") as film:
        assert film.n_frames == 2
    assert (run.folder / "samples" / "contact.png").exists()


def test_an_export_is_made_once_for_a_step(whole, source, tmp_path, capsys):
    run, game, _ = whole
    chosen = options(export=str(tmp_path / "exports"))
    publish.finish(run, game, source, chosen, info_of(source), 1.0)
    recorded = (run.folder / "exports.jsonl").read_bytes()
    for lost in (False, True, False):
        if lost:  # a kill came after the export was published, and before it was recorded
            (run.folder / "exports.jsonl").unlink()
        publish.finish(run, game, source, chosen, info_of(source), 1.0)
        assert (run.folder / "exports.jsonl").read_bytes() == recorded
    home = tmp_path / "exports" / "tiny_recipe_images"
    assert sorted(p.name for p in home.iterdir() if p.name.isdigit()) == ["1"]
    card = json.loads((home / "1" / "card.json").read_text())
    assert card["steps"] == 7 and card["constants"]["width"] == 2
    assert str(home / "1") in capsys.readouterr().out
    # One of other constants, or older than the run, is another run's.
    (run.folder / "exports.jsonl").unlink()
    for change in (
        {"steps": 6},
        {"constants": {**card["constants"], "seed": 1}},
        {"versions": {**card["versions"], "time": "2001-01-01T00:00:00+00:00"}},
    ):
        (home / "1" / "card.json").write_text(json.dumps({**card, **change}))
        assert publish._unrecorded_export(run, chosen, 7, home) is None, change
    (home / "1" / "card.json").write_text(json.dumps(card))
    assert publish._unrecorded_export(run, chosen, 7, home) == home / "1"


# ---- a real process, killed for real ---------------------------------------------------------


def process(folder, images, steps, *more):
    words = ["--run", folder, "--data", images, "--steps", steps, *more]
    return forks.Program(TINY, *words, environment={"PYTHONPATH": str(ROOT)})


def weights_of(folder):
    reader = tf.train.load_checkpoint(str(folder / "checkpoints"))
    names = sorted(reader.get_variable_to_shape_map())
    # The manager's own counter counts this process's saves.
    kept = [n for n in names if not n.startswith(("save_counter", "_CHECKPOINTABLE"))]
    return {name: reader.get_tensor(name) for name in kept}


def test_a_process_killed_at_random_moments_ends_bit_identical(tmp_path):
    steps, images, rarely = 200, tiny_recipe.images(), ("--checkpoint-every", 10)
    words = ("--run", tmp_path / "whole", "--data", images, "--steps", steps, *rarely)
    assert run_recipe(TINY, *words) == 0
    folder, draws, killed = tmp_path / "killed", np.random.RandomState(4), 0
    for _ in range(20):
        before = newest_step(folder)
        running = process(folder, images, steps, *rarely)
        # Wait until it trains, so that every kill falls into training or saving.
        while running.poll() is None and newest_step(folder) == before and killed < 3:
            time.sleep(0.01)
        time.sleep(draws.uniform(0.0, 0.15))
        if killed < 3 and running.poll() is None:
            running.send_signal(signal.SIGKILL)
            assert running.wait() == -signal.SIGKILL
            killed += 1
        else:
            assert running.wait() == 0, running.output()
            break
    assert killed == 3
    expected, found = weights_of(tmp_path / "whole"), weights_of(folder)
    assert expected.keys() == found.keys() and len(found) > 20
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name
    assert lines(folder / "losses.jsonl") == lines(tmp_path / "whole" / "losses.jsonl")


def newest_step(folder):
    found = tf.train.latest_checkpoint(str(folder / "checkpoints"))
    return int(found.rsplit("-", 1)[1]) if found else 0


def test_a_polite_stop_saves_at_once_and_says_how_to_go_on(tmp_path):
    words = ("--checkpoint-every", 1_000_000)
    running = process(tmp_path / "run", tiny_recipe.images(), 1_000_000, *words)
    while running.poll() is None and not (tmp_path / "run" / "losses.jsonl").exists():
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 130
    assert "run the same command again" in running.output()
    assert newest_step(tmp_path / "run") > 0


@pytest.mark.parametrize(
    "words, said",
    [
        (("--data", "nowhere/at/all"), "nowhere/at/all"),
        (("--batch", "1000"), "1000"),
        (("--size", "9"), "nearest sizes"),
        (("--run", "/proc/nowhere"), "cannot write to"),
        (("--precision", "half"), "bfloat16"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(tmp_path, monkeypatch, capsys, words, said):
    first = ["--run", str(tmp_path / "run"), "--data", tiny_recipe.images(), "--steps", "2"]
    monkeypatch.setattr(sys, "argv", ["tiny_recipe.py", *first, *words])
    with pytest.raises(SystemExit) as end:
        launch.main(vars(tiny_recipe))
    assert end.value.code == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert reason.startswith("tiny_recipe.py: ") and said in reason


def test_a_run_of_version_0_1_is_refused_with_one_line(tmp_path):
    constants = {"steps": 7, "rate": 0.1, "average": 0.9, "report": 3, "save": 2}
    manifest = {"recipe": "dcgan", "stack": "keras3", "constants": constants}
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    for use in (lambda run: run.manifest, lambda run: run.load()):
        with pytest.raises(InputError, match="made by tfgan_suite 0.1.*train again") as error:
            use(Run(tmp_path))
        assert str(tmp_path) in str(error.value) and len(str(error.value).splitlines()) == 1
    with pytest.raises(InputError, match="made by tfgan_suite 0.1"):
        Run(tmp_path).open(TINY, options(), DataInfo("images", (8, 8, 1)))
    manifest["version"] = "0.2.0"
    manifest["data"] = {"name": "images", "shape": [8, 8, 1], "fingerprint": "0"}
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    assert Run(tmp_path).manifest == manifest


def test_a_new_run_states_its_version(whole):
    from tfgan_suite import __version__

    assert whole[0].manifest["version"] == __version__


def test_shapes_are_those_of_images_and_square_where_a_game_needs_it():
    assert DataInfo("eyes", (35, 55, 1)).image_shape == (35, 55, 1)
    assert DataInfo("shapes", (32, 32, 3)).square_image_shape == (32, 32, 3)
    with pytest.raises(InputError, match="eyes holds images of 55x35 pixels.*pass --size"):
        DataInfo("eyes", (35, 55, 1)).square_image_shape  # noqa: B018
    for shape in ("image_shape", "square_image_shape"):
        with pytest.raises(InputError, match="ring holds points.*pass a folder"):
            getattr(DataInfo("ring", (2,)), shape)
