"""Games of few weights for tests of the speed benchmark, and which need PyTorch."""

import importlib.util
import pathlib

import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"

# Translators of 32 pixels, as small as their discriminator takes, and games of other inputs.
SMALL = {
    "pix2pix": {"size": 32, "width": 2},
    "cyclegan": {"size": 32, "width": 2, "blocks": 1, "pool": 2},
    "sngan": {"size": 32, "width": 2},
    "infogan": {"size": 16, "width": 2},
    "cgan": {"size": 16, "width": 2},
    "gan_cls": {"size": 16, "width": 4},
    "wav2lip": {"size": 96, "width": 2},
    "stylegan2": {"size": 16, "width": 2},
}
ENLARGING = {"size": 32, "width": 4, "blocks": 1}
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the extra bench"
)
