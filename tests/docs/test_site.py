"""The site: every page is in its menu, says what it is for, and the reference has every name."""

import importlib
import re

import pytest
from pages import ROOT, SITE, find, name_of

CONFIG = (ROOT / "mkdocs.yml").read_text("utf-8")
NAMES = re.findall(
    r"^::: (\S+)$",
    "\n".join(path.read_text("utf-8") for path in SITE if path.parent.name == "api"),
    re.MULTILINE,
)
# Folders whose every module is for users.
OPEN_FOLDERS = ("games", "losses", "latent")
PACKAGES = ("", ".data", ".export", ".measures", ".text")


def test_the_menu_has_every_page_and_nothing_else():
    menu = re.findall(r": (\S+\.md)$", CONFIG, re.MULTILINE)
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in SITE]
    assert sorted(menu) == sorted(pages)


@pytest.mark.parametrize("page", [path for path in SITE if path.name != "CREDITS.md"], ids=name_of)
def test_a_page_opens_with_what_its_reader_can_do(page):
    title, blank, opener = page.read_text("utf-8").splitlines()[:3]
    assert title.startswith("# ") and not blank
    assert opener.startswith("After this page you "), opener


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_has_every_public_name(package):
    module = importlib.import_module(f"tfgan_suite{package}")
    assert module.__all__
    assert [n for n in module.__all__ if f"{module.__name__}.{n}" not in NAMES] == []


@pytest.mark.parametrize("folder", OPEN_FOLDERS)
def test_the_reference_has_every_module_of_an_open_folder(folder):
    files = (ROOT / "tfgan_suite" / folder).glob("[!_]*.py")
    modules = [f"tfgan_suite.{folder}.{path.stem}" for path in files]
    assert len(modules) > 4 and [module for module in modules if module not in NAMES] == []


def test_names_of_the_reference_exist_and_are_documented():
    assert len(NAMES) == len(set(NAMES)) > 100
    undocumented = [name for name in NAMES if find(name).__doc__ is None]
    assert undocumented == []


def test_packages_with_public_names_are_all_in_the_reference():
    packages = (ROOT / "tfgan_suite").rglob("__init__.py")
    with_names = {
        "." + path.parent.name if path.parent.name != "tfgan_suite" else ""
        for path in packages
        if re.search(r"^__all__", path.read_text("utf-8"), re.MULTILINE)
    }
    assert with_names == set(PACKAGES)
