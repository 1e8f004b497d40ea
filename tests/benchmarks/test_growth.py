"""How the cost of a step grows: exponents, tables, and a row of two replicas."""

import growth
import pytest

TINY = "--size 16 --width 4 --batch 2 --rounds 1 --seconds 0.05".split()


def rows(axis, values, milliseconds):
    shared = {"axis": axis, "processor_ms_per_image": 1.0, "peak_mib": 500.0}
    return [
        {**shared, "value": value, "ms_per_step": ms, "images_per_s": 1e3 * 4 / ms}
        for value, ms in zip(values, milliseconds)
    ]


def test_the_exponent_of_a_power_is_that_power():
    powers = growth.exponents(rows("size", (32, 64, 256), (5.0, 20.0, 320.0)))
    assert powers[0] is None and powers[1:] == pytest.approx([2.0, 2.0])
    assert growth.exponents(rows("batch", (1, 4), (7.0, 7.0)))[1] == pytest.approx(0.0)


def test_a_table_has_the_exponents_and_of_replicas_the_gain():
    text = growth.table(rows("width", (16, 32), (10.0, 40.0)))
    assert text.splitlines()[0].startswith("| width | ms a step |")
    assert text.splitlines()[-1] == "| 32 | 40.0 | 100 | 1.00 | 500 | 2.00 |"
    text = growth.table(rows("replicas", (1, 2, growth.RULER), (10.0, 8.0, 5.0)))
    assert [line.split(" | ")[-1] for line in text.splitlines()[2:]] == [
        "1.00 |",
        "1.25 |",
        "2.00 |",
    ]


def test_an_axis_changes_its_own_value_and_replicas_keep_theirs():
    options = growth.parse(TINY)
    assert options.axes == sorted(growth.AXES)
    wide = growth.settings("width", 8, options)
    assert (wide["width"], wide["size"], wide["batch"], wide["threads"]) == (8, 16, 2, 2)
    two = growth.settings("replicas", 2, options)
    assert (two["batch"], two["replicas"], two["threads"], two["cores"]) == (4, 2, 2, 2)


def test_numbers_that_cannot_be_are_refused(capsys):
    with pytest.raises(SystemExit):
        growth.parse(["--batch", "0"])
    assert "--batch is 0; it must be above 0" in capsys.readouterr().err


def test_what_cannot_be_measured_ends_in_a_line(monkeypatch, capsys):
    def fail(*arguments):
        raise growth.WorkerError("no memory")

    monkeypatch.setattr(growth, "row", fail)
    assert growth.main(["--axes", "batch"]) == 2
    assert capsys.readouterr().err == "growth.py: no memory\n"


def test_two_replicas_are_measured():
    options = growth.parse(TINY)
    row = growth.row("replicas", 2, [growth.settings("replicas", 2, options)], options)
    assert row["images_per_s"] == pytest.approx(1e3 * 4 / row["ms_per_step"])
    assert row["spread_ms"][0] <= row["ms_per_step"] <= row["spread_ms"][1]
    assert row["processor_ms_per_image"] > 0 and row["peak_mib"] > 50
