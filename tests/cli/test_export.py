"""The command `export`."""

import json
import shutil

from tfgan_suite.cli.main import main
from tfgan_suite.export import load


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
