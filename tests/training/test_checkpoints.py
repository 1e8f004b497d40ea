"""Checkpoints are judged by their files; nothing damaged or not finite is saved or restored."""

import errno
import os
import re
import resource
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError, compat
from tfgan_suite.games import gan
from tfgan_suite.training import checkpoint_files, checkpoints, health
from tfgan_suite.training.checkpoints import Checkpoints, NotFiniteError
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils import files


@pytest.fixture(scope="module")
def game():
    keras.utils.set_random_seed(0)
    networks = build_networks(4)
    game = gan.GAN(*networks, ema_decay=0.9)
    game.compile(generator=FusedAdam(1e-3), discriminator=FusedAdam(1e-3))
    return game


def build_networks(width):
    return (
        gan.build_generator((2,), "mlp", width, latent_dim=3),
        gan.build_discriminator((2,), "mlp", width),
    )


def weight(game):
    return compat.tensor_variable(game.players()["generator"][0].trainable_variables[0])


def save_at(game, folder, *steps, **options):
    folder.parent.mkdir(exist_ok=True)
    saving = Checkpoints(game, folder, **options)
    for step in steps:
        set_state(game, step)
        saving.save()
    return saving


def set_state(game, step):
    game.steps.assign(step)
    weight(game).assign(tf.fill(weight(game).shape, float(step)))


@pytest.fixture(scope="module")
def saved(game, tmp_path_factory):
    """A folder with the checkpoints of steps 100, 200 and 300."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    save_at(game, folder, 100, 200, 300)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def restored(game, folder):
    """The step and the messages of a restore, after which the game holds that step's weights."""
    set_state(game, 7)
    lines = []
    step = Checkpoints(game, folder, log=lines.append).restore()
    assert not step or np.all(weight(game).numpy() == step)
    return step, lines


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def files_of(*steps):
    endings = ("data-00000-of-00001", "index")
    return ["checkpoint", *(f"ckpt-{step}.{ending}" for step in steps for ending in endings)]


def test_the_index_says_how_large_the_data_are(saved):
    for step in (100, 200, 300):
        index = (saved / f"ckpt-{step}.index").read_bytes()
        size = (saved / f"ckpt-{step}.data-00000-of-00001").stat().st_size
        assert checkpoint_files.shard_sizes(index) == [size]


def test_an_index_of_any_bytes_is_refused(saved):
    index = (saved / "ckpt-300.index").read_bytes()
    draws = np.random.RandomState(0)
    for content in (b"", b"x", b"\0" * 48, index[:-1], index[1:], index[:100] + index[-48:]):
        with pytest.raises(ValueError):
            checkpoint_files.shard_sizes(content)
    for _ in range(200):
        content = bytearray(index)
        content[draws.randint(len(content))] ^= 1 << draws.randint(8)
        try:
            checkpoint_files.shard_sizes(bytes(content))
        except ValueError:
            pass


def test_older_checkpoints_are_deleted_and_the_state_names_the_others(game, tmp_path):
    save_at(game, tmp_path, 1, 2, 3, 4, keep=2)
    assert names(tmp_path) == files_of(3, 4)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt-4")
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert [os.path.basename(p) for p in state.all_model_checkpoint_paths] == ["ckpt-3", "ckpt-4"]


@pytest.mark.parametrize(
    "state",
    [None, b"", b"\0\xff\x80", b"model_checkpoint_path: 3 {", b'model_checkpoint_path: "ckpt-9"\n',
     b'model_checkpoint_path: "/else/where/ckpt-100"\n'],
)  # fmt: skip
def test_the_state_file_decides_nothing(game, folder, state):
    (folder / "checkpoint").unlink()
    if state is not None:
        (folder / "checkpoint").write_bytes(state)
    assert restored(game, folder) == (300, [])
    assert {*files_of(100, 200, 300)} - {"checkpoint"} <= {*names(folder)}


def cut(path):
    path.write_bytes(path.read_bytes()[:-12])


def become_a_pipe(path):
    path.unlink()
    os.mkfifo(path)  # to open it would wait for ever


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name, damage, reason",
    [
        ("data-00000-of-00001", cut, r"ckpt-300.data-00000-of-00001 is 12 bytes short"),
        ("data-00000-of-00001", flip, r"ckpt-300: .*[Cc]hecksum"),
        ("data-00000-of-00001", os.remove, r"ckpt-300.data-00000-of-00001 is missing"),
        ("index", cut, r"ckpt-300.index is damaged"),
        ("index", flip, r"ckpt-300"),
        ("index", os.remove, r"ckpt-300.index is missing"),
        ("index", become_a_pipe, r"ckpt-300.index is unreadable"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_named(game, folder, name, damage, reason):
    damage(folder / f"ckpt-300.{name}")
    before = names(folder)
    step, (line,) = restored(game, folder)
    assert step == 200
    expected = rf"checkpoint 300 (is damaged|cannot be used) \({reason}.*\): going on from 200"
    assert re.fullmatch(expected, line), line
    assert names(folder) == before  # nothing is deleted before there is something newer


def test_a_copy_under_the_name_of_a_later_step_is_not_restored_for_ever(game, folder):
    for ending in ("data-00000-of-00001", "index"):
        shutil.copy(folder / f"ckpt-200.{ending}", folder / f"ckpt-900.{ending}")
    step, (line,) = restored(game, folder)
    assert step == 300 and "checkpoint 900 cannot be used (ckpt-900 is a copy of ckpt-200)" in line


def test_an_index_of_one_step_and_data_of_another_are_told_apart(game, folder):
    shutil.copy(folder / "ckpt-200.index", folder / "ckpt-300.index")
    step, (line,) = restored(game, folder)
    assert step == 200 and "ckpt-300: " in line and "hecksum" in line


def test_damaged_checkpoints_stay_until_a_newer_one_is_complete(game, folder):
    cut(folder / "ckpt-300.data-00000-of-00001")
    (folder / "ckpt-100.index").unlink()
    saving = Checkpoints(game, folder, log=lambda line: None)
    assert saving.restore() == 200
    set_state(game, 250)
    saving.save()
    assert names(folder) == files_of(200, 250, 300)  # 100 was superseded, 300 not yet
    set_state(game, 300)
    saving.save()
    assert names(folder) == files_of(200, 250, 300)
    assert restored(game, folder) == (300, [])


def test_without_an_intact_checkpoint_training_does_not_start_over(game, folder):
    for path in folder.glob("*.data*"):
        path.write_bytes(b"")
    before = names(folder)
    with pytest.raises(InputError, match="ckpt-300.*ckpt-200.*ckpt-100.*another --run") as error:
        Checkpoints(game, folder).restore()
    assert "\n" not in str(error.value)
    for path in folder.glob("ckpt*"):
        path.unlink()
    with pytest.raises(InputError, match="their files are missing.*another --run"):
        Checkpoints(game, folder).restore()
    assert before[0] == "checkpoint" and names(folder) == ["checkpoint"]


@pytest.mark.parametrize("mark", ["ckpt-400_temp", ".saving-400"])
@pytest.mark.parametrize("earlier", [True, False])
def test_an_interrupted_save_is_ignored_and_cleared_by_training_alone(game, folder, mark, earlier):
    if not earlier:  # the very first save was interrupted
        shutil.rmtree(folder)
        folder.mkdir()
    (folder / "ckpt-400.data-00000-of-00001").write_bytes(b"half")
    (folder / mark).mkdir()
    (folder / mark / "part").write_bytes(b"half")
    (folder.parent / "checkpoints_worker17").mkdir()
    before = names(folder)
    assert restored(game, folder) == (300 if earlier else 0, [])
    assert names(folder) == before  # whoever only reads deletes nothing: it may be in progress
    Checkpoints(game, folder).tidy()
    assert names(folder) == (files_of(100, 200, 300) if earlier else [])
    assert names(folder.parent) == ["checkpoints"]


def test_a_kill_at_any_moment_of_a_save_leaves_a_checkpoint(game, saved, tmp_path, monkeypatch):
    """Stops the save at every call that changes the disk, as a kill would."""

    class Killed(BaseException):
        pass

    calls = {"left": 0}

    def killing(function):
        def call(*args, **kwargs):
            if not calls["left"]:
                raise Killed
            calls["left"] -= 1
            return function(*args, **kwargs)

        return call

    for name in ("sync_tree", "sync_folder", "write_bytes"):
        monkeypatch.setattr(checkpoints.files, name, killing(getattr(files, name)))
    monkeypatch.setattr(checkpoints.os, "replace", killing(os.replace))
    monkeypatch.setattr(checkpoints.Path, "unlink", killing(checkpoints.Path.unlink))
    monkeypatch.setattr(checkpoints.Path, "rmdir", killing(checkpoints.Path.rmdir))
    steps = []
    for moment in range(30):
        folder = tmp_path / str(moment)
        shutil.copytree(saved, folder)
        set_state(game, 400)
        calls["left"] = moment
        try:
            Checkpoints(game, folder).save()
        except Killed:
            calls["left"] = -1
        else:
            break
        steps.append(restored(game, folder)[0])
        Checkpoints(game, folder).tidy()
        assert not [name for name in names(folder) if name.startswith(".")]
    assert steps == sorted(steps) and {*steps} == {300, 400} and 8 < len(steps) < 29
    assert names(folder) == files_of(200, 300, 400)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_saved(game, folder, value):
    """Weights, averages, optimizer slots, losses: whatever a checkpoint would hold."""
    set_state(game, 400)
    optimizer = game.optimizer_of("discriminator")
    slot = [v for v in compat.optimizer_variables(optimizer) if len(v.shape) == 2][-1]
    cases = {
        "the weight .* of the generator": weight(game),
        "the averaged weight .* of the generator": game.ema("generator")[0].variables[0],
        "the state .* of the discriminator's optimizer": slot,
        "the mean of the losses": game._totals,
    }
    for words, variable in cases.items():
        variable = compat.tensor_variable(variable)
        before = variable.numpy()
        broken = before.copy()
        broken.flat[-1] = value
        variable.assign(broken)
        with pytest.raises(NotFiniteError, match=words):
            Checkpoints(game, folder).save()
        variable.assign(before)
    assert names(folder) == files_of(100, 200, 300)
    assert health.first_not_finite(game) is None


def test_all_that_a_checkpoint_holds_is_looked_at(game, tmp_path):
    path = tf.train.Checkpoint(game=game).write(str(tmp_path / "all"))
    stored = sum(np.prod(shape, dtype=int) for _, shape in tf.train.list_variables(path))
    looked_at = sum(np.prod(v.shape, dtype=int) for v in compat.saved_variables(game))
    assert looked_at == stored - 1  # the other entry is the graph of objects


def test_an_older_checkpoint_is_finite_too_or_passed_over(game, folder):
    for step in (300, 200):
        set_state(game, step)
        weight(game).assign(weight(game) * np.nan)
        tf.train.Checkpoint(game=game).write(str(folder / f"ckpt-{step}"))
    step, (line,) = restored(game, folder)
    assert step == 100 and "checkpoint 300 cannot be used (the weight" in line
    assert line.endswith("not finite): going on from 100")
    saving = Checkpoints(game, folder, log=lambda line: None)
    assert saving.outlook() == "there is no good checkpoint yet"
    saving.restore()
    assert saving.outlook() == f"the last good checkpoint is ckpt-100 in {folder}"


def test_a_full_disk_keeps_what_was_saved_and_says_so(game, folder):
    deep = folder / ("x" * 200)  # the reason stands after a long path
    shutil.copytree(folder, deep / "checkpoints")
    saving = Checkpoints(game, deep / "checkpoints")
    saving.restore()
    set_state(game, 400)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match="File too large.*good checkpoint is ckpt-300.*free"):
            saving.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(deep / "checkpoints") == files_of(100, 200, 300)
    assert restored(game, deep / "checkpoints") == (300, [])


def test_a_run_with_other_weights_is_refused_with_the_reason(game, folder):
    networks = build_networks(5)
    other = gan.GAN(*networks, ema_decay=0.9)
    adam = keras.optimizers.Adam
    other.compile(generator=adam(1e-3), discriminator=adam(1e-3))
    with pytest.raises(InputError, match="ckpt-300.*shape"):
        Checkpoints(other, folder).restore()


@pytest.mark.parametrize(
    "name", ["[a] b", "a*b?", "back\\slash", " x ", "#%20", "Übung 한", "\udcff"]
)
def test_folders_of_any_name(game, tmp_path, name):
    (tmp_path / "a1b2").mkdir()  # what a*b? matches
    home = tmp_path / name / "checkpoints"
    save_at(game, home, 1, 2)
    assert restored(game, home) == (2, []) and names(home) == files_of(1, 2)


def test_the_check_of_an_error_that_is_no_full_disk():
    with pytest.raises(tf.errors.OpError), files.writing_to("runs/x"):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    text = (
        "{{function_node x}} " + "/long" * 100 + "; " + os.strerror(errno.EDQUOT) + " [Op:SaveV2]"
    )
    with pytest.raises(InputError, match=r"runs/x \(Disk quota exceeded, \d+ MiB free\)"):
        with files.writing_to("runs/x"):
            raise tf.errors.UnknownError(None, None, text)
