"""Words that a flag may be: as the library has them, and refused before TensorFlow is imported."""

import ast
from pathlib import Path

import pytest

from tfgan_suite import InputError
from tfgan_suite.core import diff_augment, image_history
from tfgan_suite.data import pairs
from tfgan_suite.data.pipeline import annotations
from tfgan_suite.games import (
    ali,
    cgan,
    ebgan,
    gan,
    gan_cls,
    lsgan,
    pix2pix,
    r3gan,
    simgan,
    sngan,
    srgan,
    wav2lip,
    wgan,
    wgan_gp,
)
from tfgan_suite.layers import conditioning_augmentation, spatial
from tfgan_suite.losses import adversarial, self_regularization
from tfgan_suite.networks import (
    blocks,
    stackgan,
    super_resolution,
    talking,
    text,
    translators,
    upsampling,
)
from tfgan_suite.networks import gawwn as gawwn_networks
from tfgan_suite.style import statistics
from tfgan_suite.training import early_flags, options

RECIPES = [
    path
    for path in sorted((Path(__file__).parents[2] / "recipes").glob("*.py"))
    if "launch.main(globals())" in path.read_text(encoding="utf-8")
]
# Paths, names of data, lists of numbers, and networks and layers that may also be a file.
FREE = {
    "DATA", "RUN", "WARM_START", "EXPORT", "NAME", "START", "NETWORK", "LAYER", "WEIGHTS", "TAPS",
    "FEATURES", "DOWNSCALE_FACTORS", "ENCODER", "LEVEL_BATCHES", "PRECISION", "STRATEGY",
    "EXPERT", "BOX", "OFFSETS", "IMAGE_SIDE", "MEASURE_EXTRACTOR",
}  # fmt: skip
LATENT = ("normal", "uniform")
OPTIMIZERS = ("adam", "sgd")
SR = {
    "SCALE": super_resolution.SCALES,
    "NORM": super_resolution.NORMS,
    "SKIP": super_resolution.SKIPS,
    "UPSAMPLING": super_resolution.UPSAMPLINGS,
    "OUTPUT": super_resolution.OUTPUTS,
    "PIXEL_LOSS": srgan.PIXEL_LOSSES,
}
# By constant, and by recipe where recipes differ.
EXPECTED = {
    "AUGMENT": diff_augment._KINDS,
    "LATENT": LATENT,
    "LOSS": adversarial.names(paired=True),
    "NORM": blocks.NORMS,
    "OPTIMIZER": OPTIMIZERS,
    "UPSAMPLING": upsampling.UPSAMPLINGS,
    "adain": {"REDUCTION": statistics.REDUCTIONS},
    "ali": {"VARIANT": ali.VARIANTS, "ARCHITECTURE": ali.ARCHITECTURES},
    "cgan": {
        "CONDITIONING": cgan.CONDITIONINGS,
        "ARCHITECTURE": cgan.ARCHITECTURES,
        "NORM": ("batch", "none"),
    },
    "cyclegan": {"LOSS": adversarial.names()},
    "discogan": {"MODEL": ("discogan", "recongan", "gan")},
    "ebgan": {"ARCHITECTURE": ebgan.ARCHITECTURES, "ENERGY": ebgan.ENERGIES},
    "gan": {
        "ARCHITECTURE": gan.ARCHITECTURES,
        "LOSS": gan.LOSSES,
        "UPDATE_MODE": gan.UPDATE_MODES,
    },
    "gan_cls": {
        "FIT": annotations.FITS,
        "MISMATCH": gan_cls.MISMATCHES,
        "INTERPOLATION": gan_cls.INTERPOLATIONS,
        "NORM": ("batch", "none"),
    },
    "gawwn": {
        "CONDITION": ("box", "keypoints"),
        "FIT": annotations.FITS,
        "LOCAL_MODE": gawwn_networks.LOCAL_MODES,
        "PLACEMENT": spatial.PLACEMENTS,
        "NORM": gawwn_networks.DISCRIMINATOR_NORMS,
        "AUGMENT": ("color", "cutout"),
    },
    "lsgan": {"ARCHITECTURE": lsgan.ARCHITECTURES, "ACTIVATION": blocks.ACTIVATIONS},
    "pix2pix": {
        "ARCHITECTURE": pix2pix.ARCHITECTURES,
        "DIRECTION": pairs.DIRECTIONS,
        "LOSS": adversarial.names(),
        "NORM": translators.NORMS,
        "PIXEL_LOSS": ("l1", "l2"),
    },
    "r3gan": {
        "AUGMENT": (*diff_augment._KINDS, diff_augment.ADAPTIVE),
        "ARCHITECTURE": r3gan.ARCHITECTURES,
    },
    "simgan": {
        "SETTING": simgan.SETTINGS,
        "PSI": (*self_regularization.FEATURE_TRANSFORMS, "features"),
        "HISTORY_DTYPE": image_history.DTYPES,
    },
    "sngan": {"ARCHITECTURE": sngan.ARCHITECTURES},
    "srgan": {
        **SR,
        "LOSS": adversarial.names(),
        "DISCRIMINATOR_HEAD": super_resolution.HEADS,
        "DISCRIMINATOR_NORM": super_resolution.NORMS,
        "FEATURE_REDUCTION": srgan.REDUCTIONS,
    },
    "srresnet": {**SR, "VARIANT": ("small", "paper")},
    "stackgan": {
        "STAGE": (1, 2),
        "SCALE": stackgan.SCALES,
        "FIT": annotations.FITS,
        "ARCHITECTURE": stackgan.ARCHITECTURES,
        "CA_ACTIVATION": conditioning_augmentation.ACTIVATIONS,
        "KL_REDUCTION": conditioning_augmentation.REDUCTIONS,
        "NORM": stackgan.NORMS,
    },
    "stylegan": {"AUGMENT": (*diff_augment._KINDS, diff_augment.ADAPTIVE)},
    "text_encoder": {"FIT": annotations.FITS, "POOLING": text.POOLINGS},
    "wav2lip": {
        "SIZE": talking.SIZES,
        "RECONSTRUCTION": wav2lip.RECONSTRUCTIONS,
        "SYNC_TERM": wav2lip.SYNC_TERMS,
    },
    "wgan": {"ARCHITECTURE": wgan.ARCHITECTURES},
    "wgan_gp": {"ARCHITECTURE": wgan_gp.ARCHITECTURES},
}


def read(path):
    return early_flags.constants_in(ast.parse(path.read_text(encoding="utf-8")), path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_words_are_those_of_the_library_and_typos_are_answered(path):
    recipe = read(path)
    for name, choices in recipe.get("CHOICES", {}).items():
        known = EXPECTED.get(path.stem, {}).get(name) or EXPECTED[name]
        assert set(choices) == set(known), name
        assert recipe[name] in (None, "", *choices), name
        is_number = isinstance(choices[0], int)
        typo = 5 if is_number else f"{choices[-1]}x"
        with pytest.raises(InputError, match=f"it must be one of {choices[0]}.*") as error:
            options.parse(recipe, [f"{options.flag_of(name)}={typo}"])
        assert is_number or f"did you mean {choices[-1]}?" in str(error.value)
        parsed = options.parse(recipe, [f"{options.flag_of(name)}={choices[-1]}"])
        assert getattr(parsed, name.lower()) == choices[-1]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_no_flag_for_a_word_is_forgotten(path):
    recipe = read(path)
    stated = options.constants(recipe)
    words = {name for name, entry in stated.items() if entry.type is str}
    assert words - FREE == {n for n in recipe.get("CHOICES", {}) if stated[n].type is str}


def test_lists_with_commas_are_read_word_by_word():
    recipe = read(next(path for path in RECIPES if path.stem == "gan"))
    parsed = options.parse(recipe, ["--augment", "color, cutout"])
    assert parsed.augment == "color, cutout"
    with pytest.raises(InputError, match="--augment is 'cutuot'.* did you mean cutout?"):
        options.parse(recipe, ["--augment", "color,cutuot"])
    with pytest.raises(InputError, match="--loss is 'minimax,pairing'"):
        options.parse(recipe, ["--loss", "minimax,pairing"])


def test_choices_that_are_not_spelled_out_are_checked_when_the_recipe_runs(tmp_path):
    source = "DATA = 'ring'\nSTEPS = 1\nBATCH = 1\nNORM = 'a'\nCHOICES = {'NORM': tuple('ab')}\n"
    source += "if __name__ == '__main__':\n    launch.main(globals())\n"
    path = tmp_path / "mine.py"
    path.write_text(source)
    recipe = read(path)
    assert recipe is not None and "CHOICES" not in recipe
    assert options.parse(recipe, ["--norm", "c"]).norm == "c"
    with pytest.raises(InputError, match="must be one of a, b"):
        options.parse({**recipe, "CHOICES": {"NORM": ("a", "b")}}, ["--norm", "c"])
