"""Names of exports: checked before training, and not shared by models of different data."""

import json
import re
import types

import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.export import folders
from tfgan_suite.training.naming import check_export_name, default_run, export_name
from tfgan_suite.training.run_folder import DataInfo


@pytest.mark.parametrize(
    "data,name",
    [
        ("fashion-mnist", "dcgan_fashion-mnist"),
        ("Übung", "dcgan_Ubung"),
        ("Weiß Bjørn", "dcgan_Weiss-Bjorn"),
        ("a_b.c", "dcgan_a_b.c"),
        ("\udcff1", "dcgan_1"),
    ],
)
def test_names_of_data_become_latin(data, name):
    assert folders.model_name("dcgan", data) == name


def test_names_without_latin_letters_become_a_stable_hash():
    names = {folders.model_name("dcgan", data) for data in ("고양이", "강아지", "猫", "\udcff")}
    assert len(names) == 4 and all(re.fullmatch("dcgan_[0-9a-f]{8}", name) for name in names)
    # As one code point or as two: the same name.
    assert folders.model_name("g", "ガ") == folders.model_name("g", "カ\u3099")
    for recipe in ("1gan", "gän", "猫"):
        folders.check_name(folders.model_name(recipe, "x" * 300))


def info(fingerprint):
    return DataInfo("photos", (8, 8, 3), fingerprint=fingerprint)


def test_models_of_other_data_need_a_name(tmp_path, capsys):
    options = types.SimpleNamespace(export=str(tmp_path), name=None)
    assert check_export_name(options, "dcgan", info("aa11")) == "dcgan_photos"
    version = tmp_path / "dcgan_photos" / "3"
    version.mkdir(parents=True)
    card = version / "card.json"
    for content in ("", "[]", "{}", '{"fingerprint": null}'):  # cards of older versions, and none
        card.write_text(content)
        assert check_export_name(options, "dcgan", info("aa11")) == "dcgan_photos"
    card.write_text(json.dumps({"fingerprint": "aa11"}))
    assert check_export_name(options, "dcgan", info("aa11")) == "dcgan_photos"
    with pytest.raises(InputError, match="other data.*its version 4.*--name dcgan_photos-bb22"):
        check_export_name(options, "dcgan", info("bb22"))
    assert capsys.readouterr().out == ""
    options.name = "dcgan_photos"
    assert check_export_name(options, "dcgan", info("bb22")) == "dcgan_photos"
    assert "becomes version 4" in capsys.readouterr().out
    options.name = "ü"
    with pytest.raises(InputError, match="expected a letter"):
        check_export_name(options, "dcgan", info("bb22"))


def test_runs_from_before_have_no_name():
    options = types.SimpleNamespace(export="x")
    assert export_name(options, "dcgan", info("")) == "dcgan_photos"


@pytest.mark.parametrize(
    "name",
    ["a/b", "../a", ".", "..", "a b", " a", "a.", "-a", "", "a" * 129, "a" * 300, "1a", "a\0",
     "a\n", "CON", "nul", "Aux.1", "COM1", "lpt9.x.y", "ü", "a\\b", "a:b", "a*"],
)  # fmt: skip
def test_names_that_no_export_can_bear(name):
    with pytest.raises(InputError, match="cannot be used") as error:
        folders.check_name(name)
    assert "\n" not in str(error.value)


def test_names_that_only_look_reserved():
    for name in ("console", "com", "nullify.1", "a.con", "a" * 128):
        folders.check_name(name)


def test_long_names_are_cut_and_stay_different():
    names = [folders.model_name("dcgan", "a" * 300 + end) for end in "bc"]
    assert len({*names}) == 2 and all(len(name) == 128 for name in names)
    runs = [default_run("dcgan", "한" * 90 + end) for end in "bc"]
    assert len({*runs}) == 2 and all(len(run.encode()) <= 205 for run in runs)
    assert runs[0].startswith("runs/dcgan_한한") and default_run("gan", "x") == "runs/gan_x"
    for name in names:
        folders.check_name(name)
    folders.check_name(folders.model_name("dcgan", "a" * 121 + "." * 3 + "b" * 30))


def test_names_that_differ_by_case_only(tmp_path, capsys):
    options = types.SimpleNamespace(export=str(tmp_path), name=None)
    (tmp_path / "dcgan_Photos").mkdir()
    if (tmp_path / "dcgan_photos").exists():
        pytest.skip("this file system does not tell them apart")
    with pytest.raises(InputError, match="holds dcgan_Photos, which macOS and Windows"):
        check_export_name(options, "dcgan", info("aa11"))
    options.name = "dcgan_photos"
    assert check_export_name(options, "dcgan", info("aa11")) == "dcgan_photos"
    assert "holds dcgan_Photos too" in capsys.readouterr().out
    (tmp_path / "dcgan_photos").mkdir()
    options.name = None
    assert check_export_name(options, "dcgan", info("aa11")) == "dcgan_photos"
