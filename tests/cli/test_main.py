"""The command line: bad input, typos, and what starts without TensorFlow."""

import subprocess
import sys

import pytest

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
        (["smaple", "runs/a"], "invalid choice: 'smaple'"),
        (["list", "--jsno"], "unrecognized arguments: --jsno"),
        (["sample", "runs/a", "--cuont", "3"], "unrecognized arguments: --cuont 3"),
        (["sample", "runs/a", "--count", "three"], "invalid int value: 'three'"),
        (["sample"], "required: source"),
    ],
)
def test_a_typo_is_an_error(capsys, words, reason):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2 and reason in capsys.readouterr().err


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


@pytest.mark.parametrize("name", [*COMMANDS, "measure sr"])
def test_every_command_has_help_and_json(capsys, name):
    with pytest.raises(SystemExit) as end:
        main([*name.split(), "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "--json" in text
    assert text.startswith(f"usage: python -m tfgan_suite {name.replace('-sr', ' sr')} ")


@pytest.mark.parametrize("words", [["--help"], ["list"], ["export", "--help"]])
def test_list_and_help_do_not_import_tensorflow(words):
    program = """
import sys
from tfgan_suite.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(sorted({"tensorflow", "keras", "numpy"} & set(sys.modules)), file=sys.stderr)
"""
    process = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    assert process.stdout and process.stderr.strip() == "[]"
