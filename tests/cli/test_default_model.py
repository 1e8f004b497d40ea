"""Models that go by their name, and the one that a command uses where none is written."""

import pytest

from tfgan_suite.cli import default_model
from tfgan_suite.cli.main import main, parser
from tfgan_suite.utils import zoo


@pytest.mark.parametrize(
    "words, paths",
    [
        ("a b", ["a", "b"]),
        ("--tile 4 a --json b", ["a", "b"]),
        ("a --tile=4 b --overlap 2", ["a", "b"]),
        ("a -- --tile b", ["a", "--tile", "b"]),
        ("a --unknown b", ["a", "b"]),
    ],
)
def test_words_that_belong_to_no_flag(words, paths):
    assert default_model.positionals(parser("upscale"), words.split()) == paths


@pytest.mark.parametrize("words", ["a.png b.png", "a.png --tile 64 b.png", "--tile 64 a.png b.png"])
def test_the_single_model_that_serves_is_filled_in(monkeypatch, words):
    monkeypatch.setattr(zoo, "default", {"upscale": "larger"}.get)
    upscale = parser("upscale")
    args = upscale.parse_args(default_model.complete(upscale, "upscale", words.split()))
    assert (args.source, args.input, args.output) == ("larger", "a.png", "b.png")
    full = ["runs/x", *words.split()]
    assert default_model.complete(upscale, "upscale", full) == full


def test_a_model_without_output_is_no_input_of_another(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(zoo, "default", lambda command: "larger")
    (tmp_path / "run.json").touch()
    for source in (str(tmp_path), "dcgan_shapes", "a.tflite"):
        with pytest.raises(SystemExit) as end:
            main(["upscale", source, "photo.png"])
        assert end.value.code == 2 and "required: output" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, models, reason",
    [
        ("sample", ["a", "b"], "a model's name, such as a, b (--help"),
        ("sample --count 3", [], "required: source; expected a run"),
        (
            "translate x.png y.png",
            ["a", "b"],
            "output, or source before x.png: a run, an export or a model's name, such as a, b",
        ),
    ],
)
def test_of_several_models_the_user_chooses(monkeypatch, capsys, words, models, reason):
    monkeypatch.setattr(zoo, "default", lambda command: None)
    monkeypatch.setattr(zoo, "names", lambda command: models)
    with pytest.raises(SystemExit) as end:
        main(words.split())
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and reason in line


@pytest.mark.parametrize(
    "served, chosen",
    [
        ({}, None),
        ({"a": None}, "a"),
        ({"a": None, "b": None}, None),
        ({"a": None, "b": True, "c": False}, "b"),
        ({"a": True, "b": True}, None),
    ],
)
def test_a_command_has_one_default_or_none(monkeypatch, served, chosen):
    others = {"path": None, "about": "", "data": "", "licence": "", "rebuild": ()}
    models = [zoo.Entry(name, "upscale", default=mark, **others) for name, mark in served.items()]
    monkeypatch.setattr(zoo, "entries", lambda: [*models, zoo.Entry("z", "sample", **others)])
    assert zoo.default("upscale") == chosen


def test_list_shows_the_models(capsys):
    assert main(["list", "--models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["MODEL", "ABOUT"]
    assert [line.split()[0] for line in lines[1:]] == zoo.names()
    assert max(map(len, lines)) <= 100
