"""What binds a run, who may train in it, its schedule when steps change, and warm starts."""

import errno
import json
import os
import socket
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tiny_recipe

from tfgan_suite import InputError, data
from tfgan_suite.training import launch, options, run_lock, run_manifest, run_recipe, run_schedule
from tfgan_suite.training.run_folder import Run

pytestmark = pytest.mark.usefixtures("eager_module")

# ---- locks -----------------------------------------------------------------------------------


class NoLocks:
    LOCK_EX, LOCK_NB = 2, 4

    def __init__(self, number):
        self.number = number

    def flock(self, file, flags):
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_file_locks_an_owner_file_keeps_others_out(tmp_path, monkeypatch, number):
    monkeypatch.setattr(run_lock, "fcntl", NoLocks(number))
    said = []
    with run_lock.lock(tmp_path, said.append):
        owner = json.loads((tmp_path / run_lock.OWNER).read_text())
        assert owner["pid"] == os.getpid() and owner["host"] == socket.gethostname()
        with pytest.raises(InputError, match=f"another process.*process {os.getpid()} on"):
            with run_lock.lock(tmp_path, said.append):
                raise AssertionError("two processes are in")
    assert os.strerror(number) in said[0] and "another process is training" not in said[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == [run_lock.LOCK]


@pytest.mark.parametrize(
    "owner, age, free",
    [
        ({"host": socket.gethostname(), "pid": 2**22 + 1}, 0, True),  # no such process
        ({"host": "elsewhere", "pid": 1}, 0, False),
        ({"host": "elsewhere", "pid": 1}, 2 * run_lock.STALE, True),
        ({"half": 1}, 2 * run_lock.STALE, True),
    ],
)
def test_a_dead_owner_is_told_from_a_living_one(tmp_path, owner, age, free):
    path = tmp_path / run_lock.OWNER
    path.write_text(json.dumps(owner))
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    if free:
        with run_lock.lock(tmp_path):
            assert not path.exists()
    else:
        with pytest.raises(InputError, match="on elsewhere.*delete"):
            with run_lock.lock(tmp_path):
                raise AssertionError("two processes are in")


def test_windows_locks_by_its_own_module(tmp_path, monkeypatch):
    calls = []

    def locking(descriptor, mode, count):
        calls.append((mode, count))
        if len(calls) > 1:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(run_lock, "fcntl", None)
    windows = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
    monkeypatch.setattr(run_lock, "msvcrt", windows, raising=False)
    with run_lock.lock(tmp_path):
        with pytest.raises(InputError, match="another process"):
            with run_lock.lock(tmp_path):
                raise AssertionError("two processes are in")
    assert calls == [(2, 1), (2, 1)]


# ---- schedules -------------------------------------------------------------------------------


def constants(steps, linear_decay=0.25):
    return types.SimpleNamespace(steps=steps, linear_decay=linear_decay)


def begun(steps, linear_decay=0.25):
    chosen = constants(steps, linear_decay)
    return {"constants": vars(chosen), "schedule": run_schedule.plan(None, chosen, 0)}


def test_a_schedule_that_does_not_change_is_that_of_linear_decay():
    from tfgan_suite.training.callbacks import LinearDecay

    knots = run_schedule.plan(None, constants(7000), 0)["knots"]
    expected = LinearDecay(1750, 7000)
    assert all(run_schedule.share(knots, s) == expected.factor(s) for s in range(0, 7000, 7))


def test_more_steps_after_a_finished_decay_keep_its_last_rate_and_say_it():
    run = begun(7000)
    schedule = run_schedule.plan(run, constants(14_000), 7000)
    last = run_schedule.share(schedule["knots"], 6999)
    assert last == pytest.approx(1 / 5250)
    assert all(run_schedule.share(schedule["knots"], s) == last for s in (7000, 9000, 13_999))
    said = run_schedule.message(run, schedule, 7000, "runs/a")
    assert "have decayed" in said and "--warm-start runs/a" in said


@pytest.mark.parametrize(
    "stop, steps", [(3000, 14_000), (3000, 5000), (1000, 14_000), (1000, 2000)]
)
def test_new_numbers_of_steps_never_raise_or_jump_the_rates(stop, steps):
    run = begun(7000)
    schedule = run_schedule.plan(run, constants(steps), stop)
    before = run_schedule.share(run["schedule"]["knots"], stop)
    shares = [run_schedule.share(schedule["knots"], s) for s in range(stop, steps)]
    assert shares[0] == pytest.approx(before)
    drops = -np.diff(shares)
    assert drops.min() >= 0 and drops.max() < 2 * before / (steps - stop)
    assert 0 < shares[-1] < 0.002
    again = {**run, "schedule": schedule}
    assert run_schedule.plan(again, constants(steps), (stop + steps) // 2) == schedule
    assert str(steps) in run_schedule.message(run, schedule, stop, "runs/a")


def test_a_default_derived_from_the_steps_stays_when_they_change():
    recipe = {"defaults": lambda o, d: {"curriculum_steps": o.steps // 10, "width": 64}}
    typed = types.SimpleNamespace(steps=2000, curriculum_steps=None, width=None)
    chosen = types.SimpleNamespace(steps=2000, curriculum_steps=200, width=64)
    manifest = {"constants": {"steps": 1000, "curriculum_steps": 100, "width": 64}}
    run_schedule.keep_defaults(manifest, chosen, recipe, typed, None)
    assert chosen.curriculum_steps == 100
    typed.curriculum_steps = chosen.curriculum_steps = 200  # typed by the user: it binds
    run_schedule.keep_defaults(manifest, chosen, recipe, typed, None)
    assert chosen.curriculum_steps == 200


# ---- batches ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "per_step, count, replicas, batch",
    [(1, 54, 1, 54), (5, 54, 1, 10), (5, 54, 4, 8), (2, 1, 1, 0), (1, 3, 4, 0)],
)
def test_the_largest_batch(per_step, count, replicas, batch):
    assert options.largest_batch(per_step, count, replicas) == batch


def test_messages_about_the_batch_speak_of_its_flag():
    options.check_batch(10, 5, 54)
    with pytest.raises(InputError, match="--batch is 64 .* 5 batches, 320 .*--batch 10 or less"):
        options.check_batch(64, 5, 54)
    with pytest.raises(InputError, match="--batch is 64, but the data have 54; pass --batch 54"):
        options.check_batch(64, 1, 54)
    with pytest.raises(InputError, match="--batch 8 or less"):
        options.check_batch(64, 5, 54, replicas=4)
    with pytest.raises(InputError, match="--batch is 9, which 2 devices.*multiple of 2"):
        options.check_batch(9, 1, 54, replicas=2)


# ---- real runs -------------------------------------------------------------------------------


def train(monkeypatch, capsys, *words, recipe=tiny_recipe):
    monkeypatch.setattr(sys, "argv", [Path(recipe.__file__).name, *map(str, words)])
    with pytest.raises(SystemExit) as end:
        launch.main(vars(recipe))
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def images():
    return tiny_recipe.images()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, images, eager_module):
    folder = tmp_path_factory.mktemp("runs") / "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["t", "--data", images, "--run", str(folder), "--steps", "2"])
        with pytest.raises(SystemExit) as end:
            launch.main(vars(tiny_recipe))
    assert end.value.code == 0
    return folder


def test_a_default_batch_that_few_data_cannot_fill_is_made_smaller(tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "few.npz", image=np.zeros((3, 8, 8, 1), np.uint8))
    words = ["--run", tmp_path / "run", "--data", tmp_path / "few.npz", "--steps"]
    for steps in (1, 2):
        code, output, said = train(monkeypatch, capsys, *words, steps)
        assert code == 0 and "batch 3, not 4: the data have 3 examples" in output, said
        assert output.splitlines()[-1].endswith(f"--run {tmp_path / 'run'} --steps {2 * steps}")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["constants"]["batch"] == 3
    code, _, said = train(monkeypatch, capsys, *words, 3, "--batch", 4)
    assert code == 2 and "--batch is 4, but the data have 3; pass --batch 3 or less" in said


def test_a_run_without_a_step_binds_nothing_and_looking_never_binds(
    tmp_path, images, monkeypatch, capsys
):
    run = ["--run", tmp_path / "run", "--data", images]
    train(monkeypatch, capsys, *run, "--steps", 1)
    for path in (tmp_path / "run" / "checkpoints").glob("*"):
        path.unlink()
    code, _, said = train(monkeypatch, capsys, *run, "--steps", 1, "--width", 3, "--seed", 7)
    assert code == 0, said
    code, _, said = train(
        monkeypatch, capsys, *run, "--steps", 2, "--width", 3, "--seed", 7, "--log-every", 1
    )
    assert code == 0, said
    code, _, said = train(monkeypatch, capsys, *run, "--steps", 3, "--width", 2, "--seed", 7)
    assert code == 2 and "width 3 (now 2)" in said


def test_a_run_whose_checkpoints_were_deleted_keeps_its_losses(
    tmp_path, images, monkeypatch, capsys
):
    words = ["--run", tmp_path / "run", "--data", images, "--log-every", 1, "--checkpoint-every", 2]
    train(monkeypatch, capsys, *words, "--steps", 2)
    losses = tmp_path / "run" / "losses.jsonl"
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.unlink()
    (tmp_path / "run" / "checkpoints").rmdir()
    # A kill before the first checkpoint leaves the same: such a run begins again.
    before = losses.read_bytes()
    losses.write_bytes(before + b'{"step": 3, "cut')
    code, _, said = train(monkeypatch, capsys, *words, "--steps", 2)
    assert code == 0 and losses.read_bytes() == before, said
    losses.write_bytes(before + b'{"step": 3}\n')
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.unlink()
    code, _, said = train(monkeypatch, capsys, *words, "--steps", 2)
    assert code == 2 and "losses up to step 3, but its checkpoints are gone" in said
    assert losses.read_bytes() == before + b'{"step": 3}\n'


def test_a_kill_before_the_manifest_was_complete_leaves_a_folder_that_starts(tmp_path, images):
    from tfgan_suite.training.run_folder import DataInfo

    run = Run(tmp_path / "run")
    (tmp_path / "run").mkdir()
    for name in (".lock", "run.json.part"):
        (tmp_path / "run" / name).write_text("{")
    chosen = types.SimpleNamespace(steps=1, run=str(run.folder))
    run.open(Path(tiny_recipe.__file__), chosen, DataInfo("images", (8, 8, 1), None, "0"))
    assert run.manifest["recipe"] == "tiny_recipe"
    assert not (tmp_path / "run" / "run.json.part").exists()


def test_a_warm_start_copies_weights_and_averages_and_nothing_else(
    trained, tmp_path, images, monkeypatch, capsys
):
    words = ["--run", tmp_path / "run", "--data", images, "--warm-start", trained]
    from tfgan_suite.training import warm_start

    first, chosen, info = Run(trained).load(recalibrate=False)
    game = tiny_recipe.make_game(chosen, info)
    warm_start.copy_weights(trained, game)
    for player, networks in game.players().items():
        for mine, theirs in zip([*networks, *game.ema(player)],
                                [*first.players()[player], *first.ema(player)]):  # fmt: skip
            for a, b in zip(mine.get_weights(), theirs.get_weights()):
                np.testing.assert_array_equal(a, b)
    assert int(game.steps.numpy()) == 0
    assert int(game.optimizer_of("generator").iterations.numpy()) == 0
    code, _, said = train(monkeypatch, capsys, *words, "--steps", 1)
    assert code == 0, said
    assert Run(tmp_path / "run").manifest["constants"]["warm_start"] == str(trained)
    code, _, said = train(monkeypatch, capsys, *words[:-2], "--steps", 2)
    assert code == 0, said  # it goes on without its start
    code, _, said = train(monkeypatch, capsys, *words[:-1], tmp_path / "run", "--steps", 2)
    assert code == 2 and "trained 2 steps already" in said
    words[1] = tmp_path / "wide"
    code, _, said = train(monkeypatch, capsys, *words, "--steps", 1, "--width", 4)
    assert code == 2 and str(trained) in said and not (tmp_path / "wide").exists()


def test_a_run_of_the_other_stack_is_one_line(trained, tmp_path, monkeypatch):
    manifest = Run(trained).manifest
    other = "keras2" if run_manifest.STACK == "keras3" else "keras3"
    manifest.update(stack=other)
    manifest["versions"] = {"python": "3.1.4", "tensorflow": "2.7", "keras": "2.8"}
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="Python 3.1.4 with TensorFlow 2.7.*resume it in an"):
        Run(tmp_path).load()


def test_a_recipe_takes_its_helper_along(tmp_path):
    home = tmp_path / "recipes"
    (home / "parts").mkdir(parents=True)
    (home / "my.py").write_text(
        "import json\nimport helper_a\nfrom recipes import helper_b\n"
        "def make_game(options, data):\n    import parts.deep\n    return helper_a.VALUE\n"
    )
    (home / "helper_a.py").write_text("from helper_c import VALUE\n")
    (home / "helper_b.py").write_text("")
    (home / "helper_c.py").write_text("VALUE = 7\n")
    (home / "unused.py").write_text("")
    (home / "parts" / "__init__.py").write_text("")
    (home / "parts" / "deep.py").write_text("VALUE = 8\n")
    names = ["helper_a.py", "helper_c.py", "parts/__init__.py", "parts/deep.py",
             "recipes/helper_b.py"]  # fmt: skip
    assert sorted(run_recipe.helper_modules(home / "my.py")) == names
    run = tmp_path / "run"
    run.mkdir()
    run_recipe.copy_recipe(home / "my.py", run)
    home.rename(tmp_path / "gone")
    assert run_recipe.load_recipe(run / "recipe.py").make_game(None, None) == 7
    (run / "recipe.py").write_text("def make_game(:\n")
    with pytest.raises(InputError, match="recipe.py cannot be imported .SyntaxError"):
        run_recipe.load_recipe(run / "recipe.py")


def test_a_data_folder_may_be_renamed(tmp_path):
    from PIL import Image

    home = tmp_path / "before"
    home.mkdir()
    for index in range(4):
        pixels = np.random.RandomState(index).randint(0, 256, (16, 32, 3), "u1")
        Image.fromarray(pixels).save(home / f"{index}.png")
    first = data.load_pairs(home, size=16).fingerprint
    home.rename(tmp_path / "after")
    assert data.load_pairs(tmp_path / "after", size=16).fingerprint == first
    (tmp_path / "after" / "0.png").rename(tmp_path / "after" / "9.png")
    assert data.load_pairs(tmp_path / "after", size=16).fingerprint != first
