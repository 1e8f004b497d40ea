"""Each lecture has commands that its programs accept, and figures that other pages source."""

import re

import pytest
from pages import ROOT, commands, refusal, run_folder

PAGE = (ROOT / "docs/lectures.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)+)", PAGE, re.MULTILINE))
# What the lectures treat, in their order: a word of each heading.
TOPICS = """
value function; optimum; copy; guidelines; walks; features; forgetting; conditions; squared error;
checkerboards; matching-aware; boxes; stages; l1; u-net; pairs; cycles; history; gram; adain;
growth; styles; lip-sync; earth mover; metropolis; inpainting; manifold; judge
"""


def test_the_lectures_are_there_in_their_order():
    topics = [" ".join(topic.split()) for topic in TOPICS.split(";")]
    assert len(SECTIONS) == len(topics)
    for topic, heading in zip(topics, SECTIONS):
        assert topic in heading.lower()


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_lecture_has_commands_that_run(heading):
    lines = commands(SECTIONS[heading])
    assert lines and {line: refusal(*line) for line in lines if refusal(*line)} == {}


def test_the_runs_that_lectures_use_are_made_on_the_page():
    lines = commands(PAGE)
    used = {word for line in lines for word in line[1:] if word.startswith("runs/")}
    made = {run_folder(line) for line in lines if line[0].startswith("recipes/")}
    assert len(used) >= 10 and sorted(used - made) == []


def test_no_variant_is_exported_under_a_name_that_the_page_opens():
    """An export's name is by default that of the recipe and its data, whatever `--run` says."""
    lines = commands(PAGE)
    opened = {line[2] for line in lines if line[0] == "tfgan_suite"}
    for line in lines:
        if "--run" in line and not {"--export", "--name"} & {*line}:
            plain = line[: line.index("--run")]
            assert run_folder(plain).rpartition("/")[2] not in opened, " ".join(line)


def test_the_figures_of_lectures_are_those_of_other_pages():
    """A figure is measured once: its number stands in another page, or in the recipe's head."""
    pages = [path for path in (ROOT / "docs").glob("*.md") if path.name != "lectures.md"]
    pages += (ROOT / "recipes").glob("*.py")
    elsewhere = " ".join(path.read_text("utf-8") for path in pages)
    for heading, text in SECTIONS.items():
        for figures in re.findall(
            r"(?:^|\. )(?:Figure|Time)[^:]*:((?:.+\n?)+)", text, re.MULTILINE
        ):
            for number in re.findall(r"(?<![\w.])-?\d+(?:[.:]\d+)+(?!\w)", figures):
                assert number in elsewhere, f"{heading}: {number}"
