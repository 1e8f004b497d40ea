"""One place reads JSON from disk; what is wrong with a file is one line that names it."""

import json
import os

import pytest

from tfgan_suite.errors import InputError
from tfgan_suite.utils import json_files
from tfgan_suite.utils.json_files import COUNT, Maybe, Number

ADVICE = "export again"
SCHEMA = {
    "name": str,
    "steps": COUNT,
    "rate": Number(float, 0, 1),
    "shape": [Maybe(Number(int, 1, 100))],
    "classes": Maybe([str]),
    "functions": {str: {"kind": str}},
    "flag": (bool, str),
}
CONTENT = {
    "name": "dcgan",
    "steps": 5,
    "rate": 0.5,
    "shape": [28, None, 1],
    "functions": {"png": {"kind": "file", "more": [1]}},
    "flag": True,
    "unknown": {"kept": 1},
}
BYTES = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "is empty"),
    "cut": (b'{"name": "dc', "is damaged"),
    "binary": (b"\xff\xfe\x00{", "is damaged"),
    "deep": (b"[" * 10_000 + b"]" * 10_000, "(levels deep|recursion|damaged)"),
    "deeper": (b'{"a":' * 100_000, "is damaged"),
    "many digits": (b'{"steps": 1' + b"0" * 5000 + b"}", "is damaged"),
    "surrogate": (b'{"name": "\\ud800"}', "not valid Unicode"),
    "surrogate key": (b'{"\\udfff": 1}', "not valid Unicode"),
    "list": (b"[]", "its content is a list, expected an object"),
    "null": (b"null", "its content is null, expected an object"),
}
VALUES = {
    "name": (7, "name is 7, expected text"),
    "steps": (-1, "steps is -1, expected an integer of at least 0"),
    "rate": (float("nan"), "rate is NaN, expected a number of at least 0 and at most 1"),
    "shape": ([28, 10**400, 1], r"shape\[1\] is 10+\.\.\., expected an integer"),
    "classes": ([None], r"classes\[0\] is null, expected text"),
    "functions": ({"png": {"kind": []}}, "functions.png.kind is a list, expected text"),
    "flag": (1, "flag is 1, expected true or false or text"),
}


def read(path):
    return json_files.read_json(path, SCHEMA, advice=ADVICE)


def test_a_sound_file_is_read_whole(tmp_path):
    path = tmp_path / "card.json"
    path.write_text(json.dumps(CONTENT))
    assert read(path) == CONTENT


@pytest.mark.parametrize("case", BYTES)
def test_damaged_bytes_are_one_line_with_name_and_advice(tmp_path, case):
    content, reason = BYTES[case]
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message and message.endswith(ADVICE)
    assert "\n" not in message and len(message) < 400


@pytest.mark.parametrize("key", VALUES)
def test_a_wrong_value_is_named_and_so_is_a_missing_one(tmp_path, key):
    value, reason = VALUES[key]
    path = tmp_path / "card.json"
    path.write_text(json.dumps({**CONTENT, key: value}))
    with pytest.raises(InputError, match=reason):
        read(path)
    path.write_text(json.dumps({k: v for k, v in CONTENT.items() if k != key}))
    if key == "classes":
        assert "classes" not in read(path)
    else:
        with pytest.raises(InputError, match=f"{key} is missing"):
            read(path)


def test_what_is_not_a_file_is_named_at_once(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "absent.json")
    with pytest.raises(InputError, match="(is a folder|cannot be read)"):
        read(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read("card\0.json")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(InputError, match="named pipe, not a file"):
            read(tmp_path / "fifo")


def test_lines_are_checked_one_by_one_and_a_cut_last_line_may_be_left_out(tmp_path):
    path = tmp_path / "losses.jsonl"
    path.write_text('{"step": 1}\n\n{"step": 2}\n{"st')
    lines = json_files.read_json_lines(path, {"step": COUNT}, advice=ADVICE, unfinished=True)
    assert lines == [{"step": 1}, {"step": 2}]
    with pytest.raises(InputError, match=r"losses.jsonl \(line 4\) is damaged"):
        json_files.read_json_lines(path, {"step": COUNT}, advice=ADVICE)
    path.write_text('{"step": 1}\n{"step": null}\n{"step": 3}')
    with pytest.raises(InputError, match=r"line 2\) is damaged: step is null"):
        json_files.read_json_lines(path, {"step": COUNT}, advice=ADVICE, unfinished=True)
