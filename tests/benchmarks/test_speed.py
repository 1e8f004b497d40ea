"""The speed benchmark's figures and words: medians, ratios, memory, tables, options."""

import pytest
import speed
from protocol import WorkerError


def test_the_ratio_is_the_median_of_the_pairs():
    found = speed.compare([10.0, 40.0, 33.0], {"contiguous": [10.0, 20.0, 30.0]})
    assert found.pop("peer_layouts") == {"contiguous": {"images_per_s": 20.0, "ratio": 1.1}}
    assert found == {
        "images_per_s": 33.0, "peer_images_per_s": 20.0, "ratio": 1.1, "peer_layout": "contiguous",
    }  # fmt: skip
    alone = speed.compare([1.0, 5.0, 3.0], {})
    assert alone == {
        "images_per_s": 3.0, "peer_images_per_s": None, "ratio": None, "peer_layout": None,
        "peer_layouts": {},
    }  # fmt: skip


def test_the_faster_layout_counts():
    layouts = {"channels_last": [4.0, 1.0, 4.0], "contiguous": [5.0, 5.0, 5.0]}
    found = speed.compare([10.0, 10.0, 10.0], layouts)
    assert (found["peer_layout"], found["peer_images_per_s"], found["ratio"]) == (
        "contiguous", 5.0, 2.0
    )  # fmt: skip
    assert found["peer_layouts"]["channels_last"] == {"images_per_s": 4.0, "ratio": 2.5}


class Answers:
    """In place of a worker: has its answers ready."""

    def __init__(self, **answers):
        self.ask = answers.__getitem__


def test_memory_is_that_of_the_layout_that_counts():
    own = Answers(peak_mib=300.0, loaded_mib=100.0)
    peers = {
        "channels_last": Answers(peak_mib=400.0, loaded_mib=50.0),
        "contiguous": Answers(peak_mib=200.0, loaded_mib=60.0),
    }
    found = speed._memory(
        own, peers, speed.compare([1.0], {"channels_last": [2.0], "contiguous": [3.0]})
    )
    assert (found["peak_mib"], found["loaded_mib"]) == (300.0, 100.0)
    assert (found["peer_peak_mib"], found["peer_loaded_mib"]) == (200.0, 60.0)
    assert found["memory_ratio"] == 1.5
    assert found["peer_layouts"]["channels_last"]["peak_mib"] == 400.0
    alone = speed._memory(own, {}, speed.compare([1.0], {}))
    assert alone["memory_ratio"] is None and alone["peer_peak_mib"] is None
    # Systems that do not tell.
    unknown = {"contiguous": Answers(peak_mib=None, loaded_mib=None)}
    found = speed._memory(own, unknown, speed.compare([1.0], {"contiguous": [2.0]}))
    assert found["memory_ratio"] is None and found["peak_mib"] == 300.0


def test_different_networks_are_refused():
    def facts(generator, discriminator):
        tensors = {"generator": generator, "discriminator": discriminator}
        return {"parameters": {k: sum(v) for k, v in tensors.items()}, "tensors": tensors}

    assert speed.check_alike(facts([1, 9], [5]), facts([1, 9], [5])) is None
    with pytest.raises(WorkerError, match="10.* parameters here, .*11.* in PyTorch"):
        speed.check_alike(facts([1, 9], [5]), facts([2, 9], [5]))
    with pytest.raises(WorkerError, match="layers of generator have other sizes"):
        speed.check_alike(facts([1, 9], [5]), facts([4, 6], [5]))


def test_the_table_leaves_out_what_was_not_measured():
    text = speed.table([{"precision": "float32", "images_per_s": 12.4, "ratio": None}])
    assert text.splitlines() == ["| precision | images/s |", "| --- | --- |", "| float32 | 12 |"]


def test_slow_rates_keep_their_digits():
    text = speed.table([{"images_per_s": 0.7123, "peer_images_per_s": 65.2, "memory_ratio": 0.9}])
    assert text.splitlines()[-1] == "| 0.71 | 65 | 0.90 |"


def test_the_title_names_what_a_game_has():
    shared = {"threads": 2, "versions": "a 1; b 2"}
    said = speed.title({"game": "pix2pix", **speed.GAMES["pix2pix"], **shared})
    assert said == "pix2pix, size 256, width 64, batch 1, 2 threads; a 1; b 2"


def test_disturbances_are_named():
    assert speed.warnings_about({"others_share": 0.01, "idle_share": 0.0}) == []
    said = speed.warnings_about({"others_share": 0.5, "idle_share": 0.3})
    assert "50%" in said[0] and "30%" in said[1]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ("wgan_gp --kernel 4", "5x5"),
        ("dcgan --kernel 3", "must be 4 or 5"),
        ("dcgan --size 20", "a power of 2, 16 or more"),
        ("srresnet --size 18", "for srresnet it must be a multiple of 4, 32 or more"),
        ("cyclegan --size 16", "for cyclegan it must be a power of 2, 32 or more"),
        ("--games dcgan pix2pix --kernel 4", "pix2pix has no --kernel"),
        ("pix2pix --pool 50", "pix2pix has no --pool"),
        ("cyclegan --pool -1", "must be 0 or more"),
        ("cyclegan --blocks 0", "must be 1 or more"),
        ("dcgan --batch 0", "must be 1 or more"),
        ("dcgan --games pix2pix", "one game, or several"),
        ("--json", "one game, or several"),
        ("x", "invalid choice: 'x'"),
        ("--games dcgan x", "invalid choice: 'x'"),
    ],
)
def test_impossible_options_end_with_2(wrong, said, capsys):
    with pytest.raises(SystemExit) as ended:
        speed.main(wrong.split())
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    "line, games",
    [
        ("dcgan --json", ["dcgan"]),
        ("--json --against torch dcgan", ["dcgan"]),
        ("--games dcgan wgan_gp pix2pix cyclegan", ["dcgan", "wgan_gp", "pix2pix", "cyclegan"]),
    ],
)
def test_games_of_a_command_line(line, games):
    options = speed.parse(line.split())
    assert options.games == games
    for game in games:
        assert speed.network_of(options, game) == speed.GAMES[game]


def test_what_is_given_goes_to_every_game():
    options = speed.parse("--games pix2pix cyclegan --size 64 --batch 2".split())
    assert speed.network_of(options, "pix2pix") == {"size": 64, "width": 64, "batch": 2}
    assert speed.network_of(options, "cyclegan") == {
        "size": 64, "width": 64, "blocks": 6, "pool": 50, "batch": 2,
    }  # fmt: skip


def test_a_game_that_fails_does_not_keep_others_from_being_measured(capsys, monkeypatch):
    def measure(options, game, precision):
        if game == "pix2pix":
            raise WorkerError("it broke")
        return {
            **speed.GAMES[game],
            "game": game,
            "precision": precision,
            "images_per_s": 7.0,
            "threads": 2,
            "versions": "v",
            "others_share": 0.0,
            "idle_share": 0.0,
        }

    monkeypatch.setattr(speed, "measure", measure)
    assert speed.main(["--games", "pix2pix", "dcgan", "--precision", "float32"]) == 2
    said = capsys.readouterr()
    assert "pix2pix, float32: not measured: it broke" in said.err
    assert "| float32 | 7.00 |" in said.out and said.out.startswith("dcgan, size 64")
