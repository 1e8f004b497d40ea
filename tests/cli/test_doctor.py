"""The command `doctor`."""

import json

from tfgan_suite.cli import doctor
from tfgan_suite.cli.main import main
from tfgan_suite.games import dcgan


def test_doctor_finds_that_training_works(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "SECONDS", 0.1)
    monkeypatch.setattr(
        doctor, "OPTIONAL", (("no_such_module", "litert", "nothing can be compared"),)
    )
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["training"]["ok"] is True and report["training"]["images_per_s"] > 0
    assert report["missing"] == [
        {"module": "no_such_module", "extra": "litert", "cost": "nothing can be compared"}
    ]
    text = doctor.format_report(report)
    assert "nothing can be compared (pip install -e '.[litert]')" in text
    assert report["versions"]["tensorflow"] in text


def test_doctor_says_when_training_fails(monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("no kernel for this device")

    monkeypatch.setattr(dcgan, "build_generator", broken)
    assert main(["doctor"]) == 1
    assert "FAILED: RuntimeError: no kernel for this device" in capsys.readouterr().out
