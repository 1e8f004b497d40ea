"""The command `export`."""

import json
import shutil

import numpy as np
import pytest

from tfgan_suite.cli.main import main
from tfgan_suite.export import load
from tfgan_suite.games.dcgan import DCGAN
from tfgan_suite.inference.generator import open_generator
from tfgan_suite.training import publish
from tfgan_suite.training.run_folder import Run


def test_export_counts_the_version_up(tiny_run, tmp_path, capsys):
    target = tmp_path / "again"
    shutil.copytree(tiny_run / "exports", target)
    assert main(["export", str(tiny_run / "run"), "--to", str(target), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["version"] == 2
    exported = load(said["path"])
    assert exported.card["steps"] == 2 and exported.sample(1).shape == (1, 8, 8, 1)


def test_a_format_over_its_bound_is_left_out_and_said(tiny_run, tmp_path, capsys):
    words = ["export", str(tiny_run / "run"), "--to", str(tmp_path), "--float16-bound", "1e-9"]
    assert main([*words, "--json"]) == 4
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(said["left_out"]) == ["tflite_float16"]
    assert "over the bound 1e-09" in said["left_out"]["tflite_float16"]
    files = sorted(p.name for p in (tmp_path / said["path"] / "tflite").iterdir())
    assert files == ["float32.tflite", "int8.tflite"]


@pytest.mark.parametrize("kinds, names", [("none", []), ("float16", ["float16.tflite"])])
def test_only_the_tflite_files_asked_for_are_written(tiny_run, tmp_path, capsys, kinds, names):
    words = ["export", str(tiny_run / "run"), "--to", str(tmp_path), "--tflite", kinds, "--json"]
    assert main(words) == 0
    path = tmp_path / json.loads(capsys.readouterr().out.splitlines()[-1])["path"]
    assert sorted(file.name for file in path.rglob("*.tflite")) == names
    assert load(path).card["measured"] == publish.measured_at(Run(tiny_run / "run"), 2)
    assert load(path).sample(1).shape == (1, 8, 8, 1)


def test_an_unknown_kind_of_tflite_file_is_refused(tiny_run, capsys):
    assert main(["export", str(tiny_run / "run"), "--tflite", "float16,flot32"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "float32, float16, int8, none; did you mean float32?" in line


def test_the_card_has_what_was_last_read_of_the_step(tiny_run, tmp_path, capsys):
    run = Run(shutil.copytree(tiny_run / "run", tmp_path / "run"))
    path = run.folder / "measures.jsonl"
    lines = [(1, 0.1), (2, 0.2), (2, 0.3), (3, 0.4)]
    entries = ({"step": step, "seed": 1, "samples": 9, "share": share} for step, share in lines)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert publish.measured_at(run, 2) == {"share": 0.3} and publish.measured_at(run, 4) == {}
    path.write_text("[]\n")
    assert publish.measured_at(run, 2) == {}
    assert "measures.jsonl" in capsys.readouterr().out
    path.unlink()
    assert publish.measured_at(run, 2) == {}


def test_the_discriminator_goes_along_on_request(tiny_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(DCGAN, "export_formats", ("saved_model",))
    run, target = str(tiny_run / "run"), str(tmp_path / "exports")
    assert main(["export", run, "--to", target, "--with-discriminator", "--json"]) == 0
    path = json.loads(capsys.readouterr().out.splitlines()[-1])["path"]
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("f4")
    exported, trained = open_generator(path), open_generator(run)
    for name in ("score", "features"):
        ours, theirs = (
            opened.run_signature({"image": images}, name) for opened in (exported, trained)
        )
        assert list(ours) == list(theirs) == ["score" if name == "score" else "features_0"]
        np.testing.assert_allclose(*(next(iter(a.values())) for a in (ours, theirs)), atol=1e-5)
    logits = trained.game.discriminator(images, training=False)
    np.testing.assert_allclose(
        trained.run_signature({"image": images}, "score")["score"], logits[:, 0], atol=1e-5
    )
    assert {"score", "features"} <= set(exported.signatures) and "png" in exported.signatures
    assert not list((tmp_path / "exports").rglob("score*"))  # no TFLite file of it


def test_a_game_without_a_discriminator_to_export_is_refused(tiny_run, monkeypatch, capsys):
    monkeypatch.setattr(DCGAN, "discriminator_signatures", lambda game: {})
    assert main(["export", str(tiny_run / "run"), "--with-discriminator"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "discriminator cannot be exported" in line and "recipes/dcgan.py" in line
