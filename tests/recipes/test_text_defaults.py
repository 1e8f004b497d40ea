"""What the constants of text recipes are: for 32 pixels, for 64, and for the papers' form."""

import runpy
import types
from pathlib import Path

import pytest

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
LARGE = {"learning_rate": 0.0005, "r1_weight": 1.0, "r2_weight": 1.0}


def defaults(recipe, side, paper=False, **options):
    constants = runpy.run_path(str(RECIPES / f"{recipe}.py"))
    data = types.SimpleNamespace(shape=(side, side, 3), embedded=options.pop("embedded", False))
    return constants["defaults"](types.SimpleNamespace(paper=paper, width=None, **options), data)


@pytest.mark.parametrize(
    "recipe, options, large",
    [
        ("gan_cls", {}, LARGE),
        ("gawwn", {}, {**LARGE, "loss": "pairing"}),
        ("stackgan", {"stage": 1}, LARGE),
        ("stackgan", {"stage": 2}, LARGE),
        ("stackgan", {"stage": 2, "embedded": True}, {**LARGE, "learning_rate": 0.001}),
    ],
)
def test_from_64_pixels_on_rates_are_smaller_and_penalties_larger(recipe, options, large):
    assert large.items() <= defaults(recipe, 64, **options).items()
    assert large.items() <= defaults(recipe, 256, **options).items()
    assert defaults(recipe, 32, **options)["r1_weight"] == 0.25
    paper = defaults(recipe, 64, paper=True, **options)
    assert (paper["learning_rate"], paper["r1_weight"]) == (0.0002, 0.0)
    assert paper["loss"] == "non_saturating"
