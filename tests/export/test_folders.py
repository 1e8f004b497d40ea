"""Version folders: counted up, whole or absent, and clear words where writing fails."""

import errno
import os

import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.export import export, exporting, folders

ONLY = {"formats": ("saved_model",), "warmup": False}


@pytest.fixture
def game(games):
    return games.Call(lambda z: 2.0 * z)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_versions_count_up(game, tmp_path):
    for version in (1, 2):
        result = export(game, tmp_path, name="model", **ONLY)
        assert (result.version, result.path) == (version, tmp_path / "model" / str(version))
    for name in ("9", "12.old", "notes"):
        (tmp_path / "model" / name).mkdir()
    result = export(game, tmp_path, name="model", **ONLY)
    assert result.version == 10
    assert names(tmp_path / "model") == ["1", "10", "12.old", "2", "9", "model.config", "notes"]
    assert {"card.json", "parity.json", "saved_model.pb", "variables"} <= set(names(result.path))


def test_other_users_may_read_a_version(game, tmp_path):
    result = export(game, tmp_path, name="model", **ONLY)
    (tmp_path / "plain").mkdir()
    assert result.path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_interrupted_export_leaves_nothing(game, tmp_path, monkeypatch):
    export(game, tmp_path, name="model", **ONLY)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "_check_parity", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export(game, tmp_path, name="model", **ONLY)
    assert names(tmp_path / "model") == ["1", "model.config"]
    with pytest.raises(KeyboardInterrupt):
        export(game, tmp_path / "new" / "place", name="model", **ONLY)
    assert names(tmp_path) == ["model"]


def test_a_full_disk_is_an_input_error(game, tmp_path, monkeypatch):
    import tensorflow as tf

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(InputError, match="No space left.*free some space") as error:
        export(game, tmp_path, name="model", **ONLY)
    assert str(tmp_path / "model") in str(error.value)
    assert "\n" not in str(error.value)
    assert names(tmp_path) == []


def test_a_file_in_the_way_is_an_input_error(game, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="taken"):
        export(game, tmp_path / "taken", name="model", **ONLY)


def test_two_exports_at_once_get_two_numbers(tmp_path):
    home = tmp_path / "model"
    stated = []
    with folders.staging(home) as staged:
        (staged / "mine").touch()

        def finish(version):
            stated.append(version)
            if version == 1:  # the other process is a moment faster
                (home / "1").mkdir()
                (home / "1" / "theirs").touch()

        assert folders.publish(staged, home, finish) == 2
    assert stated == [1, 2]
    assert (names(home / "1"), names(home / "2")) == (["theirs"], ["mine"])
