"""Whoever reads one game opens few files."""

import pytest
from reading import files_to_read, report

MOST_FILES = 8


@pytest.mark.parametrize("module, game", [("dcgan", "DCGAN"), ("wgan_gp", "WGANGP")])
def test_a_game_is_read_in_at_most_eight_files(module, game):
    files = files_to_read(f"tfgan_suite.games.{module}", game)
    assert len(files) <= MOST_FILES, f"{game} takes {len(files)} files:\n{report(files)}"


def test_names_are_followed_through_bases_modules_attributes_and_lambdas():
    files = files_to_read("tfgan_suite.games.dcgan", "DCGAN")
    # A method of a base, called in a lambda; a function that only a base's base calls; an
    # attribute's class by annotation; a module's function in a lambda under a condition.
    assert "LatentGame.score_real" in files["tfgan_suite.core.latent_game"]
    assert "draw" in files["tfgan_suite.core.stateless_noise"]
    assert "AdversarialLoss.real" in files["tfgan_suite.losses.adversarial"]
    assert "zero_centred" in files["tfgan_suite.losses.penalties"]
    assert "_cutout" in files["tfgan_suite.core.diff_augment"]


def test_an_overridden_method_is_read_in_its_own_class():
    files = files_to_read("tfgan_suite.games.infogan", "InfoGAN")
    assert "InfoGAN.players" in files["tfgan_suite.games.infogan"]
    assert "LatentGame.players" not in files["tfgan_suite.core.latent_game"]


def test_calls_of_super_and_classes_made_in_methods_are_followed():
    gran = files_to_read("tfgan_suite.games.gran", "GRAN", "signatures")
    assert "LatentGame.signatures" in gran["tfgan_suite.core.latent_game"]
    cycle = files_to_read("tfgan_suite.games.cyclegan", "CycleGAN")
    assert "ImagePool.exchange" in cycle["tfgan_suite.core.image_pool"]
