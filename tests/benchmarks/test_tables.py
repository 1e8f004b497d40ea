"""benchmarks/tables.py: the table of stored results, and the page that it rewrites."""

import copy
import json
import pathlib

import pytest
import records
import speed
import tables

from tfgan_suite.errors import InputError

EXAMPLE = pathlib.Path(__file__).with_name("two_stacks.json")
HEADER = (
    "| game | stack | precision | images/s | PyTorch images/s | ratio | CPU ratio"
    " | `fit` overhead |"
)
ROWS = """\
| DCGAN, PyTorch's default Adam | TensorFlow 2.15, Keras 2 | float32 | 62 | 54\
 | 1.15 (1.14 to 1.16) | 1.10 (1.00 to 1.10) | -0.6% (-2.0% to +0.0%) |
| DCGAN | TensorFlow 2.21, Keras 3 | float32 | 65 | 57\
 | 1.13 (1.10 to 1.20) | 1.09 (1.00 to 1.10) | +0.4% (-0.1% to +1.1%) |
| pix2pix | TensorFlow 2.21, Keras 3 | float32 | 1.08 | -\
 | - | - | +1.0% (+1.0% to +1.0%) |
| pix2pix | TensorFlow 2.21, Keras 3 | bfloat16 | 2.07 | 1.28\
 | 1.62 (1.50 to 1.70) | 1.60 (1.50 to 1.70) | -5.6% (-10.0% to +2.0%) |"""


def test_rows_are_ordered_by_game_stack_and_precision(capsys):
    assert tables.main([str(EXAMPLE)]) == 0
    header, line, *rows = capsys.readouterr().out.splitlines()
    assert (header, line) == (HEADER, "|" + "---|" * 8)
    assert rows == ROWS.splitlines()


def test_every_game_of_the_benchmark_has_a_title():
    assert set(tables.TITLES) == set(speed.GAMES)


def test_the_latest_of_several_files_counts():
    first = records.read(EXAMPLE)
    second = copy.deepcopy(first)
    second["results"] = second["results"][2:3]
    second["results"][0].update(images_per_s=70.0, date="2026-02-01T00:00:00+00:00")
    for files in ([first, second], [second, first]):
        assert "| float32 | 70 | 57 |" in tables.table(files)
        assert len(tables.table(files).splitlines()) == 6
    # Another setting is another row, another machine a column.
    second["results"][0]["batch"] = 128
    assert len(tables.table([first, second]).splitlines()) == 7
    second["machine"]["cores"] = 64
    lines = tables.table([first, second]).splitlines()
    assert lines[0] == f"| machine {HEADER}" and len(lines) == 7
    assert lines[2].startswith("| Example CPU, 2 cores | DCGAN")
    assert lines[6].startswith("| Example CPU, 64 cores | DCGAN | TensorFlow 2.21")


def test_a_page_gets_the_table_and_keeps_the_rest(tmp_path):
    page = tmp_path / "speed.md"
    page.write_text(
        "# Speed\n\nBefore.\n\n| game | stack | old |\n|---|---|---|\n| x | y | z |\n\n"
        "| other | table |\n|---|---|\n| 1 | 2 |\n", "utf-8"
    )  # fmt: skip
    assert tables.main([str(EXAMPLE), "--write", str(page)]) == 0
    text = page.read_text("utf-8")
    assert text.startswith(f"# Speed\n\nBefore.\n\n{HEADER}\n|---")
    assert text.endswith(f"{ROWS}\n\n| other | table |\n|---|---|\n| 1 | 2 |\n")
    assert tables.main([str(EXAMPLE), "--write", str(page)]) == 0
    assert page.read_text("utf-8") == text


def test_the_page_of_speeds_has_the_table():
    page = pathlib.Path(tables.HERE.parent / "docs" / "speed.md").read_text("utf-8")
    lines = tables.rewritten(page, "NEW").splitlines()
    assert lines.count("NEW") == 1 and "## Enlarging" in lines
    assert not any("| TensorFlow 2" in line for line in lines)


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda content: content.pop("machine"), "machine is missing"),
        (lambda content: content["results"][0].pop("ratio_range"), ""),
        (lambda content: content["results"][0].update(images_per_s="fast"), "images_per_s is"),
        (lambda content: content["results"][0]["versions"].update(tensorflow="x"), "'x'"),
    ],
)
def test_damaged_files_are_refused(change, reason, tmp_path, capsys):
    content = json.loads(EXAMPLE.read_text("utf-8"))
    change(content)
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(content), "utf-8")
    assert tables.main([str(file)]) == (2 if reason else 0)
    assert reason in capsys.readouterr().err


def test_a_page_without_the_table_is_refused(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# No table\n", "utf-8")
    assert tables.main([str(EXAMPLE), "--write", str(page)]) == 2
    assert "0 tables" in capsys.readouterr().err and page.read_text("utf-8") == "# No table\n"
    assert tables.main([str(EXAMPLE), "--write", str(tmp_path / "missing.md")]) == 2
    with pytest.raises(InputError, match="2 tables"):
        tables.rewritten("| game | stack |\n\n| game | stack |\n", "x")
