"""A step on many devices, on paper."""

import interconnect
import pytest


def test_one_device_sends_nothing_and_eight_most_of_their_gradients():
    alone = interconnect.on_paper(8e12, 4_000_000_000, 1, tflops=40, link=200)
    assert alone["sent_mb"] == 0 and alone["efficiency"] == 1
    assert alone["step_ms"] == pytest.approx(200)
    eight = interconnect.on_paper(8e12, 4_000_000_000, 8, tflops=40, link=200)
    # 2 * 7 / 8 of 4 GB at 200 GB/s.
    assert eight["sent_mb"] == pytest.approx(7000) and eight["sum_ms"] == pytest.approx(35)
    assert eight["efficiency"] == pytest.approx(200 / 235)


def test_the_critic_of_wgan_gp_is_summed_in_each_of_its_updates():
    parameters = {"generator": 10, "critic": 100}
    assert interconnect.gradient_bytes("wgan_gp", parameters) == 4 * (10 + 5 * 100)
    parameters = {"generator": 10, "discriminator": 100}
    assert interconnect.gradient_bytes("sngan", parameters) == 4 * (10 + 5 * 100)
    assert interconnect.gradient_bytes("dcgan", {"generator": 10, "discriminator": 100}) == 440


def test_arithmetic_and_parameters_are_those_of_the_networks(monkeypatch):
    monkeypatch.setitem(
        interconnect.GAMES, "dcgan", {"size": 16, "width": 4, "kernel": 4, "batch": 2}
    )
    two, four = interconnect.counted("dcgan", None), interconnect.counted("dcgan", 4)
    assert set(two["parameters"]) == {"generator", "discriminator"}
    assert two["flops"] > 2 * sum(two["parameters"].values())
    assert (two["batch"], four["batch"]) == (2, 4) and four["flops"] == 2 * two["flops"]


@pytest.mark.parametrize("words", [["--link", "0"], ["--devices", "-1"], ["--batch", "0"]])
def test_numbers_that_cannot_be_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        interconnect.parse(words)
    assert f"{words[0]} is" in capsys.readouterr().err


def test_the_table_names_every_game_that_was_asked_for(monkeypatch, capsys):
    facts = {"parameters": {"generator": 1_000_000}, "batch": 4, "flops": 4e12}
    monkeypatch.setattr(interconnect, "counted", lambda game, batch: facts)
    assert interconnect.main(["--games", "dcgan", "pix2pix"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| dcgan", "| pix2pix"]
    assert "| 1,000,000 | 4,000.0 | 7 | 100.00 |" in lines[2]
