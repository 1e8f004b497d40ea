"""What README and the recipes' heads show exists: flags, files, modules, functions, keywords."""

import ast
import inspect
import re

import pytest
from pages import (
    FLAG,
    KOREAN,
    PAGES,
    README,
    RECIPES,
    ROOT,
    SITE,
    anchor_of,
    code_spans,
    command_of,
    commands,
    find,
    flags_of,
    is_command,
    links,
    name_of,
    python_blocks,
    refusal,
    tables,
    unknown_flags,
)

# The pages.


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_flags_that_a_page_shows_exist(page):
    assert unknown_flags(page.read_text("utf-8")) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_flags_that_a_recipes_head_shows_exist(recipe):
    head = ast.get_docstring(ast.parse(recipe.read_text("utf-8")), clean=False)
    own = flags_of(f"recipes/{recipe.name}")
    lines = [(line, command_of(line)) for line in head.replace("\\\n", " ").splitlines()]
    unknown = []
    for line, command in lines:
        known = own if command is None else flags_of(*command[0])
        unknown += [flag for flag in FLAG.findall(line) if flag not in known]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_shows_exist(page):
    text = page.read_text("utf-8")
    paths = re.findall(r"(?<![\w/.])(?:tfgan_suite|tests|recipes|docs|benchmarks)/[\w./-]*\w", text)
    here = (page.parent, ROOT)
    paths = [path for path in paths if "mygan" not in path]  # the example of a game to add
    assert [path for path in paths if not any((base / path).exists() for base in here)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_names_that_a_page_shows_exist(page):
    for span in code_spans(page.read_text("utf-8")):
        for dotted in re.findall(r"\btfgan_suite(?:\.\w+)+", span):
            assert find(dotted) is not None


def _dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _imported(tree):
    """{local name: dotted name} of what a block takes from the package."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "tfgan_suite":
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return names


def check_block(block):
    """Imports, attributes of imported modules, keywords of their functions, overridden methods."""
    tree = ast.parse(block)
    # The example of a game to add is nowhere; a test of its own runs it.
    names = {name: dotted for name, dotted in _imported(tree).items() if "mygan" not in dotted}
    for dotted in names.values():
        find(dotted)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            start, _, rest = _dotted(node.func).partition(".")
            if start in names:
                function = find(f"{names[start]}.{rest}".strip("."))
                arguments = inspect.signature(function).parameters
                for keyword in node.keywords:
                    assert keyword.arg in arguments, f"{_dotted(node.func)} has no {keyword.arg}"
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                if _dotted(base) == "AdversarialModel":
                    check_overrides(node, find(names.get("AdversarialModel", BASE)))


BASE = "tfgan_suite.AdversarialModel"


def check_overrides(node, base):
    for item in node.body:
        name = item.name if isinstance(item, ast.FunctionDef) else item.targets[0].id
        assert hasattr(base, name), f"{base.__name__} has no {name} to override"
    called = {c.func for c in ast.walk(node) if isinstance(c, ast.Call)}
    called = {_dotted(f) for f in called if isinstance(f, ast.Attribute)}
    own = {name.partition(".")[2] for name in called if name.startswith("self.")}
    assert {"update", "noise", "logs"} <= own
    assert [name for name in ("update", "noise", "logs") if not hasattr(base, name)] == []


def test_python_blocks_use_what_there_is():
    blocks = [block for page in PAGES for block in python_blocks(page.read_text("utf-8"))]
    assert python_blocks(README.read_text("utf-8")) and len(blocks) >= 10
    for block in blocks:
        check_block(block)


# Commands, links, figures.

FIRST_COMMANDS = [
    "python -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python recipes/dcgan.py",
    "python -m venv .venv && .venv/bin/pip install -e '.[test,serving]'"
    " && .venv/bin/python -m pytest",
]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_programs_accept_every_command_of_a_page(page):
    refused = {}
    for program, *words in commands(page.read_text("utf-8")):
        # What stands for a choice of the reader's, such as {A,B}, is no word of a program.
        reason = refusal(program, *(word for word in words if word not in ("...", "..")))
        if reason:
            refused[" ".join((program, *words))] = reason
    assert refused == {}


@pytest.mark.parametrize("page", [README, KOREAN], ids=name_of)
def test_the_first_page_is_short_and_starts_with_the_two_commands(page):
    text = page.read_text("utf-8")
    assert len(text.splitlines()) < 150
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert blocks[:2] == FIRST_COMMANDS
    # Picture, then commands, then Python, then tables.
    kinds = [text.index(mark) for mark in ("](docs/", "    python -m venv", "```python", "|---")]
    assert kinds == sorted(kinds)


def numbers_of(text):
    """Figures in tables, however a language writes units."""
    cells = "|".join(cell for _, table in tables(text) for row in table[1:] for cell in row[1:])
    return sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(\d+):(\d+) min", r"\1 \2", cells)))


def test_the_korean_page_has_the_same_commands_script_links_and_figures():
    english, korean = (page.read_text("utf-8") for page in (README, KOREAN))
    assert commands(korean) == commands(english)
    assert python_blocks(korean) == python_blocks(english)
    assert {*links(korean)} ^ {*links(english)} == {"README.md", "README.ko.md"}
    spans = [
        sorted(span for span in code_spans(text) if is_command(span)) for text in (english, korean)
    ]
    assert spans[0] == spans[1]
    numbers = [[number.lstrip("0") for number in numbers_of(text)] for text in (english, korean)]
    assert sorted(numbers[0]) == sorted(numbers[1])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    dead = []
    for target in links(page.read_text("utf-8")):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        # The site holds the folder docs, and nothing else.
        outside = page in SITE and not file.is_relative_to(ROOT / "docs")
        if not file.exists() or outside:
            dead.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            dead += [target] * (anchor not in [anchor_of(heading) for heading in headings])
    assert dead == []


def test_the_first_page_leads_to_every_page_of_the_site():
    linked = set(links(README.read_text("utf-8")))
    for page in SITE:
        linked |= {
            name_of((page.parent / link.partition("#")[0]).resolve())
            for link in links(page.read_text("utf-8"))
            if not link.startswith(("http", "#"))
        }
    assert [name_of(page) for page in SITE if name_of(page) not in linked] == []


MEASURED = re.compile(r"\d\.\d|\d ?%|\d dB|\d+ of \d+")


def unsourced_figures(text):
    """Rows of tables with measured figures in a section that has no command."""
    rows = []
    for section, table in tables(text):
        spans = [code for code in code_spans(section) if is_command(code) or "pytest" in code]
        has_command = bool(spans or commands(section))
        for cells in table[1:]:
            figures = re.sub(r"`[^`]*`|\]\([^)]*\)", "", "|".join(cells))
            if MEASURED.search(figures) and not has_command:
                rows.append("|".join(cells))
    return rows


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_figures_of_tables_come_with_the_command_that_gives_them(page):
    assert unsourced_figures(page.read_text("utf-8")) == []


@pytest.mark.parametrize("page", [README, KOREAN], ids=name_of)
def test_each_row_of_the_first_pages_results_starts_with_its_command(page):
    for _, table in tables(page.read_text("utf-8")):
        for cells in table[1:]:
            figures = re.sub(r"`[^`]*`|\]\([^)]*\)", "", "|".join(cells))
            if MEASURED.search(figures):
                assert any(is_command(code) for code in code_spans(cells[0])), cells


def test_every_recipe_has_its_row():
    text = README.read_text("utf-8")
    games = (ROOT / "docs" / "games.md").read_text("utf-8")
    from tfgan_suite.cli.list_games import games as listed

    recipes = {name for row in listed() for name in row["recipes"]}
    assert len(recipes) >= 27
    assert [name for name in sorted(recipes) if name not in text or name not in games] == []


# The checker itself.


@pytest.mark.parametrize(
    "text, unknown",
    [
        ("    python recipes/dcgan.py --data X --stepz 3", ["--stepz"]),
        ("    python recipes/dcgan.py --data X \\\n        --stepz 3  # --comment", ["--stepz"]),
        ("`python -m tfgan_suite translate RUN IN --tyle 3`", ["--tyle"]),
        (
            "`python -m tfgan_suite measure sr RUN --features vgg19:phi_5,4 --against X`",
            ["--against"],
        ),
        ("| `dcgan --latent 3 --nothing` |", ["--nothing"]),
        ("`--tile 3 --tyle 4`", ["--tyle"]),
        ("`python benchmarks/quality.py points --seeds 1 --minuts 5`", ["--minuts"]),
        ("```\npython recipes/dcgan.py --stepz 3\n```", ["--stepz"]),
        ("pip install --quiet x, `pytest --durations=5`", []),
    ],
)
def test_an_unknown_flag_is_seen(text, unknown):
    assert [entry.rpartition(": ")[2] for entry in unknown_flags(text)] == unknown


@pytest.mark.parametrize(
    "block",
    [
        "from tfgan_suite.optimizers import FusedAdam",
        "from tfgan_suite import data\ndata.lode('X')",
        "from tfgan_suite.games import dcgan\ndcgan.build_generator(sighs=64)",
        "class MyGAN(AdversarialModel):\n    def palyers(self): ...",
    ],
)
def test_an_unknown_python_name_is_seen(block):
    with pytest.raises((AssertionError, AttributeError, ModuleNotFoundError)):
        check_block(block)


@pytest.mark.parametrize(
    "line, word",
    [
        ("python recipes/dcgan.py --loss hinje", "hinge"),
        ("python recipes/dcgan.py --steps many", "whole number"),
        ("python recipes/curves.py --step 3", "--steps"),
        ("python -m tfgan_suite translate RUN IN OUT --direction back", "AtoB"),
        ("python -m tfgan_suite translate RUN IN", "output"),
        ("python -m tfgan_suite translat RUN IN OUT", "translat"),
        ("python -m tfgan_suite measure sr RUN", "data"),
        ("python benchmarks/quality.py points --minute 5", "--minute"),
        ("A=1 python recipes/gan.py --data ring && python recipes/gan.py --stepz 3", "--steps"),
    ],
)
def test_a_wrong_command_is_seen(line, word):
    reasons = [refusal(*command) for command in commands(f"    {line}\n")]
    assert word in str(reasons[-1])


def test_a_figure_without_a_command_is_seen():
    table = "| game | FID |\n|---|---|\n| `dcgan` | 3.14 |\n"
    assert unsourced_figures(f"## A\n\n`python recipes/gan.py`\n\n## B\n\n{table}")
    assert not unsourced_figures(f"## A\n\n`python recipes/gan.py`\n\n{table}")
    assert not unsourced_figures(table.replace("3.14", "yes"))
