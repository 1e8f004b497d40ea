"""How many of the package's names are vague: words that do not say what a thing is.

A binding is a name that is assigned, an argument, a function or a class. It is vague when it is one
of 35 words, whatever its case and its leading or trailing underscores; a word as a part of a name
(`held_out`, `is_known`) is not counted. `python tests/architecture/names.py` prints the share, the
most frequent words and the files with the most of them.
"""

import ast
import collections
import pathlib
import sys

WORDS = frozenset(
    # Bare participles: of what?
    "found given made told shown held taken asked kept seen known wanted drawn got left said "
    "chosen named looked judged done used gone "
    # Fillers: which?
    "put one place whole rest thing things others stuff own mine theirs".split()
)
MOST = 0.01


def bindings(tree):
    """Names that a syntax tree binds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name


def is_vague(name):
    return name.strip("_").lower() in WORDS


def count(root):
    """(number of bindings, vague ones by name, vague ones by file) below a folder."""
    total, by_name, by_file = 0, collections.Counter(), collections.Counter()
    for path in sorted(pathlib.Path(root).rglob("*.py")):
        for name in bindings(ast.parse(path.read_text("utf-8"))):
            total += 1
            if is_vague(name):
                by_name[name] += 1
                by_file[path.relative_to(root).as_posix()] += 1
    return total, by_name, by_file


def main():
    root = pathlib.Path(__file__).resolve().parents[2] / "tfgan_suite"
    total, by_name, by_file = count(root)
    vague = sum(by_name.values())
    print(f"{100 * vague / total:.2f}% of {total} bindings are vague ({vague})")
    print(", ".join(f"{name} {number}" for name, number in by_name.most_common()))
    print(*(f"{number:4d} {file}" for file, number in by_file.most_common(20)), sep="\n")
    return vague > MOST * total


if __name__ == "__main__":
    sys.exit(main())
