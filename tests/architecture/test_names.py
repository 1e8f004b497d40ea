"""Names say what a thing is: vague words stay below 1% of all bindings."""

import ast
import pathlib

import names

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "tfgan_suite"


def test_fewer_than_one_name_in_a_hundred_is_vague():
    total, by_name, by_file = names.count(PACKAGE)
    share = sum(by_name.values()) / total
    assert total > 10_000
    assert share < names.MOST, (
        f"{share:.2%} of {total} bindings are vague, at most {names.MOST:.0%} may be; rename the"
        f" most frequent ones, {by_name.most_common(5)}, for example in {by_file.most_common(3)}"
    )


def test_there_are_35_words_in_plain_form():
    assert len(names.WORDS) == 35
    assert all(word.isalpha() and word.islower() for word in names.WORDS)


def test_each_kind_of_binding_is_counted(tmp_path):
    text = (
        "import found\n"
        "found = 1\n"
        "for made, (told, size) in given: pass\n"
        "def _shown(whole, *rest, one=1, **kept): return held\n"
        "class Place: wanted = 1\n"
        "with open() as drawn: pass\n"
        "x = [left for left in y]\n"
        "held_out = is_known = 2\n"
    )
    expected = "found made told _shown whole rest one kept Place wanted drawn left".split()
    assert sorted(filter(names.is_vague, names.bindings(ast.parse(text)))) == sorted(expected)
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "file.py").write_text(text, "utf-8")
    total, by_name, by_file = names.count(tmp_path)
    assert (total, by_file) == (16, {"room/file.py": 12})
    assert by_name == {name: 1 for name in expected}
