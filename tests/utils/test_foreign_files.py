"""Files that users name: whatever is not a regular file is refused at once."""

import os
import socket
import threading

import pytest

from tfgan_suite.utils import files, foreign_files


def kinds(folder):
    """One path of each kind that is no readable file, with a word of the reason."""
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    os.symlink(folder / "nowhere", folder / "dangling.png")
    os.symlink(folder / "loop.png", folder / "loop.png")
    os.symlink(folder / "pipe.png", folder / "link to pipe.png")
    os.symlink("/dev/zero", folder / "endless.png")
    with socket.socket(socket.AF_UNIX) as server:
        before = os.getcwd()
        os.chdir(folder)  # the path of a socket has at most 107 bytes
        server.bind("socket.png")
        os.chdir(before)
    return {
        "pipe.png": "named pipe",
        "folder.png": "folder",
        "dangling.png": "leads nowhere",
        "loop.png": "symbolic links",
        "link to pipe.png": "named pipe",
        "endless.png": "device",
        "socket.png": "socket",
        "missing.png": "No such file",
        "null\0.png": "null",
    }


def test_only_regular_files_are_opened(tmp_path):
    for name, reason in kinds(tmp_path).items():
        for read in (foreign_files.open_file, foreign_files.read_bytes, foreign_files.read_text):
            with pytest.raises(OSError) as error:
                read(tmp_path / name)
            assert reason in error.value.strerror, name


def test_files_do_not_replace_pipes_devices_and_folders(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/null", tmp_path / "device")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "device", "folder"):
        with pytest.raises(foreign_files.NotAFileError):
            files.write_bytes(tmp_path / name, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "folder", "pipe"]
    assert not (tmp_path / "pipe").is_file() and (tmp_path / "device").is_symlink()


def test_regular_files_and_links_to_them(tmp_path):
    (tmp_path / "a.txt").write_bytes("ü\r\nb\rc\n".encode())
    os.symlink(tmp_path / "a.txt", tmp_path / "b.txt")
    for name in ("a.txt", "b.txt"):
        assert foreign_files.read_text(tmp_path / name) == "ü\nb\nc\n"
        assert foreign_files.read_bytes(tmp_path / name).endswith(b"\rc\n")
        assert foreign_files.check_file(tmp_path / name).st_size == 8


def test_a_file_that_became_a_pipe_after_it_was_looked_at(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "a")
    monkeypatch.setattr(foreign_files, "check_file", lambda path: None)
    answer = []

    def attempt():
        try:
            foreign_files.open_file(tmp_path / "a")
        except OSError as error:
            answer.append(error.strerror)

    worker = threading.Thread(target=attempt, daemon=True)
    worker.start()
    worker.join(10)
    assert answer == ["a named pipe, not a file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_files_without_permission(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    os.chmod(tmp_path / "a", 0)
    with pytest.raises(PermissionError):
        foreign_files.open_file(tmp_path / "a")
