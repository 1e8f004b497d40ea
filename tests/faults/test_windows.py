"""What Windows does otherwise: links, processes, names of files, quotes, drives."""

import errno
import os
import sys
import types
from pathlib import Path

import forks
import pytest

from tfgan_suite import InputError
from tfgan_suite.data.pipeline import source
from tfgan_suite.export import folders
from tfgan_suite.utils import files, processes, text

LIKE_WINDOWS = Path(__file__).parents[1] / "helpers" / "like_windows.py"


posix = pytest.mark.skipif(os.name == "nt", reason="on Windows itself every test shows it")


@posix
def test_all_is_imported_trained_sampled_translated_and_exported(tmp_path):
    process = forks.Program(LIKE_WINDOWS, tmp_path)
    assert process.wait() == 0, process.output()[-3000:]
    assert " modules, " in process.output()


@posix
def test_a_new_file_that_cannot_be_written_is_removed_once_closed(tmp_path, monkeypatch):
    import like_windows

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(os, "unlink", like_windows.refusing_open_files(os.unlink))
    with pytest.raises(OSError, match="No space"):
        files.append_json(tmp_path / "losses.jsonl", {"step": 1})
    assert not list(tmp_path.iterdir())


def refuse_links(*_, **__):
    raise OSError(1314, "A required privilege is not held by the client")


def test_where_links_need_privileges_a_junction_leads_to_a_folder(tmp_path, monkeypatch):
    link = os.symlink
    monkeypatch.setattr(os, "symlink", refuse_links)
    (tmp_path / "[a]").mkdir()
    (tmp_path / "[a]" / "x").write_text("7")
    with pytest.raises(InputError, match="required privilege.*rename the folder"):
        with files.plain_path(tmp_path / "[a]" / "x"):
            pass
    junctions = types.SimpleNamespace(CreateJunction=link)
    monkeypatch.setitem(sys.modules, "_winapi", junctions)
    with files.plain_path(tmp_path / "[a]" / "x") as path:
        assert "[" not in path and Path(path).read_text() == "7"
    assert not os.path.lexists(path) and not Path(path).parent.parent.exists()
    with pytest.raises(InputError, match="required privilege"):  # a junction leads to no file
        (tmp_path / "[b]").write_text("8")
        with files.plain_path(tmp_path / "[b]"):
            pass


def test_of_processes_on_windows_only_the_age_is_known(tmp_path, monkeypatch):
    """Signal 0, which asks elsewhere, would stop the process there."""
    monkeypatch.setattr(processes, "os", types.SimpleNamespace(name="nt"))
    assert processes.is_running(os.getpid()) is None
    host = folders._owner().partition("-")[0]
    for name in ("new", "old"):
        (tmp_path / f".export-{host}-17-{name}").mkdir()
    old = tmp_path / f".export-{host}-17-old"
    os.utime(old, (0, 0))
    with folders.staging(tmp_path):
        assert not old.exists() and (tmp_path / f".export-{host}-17-new").exists()


@pytest.mark.parametrize("name", ["con", "NUL", "aux.1", "Com1", "lpt9", "model.", "a:b", "a\\b"])
def test_names_that_windows_cannot_store_are_refused_everywhere(name):
    with pytest.raises(InputError, match="cannot be used"):
        folders.check_name(name)


def test_names_of_data_never_end_in_what_windows_drops():
    assert folders.model_name("dcgan", "data.") == "dcgan_data"
    for name in ("control", "com", "com10", "nullable", "dcgan_con", "m.v2"):
        folders.check_name(name)


def test_commands_to_copy_are_quoted_for_the_shell_of_the_system(monkeypatch):
    assert text.quote("runs/[a] b") == "'runs/[a] b'"
    monkeypatch.setattr(text, "os", types.SimpleNamespace(name="nt"))
    assert text.quote("runs\\dcgan") == "runs\\dcgan"
    assert text.quote("C:\\my runs\\a") == '"C:\\my runs\\a"'


def test_files_on_two_drives_are_known_by_their_names(tmp_path, monkeypatch):
    def refuse(paths):
        raise ValueError("Paths don't have the same drive")

    paths = [tmp_path / "low.png", tmp_path / "high.png"]
    for path in paths:
        path.write_bytes(b"7" * 5)
    monkeypatch.setattr(source.os.path, "commonpath", refuse)
    names, heads = source.file_fingerprint(paths)
    assert names == [("low.png", 5), ("high.png", 5)] and heads == [b"7" * 5] * 2
