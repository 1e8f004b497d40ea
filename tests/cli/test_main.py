"""The command line: bad input, typos, and what starts without TensorFlow."""

import subprocess
import sys

import pytest

import tfgan_suite
from tfgan_suite.cli.main import COMMANDS, main


@pytest.mark.parametrize(
    "words, said",
    [
        (["sample", "nowhere"], "nowhere does not exist"),
        (["sample", "."], "no export"),
        (["sample", "{run}", "--count", "0"], "--count is 0"),
        (["sample", "{run}", "--out", "/proc/a.png"], "cannot write"),
        (["export", "nowhere"], "not a run folder"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(
    tiny_run, tmp_path, monkeypatch, capsys, words, said
):
    monkeypatch.chdir(tmp_path)
    assert main([word.format(run=tiny_run / "run") for word in words]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    assert reason.startswith(f"tfgan_suite {words[0]}: ") and said in reason


@pytest.mark.parametrize(
    "words, reason",
    [
        ([], "required: COMMAND"),
        (["smaple", "runs/a"], "invalid choice: 'smaple'; it must be one of list, sample, "),
        (["smaple", "runs/a"], "did you mean sample?"),
        (["--versoin"], "did you mean --version?"),
        (["list", "--jsno"], "unrecognized arguments: --jsno; did you mean --json?"),
        (["sample", "runs/a", "--cuont", "3"], "did you mean --count?"),
        (["sample", "runs/a", "-count", "3"], "did you mean --count?"),
        (["sample", "runs/a", "--cou", "3"], "unrecognized arguments: --cou 3"),
        (["sample", "runs/a", "count=3"], "did you mean --count?"),
        (["translate", "a", "b", "c", "--bit_depth", "9"], "did you mean --bit-depth?"),
        (["translate", "a", "b", "c", "--direction", "btoa"], "AtoB, BtoA; did you mean BtoA?"),
        (["measure", "runs/a", "--agianst", "shapes"], "did you mean --against?"),
        (["study", "a", "b", "--pairing", "name"], "did you mean names?"),
        (["sample", "runs/a", "--count", "three"], "'three'; expected a whole number"),
        (["export", "runs/a", "--int8-bound", "high"], "'high'; expected a number"),
        (["sample"], "required: source"),
    ],
)
def test_a_typo_is_an_error(capsys, words, reason):
    with pytest.raises(SystemExit) as end:
        main(words)
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and reason in line and line.startswith("python -m tfgan_suite")


@pytest.mark.parametrize(
    "words, reason",
    [
        (["sample", ""], "source is empty"),
        (["translate", "runs/a", "", "out"], "input is empty"),
        (["study", "a", "", "--out", "b.html"], "folders is empty"),
        (["stylize", "runs/a", "b", "c", "d", "--alpha", "nan"], "alpha is nan"),
        (["export", "runs/a", "--float16-bound", "inf"], "float16-bound is inf"),
        (["export", "runs/a", "--int8-bound=-inf"], "int8-bound is -inf"),
    ],
)
def test_empty_texts_and_numbers_that_are_none_are_refused(capsys, words, reason):
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tfgan_suite {words[0]}: {reason}")


@pytest.mark.parametrize("name", [*COMMANDS, "measure sr", "measure lipsync", "measure dubbing"])
def test_every_command_has_help_and_json(capsys, name):
    with pytest.raises(SystemExit) as end:
        main([*name.split(), "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "--json" in text
    assert text.startswith(f"usage: python -m tfgan_suite {name.replace('measure-', 'measure ')} ")


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"tfgan_suite {tfgan_suite.__version__}\n"


def test_list_and_help_do_not_import_tensorflow():
    """All commands in one process: none imports what takes seconds."""
    program = """
import contextlib, sys
import tfgan_suite
from tfgan_suite.cli.main import COMMANDS, main
for words in [["list"], ["--help"], ["smaple"], *([name, "--help"] for name in COMMANDS)]:
    with contextlib.suppress(SystemExit):
        main(words)
print(sorted({"tensorflow", "keras", "numpy", "PIL"} & set(sys.modules)), file=sys.stderr)
"""
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert process.stdout and process.stderr.splitlines()[-1] == "[]"


def test_the_suite_s_parts_are_reachable_and_listed_without_being_imported():
    program = """
import sys, tfgan_suite
names = set(dir(tfgan_suite))
assert {"games", "data", "export", "measures", "AdversarialModel", "InputError"} <= names
assert not {"os", "sys", "annotations", "TYPE_CHECKING", "Any"} & names
assert "dcgan" in dir(tfgan_suite.games) and "train" not in dir(tfgan_suite.games)
assert tfgan_suite.cli.__name__ == "tfgan_suite.cli"
try:
    tfgan_suite.gamse
except AttributeError as error:
    print(error)
print("tensorflow" in sys.modules)
"""
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "did you mean games?" in process.stdout and process.stdout.endswith("False\n")
