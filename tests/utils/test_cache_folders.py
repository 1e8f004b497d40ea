"""Where results that can be computed again are kept."""

from tfgan_suite.utils.cache_folders import cache_folder


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("TFGAN_SUITE_CACHE", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "tfgan_suite"
    monkeypatch.setenv("TFGAN_SUITE_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert cache_folder("here").name == "here"
    assert cache_folder("none") is None
