"""The speed benchmark's figures and words: medians, ratios, memory, tables, options."""

import json

import comparison
import pytest
import records
import speed
from comparison import Round
from protocol import WorkerError


def rounds(*speeds, cpu=1.0):
    return [Round(float(speed), cpu) for speed in speeds]


def test_the_ratio_is_the_median_of_the_pairs():
    own = [Round(10.0, 0.5), Round(40.0, 0.25), Round(33.0, 1.0)]
    peer = [Round(10.0, 1.0), Round(20.0, 1.0), Round(30.0, 3.5)]
    figures = comparison.compare(own, {"contiguous": peer})
    shared = {
        "ratio": 1.1, "ratio_range": [1.0, 2.0], "cpu_ratio": 3.5, "cpu_ratio_range": [2.0, 4.0]
    }  # fmt: skip
    assert figures.pop("peer_layouts") == {
        "contiguous": {"images_per_s": 20.0, "cpu_s_per_step": 1.0, **shared}
    }
    assert figures == {
        "images_per_s": 33.0, "cpu_s_per_step": 0.5, "peer_images_per_s": 20.0,
        "peer_cpu_s_per_step": 1.0, **shared, "peer_layout": "contiguous",
    }  # fmt: skip
    alone = comparison.compare(rounds(1, 5, 3, cpu=2.0), {})
    assert alone.pop("peer_layouts") == {}
    assert (alone.pop("images_per_s"), alone.pop("cpu_s_per_step")) == (3.0, 2.0)
    assert set(alone.values()) == {None}


def test_the_faster_layout_counts():
    layouts = {"channels_last": rounds(4, 1, 4), "contiguous": rounds(5, 5, 5)}
    figures = comparison.compare(rounds(10, 10, 10), layouts)
    assert (figures["peer_layout"], figures["peer_images_per_s"], figures["ratio"]) == (
        "contiguous", 5.0, 2.0
    )  # fmt: skip
    last = figures["peer_layouts"]["channels_last"]
    assert (last["images_per_s"], last["ratio"], last["ratio_range"]) == (4.0, 2.5, [2.5, 10.0])


def test_a_spread_is_the_median_and_both_ends():
    assert comparison.spread("share", [0.5, -0.25, 0.0]) == {
        "share": 0.0, "share_range": [-0.25, 0.5]
    }  # fmt: skip


def test_versions_of_both_sides():
    ours = {"python": "3.13.0", "tensorflow": "2.21.0"}
    theirs = {"python": "3.12.1", "torch": "2.13.0"}
    assert comparison.versions(ours, theirs, theirs) == {
        "python": "3.13.0", "tensorflow": "2.21.0", "peer_python": "3.12.1", "torch": "2.13.0"
    }  # fmt: skip


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
    layouts = {"channels_last": rounds(2), "contiguous": rounds(3)}
    found = comparison.memory(own, peers, comparison.compare(rounds(1), layouts))
    assert (found["peak_mib"], found["loaded_mib"]) == (300.0, 100.0)
    assert (found["peer_peak_mib"], found["peer_loaded_mib"]) == (200.0, 60.0)
    assert found["memory_ratio"] == 1.5
    assert found["peer_layouts"]["channels_last"]["peak_mib"] == 400.0
    alone = comparison.memory(own, {}, comparison.compare(rounds(1), {}))
    assert alone["memory_ratio"] is None and alone["peer_peak_mib"] is None
    # Systems that do not tell.
    unknown = {"contiguous": Answers(peak_mib=None, loaded_mib=None)}
    compared = comparison.compare(rounds(1), {"contiguous": rounds(2)})
    found = comparison.memory(own, unknown, compared)
    assert found["memory_ratio"] is None and found["peak_mib"] == 300.0


def test_different_networks_are_refused():
    def facts(generator, discriminator):
        tensors = {"generator": generator, "discriminator": discriminator}
        return {"parameters": {k: sum(v) for k, v in tensors.items()}, "tensors": tensors}

    assert comparison.check_alike(facts([1, 9], [5]), facts([1, 9], [5])) is None
    with pytest.raises(WorkerError, match="10.* parameters here, .*11.* in PyTorch"):
        comparison.check_alike(facts([1, 9], [5]), facts([2, 9], [5]))
    with pytest.raises(WorkerError, match="layers of generator have other sizes"):
        comparison.check_alike(facts([1, 9], [5]), facts([4, 6], [5]))
    same = facts([1, 9], [5])
    with pytest.raises(WorkerError, match="takes 4 images here and 8 in PyTorch"):
        comparison.check_alike({**same, "images_per_step": 4}, {**same, "images_per_step": 8})


def test_the_table_leaves_out_what_was_not_measured():
    text = speed.table([{"precision": "float32", "images_per_s": 12.4, "ratio": None}])
    assert text.splitlines() == ["| precision | images/s |", "|---|---|", "| float32 | 12 |"]


def test_slow_rates_keep_their_digits():
    text = speed.table([{"images_per_s": 0.7123, "peer_images_per_s": 65.2, "memory_ratio": 0.9}])
    assert text.splitlines()[-1] == "| 0.71 | 65 | 0.90 |"


def test_the_title_names_what_a_game_has():
    shared = {"threads": 2, "versions": {"a": "1", "b": "2"}}
    said = speed.title({"game": "pix2pix", **speed.GAMES["pix2pix"], **shared})
    assert said == "pix2pix, size 256, width 64, batch 1, 2 threads; a 1, b 2"


def test_disturbances_are_named():
    assert comparison.warnings_about({"others_share": 0.01, "idle_share": 0.0}) == []
    said = comparison.warnings_about({"others_share": 0.5, "idle_share": 0.3})
    assert "50%" in said[0] and "30%" in said[1]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ("wgan_gp --kernel 4", "5x5"),
        ("dcgan --kernel 3", "must be 4 or 5"),
        ("dcgan --size 20", "a power of 2, 16 or more"),
        ("srresnet --size 18", "for srresnet it must be a multiple of 4, 32 or more"),
        ("sngan --size 64", "the networks of sngan are measured at 32"),
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


def test_the_peer_is_at_its_best_unless_a_user_says_otherwise():
    assert speed.parse(["dcgan"]).peer_adam == "fused"
    assert speed.parse(["dcgan", "--peer-adam", "default"]).peer_adam == "default"
    assert speed.parse(["dcgan"]).peer_layout == "best"


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
            "versions": {"python": "3"},
            "others_share": 0.0,
            "idle_share": 0.0,
        }

    monkeypatch.setattr(speed, "measure", measure)
    assert speed.main(["--games", "pix2pix", "dcgan", "--precision", "float32"]) == 2
    said = capsys.readouterr()
    assert "pix2pix, float32: not measured: it broke" in said.err
    assert "| float32 | 7.00 |" in said.out and said.out.startswith("dcgan, size 64")


def test_results_go_to_a_file_of_this_machine(tmp_path, capsys, monkeypatch):
    file, rate = tmp_path / "machine.json", iter([1.0, 2.0, 3.0])

    def measure(options, game, precision):
        return {
            **speed.GAMES[game], "game": game, "precision": precision, "images_per_s": next(rate),
            "threads": 2, "versions": {"tensorflow": "2.21.0", "keras": "3.0"}, "others_share": 0.0,
            "idle_share": 0.0, "fit_overhead": 0.0, "rounds": options.rounds,
        }  # fmt: skip

    monkeypatch.setattr(speed, "measure", measure)
    words = ["dcgan", "--output", str(file), "--rounds", "3"]
    assert speed.main(words) == 0
    content = json.loads(file.read_text("utf-8"))
    assert content["machine"] == records.machine() and content["machine"]["cores"] >= 1
    assert [(r["precision"], r["images_per_s"], r["rounds"]) for r in content["results"]] == [
        ("float32", 1.0, 3), ("bfloat16", 2.0, 3)
    ]  # fmt: skip
    assert all(r["date"].endswith("+00:00") and r["usable_cores"] for r in content["results"])
    # Measured again: the older result is replaced, the other one stays.
    assert speed.main([*words, "--precision", "float32"]) == 0
    again = json.loads(file.read_text("utf-8"))["results"]
    assert [r["images_per_s"] for r in again] == [2.0, 3.0]
    capsys.readouterr()

    # Refused before anything is measured.
    content["machine"]["cores"] += 1
    file.write_text(json.dumps(content), "utf-8")
    for output, reason in ((file, "this machine is"), (tmp_path / "no" / "x.json", "is no folder")):
        assert speed.main(["dcgan", "--output", str(output)]) == 2
        assert reason in capsys.readouterr().err
    file.write_text("[]", "utf-8")
    assert speed.main(["dcgan", "--output", str(file)]) == 2
    assert "measure again with speed.py --output" in capsys.readouterr().err
