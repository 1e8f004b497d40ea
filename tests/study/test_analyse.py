"""The analysis of simulated raters whose answers are known, and files that are refused."""

import argparse
import json

import pytest
from answering import side, write

from tfgan_suite.cli import study as cli
from tfgan_suite.errors import InputError
from tfgan_suite.study.analyse import analyse

pytest.importorskip("scipy")


def picks_first(key, but=()):
    """Prefers the first folder's image, except in the trials of `but`; passes catch trials."""

    def choose(trial, shown):
        if trial["sure"]:
            return trial["sure"][0]
        sides = {side(key, name): name for name in shown}
        return sides["second" if trial["id"] in but else "first"]

    return choose


def questions(key):
    return [trial for trial in key["trials"] if trial["sure"] is None]


def test_preferences_are_counted(study, tmp_path):
    made, key = study("preference")
    but = {trial["id"] for trial in questions(key)[:3]}
    files = [
        write(tmp_path / "a.json", key, "ann", picks_first(key)),
        write(tmp_path / "b.json", key, "bob", picks_first(key, but)),
    ]
    found = analyse(files, made.key)
    one = found["results"]["first_preferred"]
    assert (one["count"], one["of"], one["share"]) == (17, 20, 0.85)
    # By hand: 17 or more of 20 are 1140 + 190 + 20 + 1 of 2^20 cases.
    assert one["greater"] == pytest.approx(1351 / 2**20)
    assert one["two_sided"] == pytest.approx(2 * 1351 / 2**20)
    assert one["by_rater"] == (0.7, 1.0)
    assert found["results"]["each"]["bob"]["count"] == 7
    left = found["results"]["left_chosen"]
    assert left["of"] == 20 and 0.3 <= left["share"] <= 0.7
    assert found["automated"] == ["ann", "bob"] and found["excluded"] == []
    assert found["first"] == "original" and found["median_seconds"] == pytest.approx(0.9, abs=0.02)


def test_who_misses_catch_trials_is_excluded_and_named(study, tmp_path):
    made, key = study("preference")

    def careless(trial, shown):
        return shown[0] if not trial["sure"] or shown[0] not in trial["sure"] else shown[1]

    files = [
        write(tmp_path / "a.json", key, "ann", picks_first(key)),
        write(tmp_path / "b.json", key, "careless", careless),
    ]
    found = analyse(files, made.key)
    assert found["raters"] == 1
    assert found["excluded"] == [{"rater": "careless", "missed": 2, "catch": 2}]
    assert found["results"]["first_preferred"]["share"] == 1.0
    assert analyse(files, made.key, misses=2)["raters"] == 2
    with pytest.raises(InputError, match="none of 1 raters passes"):
        analyse(files[1:], made.key)


def test_a_turing_test_is_read(study, tmp_path):
    made, key = study("turing")
    fooled = [trial["id"] for trial in questions(key) if side(key, trial["images"][0]) == "second"][
        :2
    ]

    def choose(trial, shown):
        if trial["sure"]:
            return "generated"
        real = side(key, shown[0]) == "first" or trial["id"] in fooled
        return "real" if real else "generated"

    found = analyse([write(tmp_path / "a.json", key, "ann", choose)], made.key)["results"]
    assert found["correct"]["count"] == 8 and found["correct"]["of"] == 10
    assert found["correct"]["greater"] == pytest.approx(56 / 1024)
    assert found["real_judged_real"]["share"] == 1.0
    assert found["generated_judged_real"]["share"] == 0.4
    assert found["correct"]["by_rater"] is None


def test_grades_are_averaged_and_paired_by_image(study, tmp_path):
    made, key = study("mos")

    def rater(low, high):
        def choose(trial, shown):
            if trial["sure"]:
                return 1
            return high if side(key, shown[0]) == "first" else low

        return choose

    files = [
        write(tmp_path / "a.json", key, "ann", rater(2, 4)),
        write(tmp_path / "b.json", key, "bob", rater(2, 5)),
    ]
    found = analyse(files, made.key)["results"]
    assert found["first"]["mean"] == 4.5 and found["second"]["mean"] == 2.0
    assert found["first"]["counts"] == [0, 0, 0, 5, 5]
    assert found["first"]["by_rater"] == (4.0, 5.0)
    low, high = found["first"]["interval"]
    assert 4.1 < low < 4.5 < high < 4.9
    assert found["difference"] == 2.5 and found["difference_by_rater"] == (2.0, 3.0)
    # Five pairs of one sign: p = 2 / 2^5.
    assert found["wilcoxon"]["p"] == pytest.approx(2 / 32)
    assert found["wilcoxon"]["unit"] == "images of one name"
    assert found["each"] == {"ann": [4.0, 2.0], "bob": [5.0, 2.0]}


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda r: r["answers"].pop(), "of 12 answers"),
        (lambda r: r["answers"][3].update(answer=r["answers"][4]["answer"]), "does not offer"),
        (lambda r: r["answers"][3].update(answer=other(r["answers"][3])), "checksum"),
        (lambda r: r["answers"][3].update(ms=10), "took 10 ms"),
        (lambda r: r["answers"][3].update(ms=4000), "checksum"),
        (lambda r: r["answers"][3].update(note="hm"), "other fields"),
        (lambda r: r["answers"].reverse(), "was shown"),
        (lambda r: r["answers"][0]["shown"].reverse(), "was shown"),
        (lambda r: r.update(rater="bob"), "was shown|order"),
        (lambda r: r.update(automated=False), "checksum"),
        (lambda r: r.update(order="0"), "order of questions"),
        (lambda r: r.update(study="0"), "another study"),
        (lambda r: r.update(format="2"), "not a result file"),
        (lambda r: r.pop("check"), "check is missing"),
    ],
)
def test_edited_files_are_refused(study, tmp_path, change, said):
    made, key = study("preference")
    path = write(tmp_path / "a.json", key, "ann", picks_first(key))
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    with pytest.raises(InputError, match=said) as error:
        analyse([path], made.key)
    assert "a.json" in str(error.value)


def other(answer):
    """The image that was not chosen."""
    return next(name for name in answer["shown"] if name != answer["answer"])


@pytest.mark.parametrize("grade", [0, 6, 3.0, True, "3", None])
def test_impossible_grades_are_refused(study, tmp_path, grade):
    made, key = study("mos")
    path = write(tmp_path / "a.json", key, "ann", lambda trial, shown: grade)
    with pytest.raises(InputError, match="does not offer"):
        analyse([path], made.key)


def test_missing_and_foreign_files_are_refused(study, tmp_path):
    made, key = study("preference")
    with pytest.raises(InputError, match="cannot be read"):
        analyse([tmp_path / "none.json"], made.key)
    (tmp_path / "cut.json").write_text('{"format": ')
    with pytest.raises(InputError, match="damaged"):
        analyse([tmp_path / "cut.json"], made.key)
    good = write(tmp_path / "a.json", key, "ann", picks_first(key))
    with pytest.raises(InputError, match="answered twice"):
        analyse([good, good], made.key)
    with pytest.raises(InputError, match="not the key of a study"):
        analyse([good], good)
    with pytest.raises(InputError, match="another study"):
        analyse([good], study("mos")[0].key)
    with pytest.raises(InputError, match="no result files"):
        analyse([])


def command(*words):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return cli.run(parser.parse_args([str(word) for word in words]))


@pytest.mark.parametrize("kind", ["preference", "mos", "turing"])
def test_the_command_from_folders_to_words(folders, tmp_path, monkeypatch, capsys, kind):
    monkeypatch.chdir(tmp_path)
    assert command(*folders, "--kind", kind, "--trials", "6", "--out", "s.html") == 0
    assert "raters must not have it" in capsys.readouterr().out
    key = json.loads((tmp_path / "s.key.json").read_text())

    def choose(trial, shown):
        if trial["sure"]:
            return trial["sure"][0]
        return {"preference": shown[0], "mos": 3, "turing": "real"}[kind]

    files = [write(tmp_path / f"{name}.json", key, name, choose) for name in ("ann", "bob")]
    assert command("--analyse", *files) == 0  # the key lies beside them
    said = capsys.readouterr().out
    assert "NO HUMAN JUDGEMENT: a program answered as ann, bob" in said
    assert {"preference": "50.0%", "mos": "3.00", "turing": "50.0%"}[kind] in said
    assert command("--json", "--key", "s.key.json", "--analyse", *files) == 0
    assert json.loads(capsys.readouterr().out)["raters"] == 2


def test_the_command_refuses_half_a_wish(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="1 folders"):
        command(folders[0])
    with pytest.raises(InputError, match="either"):
        command(*folders, "--analyse", "a.json")
    with pytest.raises(InputError, match="cannot be read"):
        command("--analyse", "a.json")
