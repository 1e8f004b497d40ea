"""Each lecture has commands that its programs accept, and figures that other pages source."""

import re

import pytest
from pages import ROOT, commands, refusal

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


def run_folders(lines):
    """Run folders that the recipes of some commands leave behind, by the flags and the defaults."""
    folders = set()
    for program, *words in lines:
        if program.startswith("recipes/"):
            source = (ROOT / program).read_text("utf-8")
            default = re.search(r'^DATA(?:: .*)? = "(\w+)"', source, re.MULTILINE)
            data = dict(zip(words, words[1:])).get("--data", default[1] if default else "")
            name = program.partition("/")[2][:-3]
            name += "_stage1" * (name == "stackgan") + "_keypoints" * ("keypoints" in words)
            folders |= {f"runs/{name}_{data.rpartition('/')[2]}"}
            folders |= {dict(zip(words, words[1:])).get("--run", "")}
    return folders


def test_the_runs_that_lectures_use_are_made_on_the_page():
    lines = commands(PAGE)
    used = {word for line in lines for word in line[1:] if word.startswith("runs/")}
    assert len(used) >= 10 and sorted(used - run_folders(lines)) == []


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
