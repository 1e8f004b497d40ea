"""Judging a painter: one that copies its style, one that ignores it, and limits of memory."""

import numpy as np
import pytest
import tiny_style

from tfgan_suite.errors import InputError
from tfgan_suite.style import judging
from tfgan_suite.style.judging import judge


def test_judging_sees_what_is_painted():
    """A painter that copies its style is always right; one that ignores it is right by chance."""

    class Copies:
        def __init__(self, copies):
            self.encoder, self.copies = tiny_style.encoder(), copies

        def stylize(self, content, style, alpha=1.0):
            return alpha * style + (1 - alpha) * content if self.copies else content

    contents = tiny_style.examples(2)["content"]
    styles = np.stack([contents[0] * 0.1 - 0.8, contents[1] * 0.1 + 0.8])
    found = judge(Copies(True), contents, styles)
    assert found["nearest"] == found["nearer"] == 1.0 and found["paintings"] == 4
    assert found["falls"] and found["distances"][-1] < 1e-6 < found["distances"][0]
    found = judge(Copies(False), contents, styles)
    assert found["nearer"] == 0.5 and not found["falls"]
    with pytest.raises(InputError, match="two at least"):
        judge(Copies(True), contents, styles[:1])


def test_judging_refuses_more_images_than_memory_should_hold(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"never read")
    monkeypatch.setattr(judging, "MEMORY_LIMIT", 2 * 8 * 8 * 15 - 1)
    with pytest.raises(InputError, match="2 images of .* take 0 MiB at 8 pixels"):
        judging._squares(tmp_path, 8)
