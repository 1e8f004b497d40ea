"""Reads the flags of a recipe before the recipe imports TensorFlow.

`python recipes/dcgan.py --help`, or a typo, would otherwise be answered only after the seconds that
a recipe's imports take. `import tfgan_suite` calls `check`, and so a recipe's first import of it
ends the program there where the flags are wrong. A recipe does nothing for it, except that it
imports `tfgan_suite` before `keras` and `tensorflow`. It has to end with

    if __name__ == "__main__":
        launch.main(globals())

Constants are taken from the source without executing it. Where that is not possible (a constant
that is computed, or set in an `if`) nothing is checked early: `launch.main` reads the flags again.

Of a program that reads flags of its own and calls `run_program`, a function `parser()` is executed
alone, if it needs nothing but `Parser` and the docstring.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from pathlib import Path
from typing import Any

from tfgan_suite.training import options
from tfgan_suite.utils import stderr_filter
from tfgan_suite.utils.command_line import Parser, exit_code
from tfgan_suite.utils.text import print_any_name

_LAUNCH = "launch.main(globals())"
# How programs start that read their own flags.
_OTHER_STARTS = ("run_program(", "exit_code(")
_ARITHMETIC = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
# Their values are no flags.
_CONTAINERS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Lambda, ast.ListComp, ast.DictComp)


def check(file: Path) -> None:
    """Ends the program if it is a recipe whose flags are wrong, or that is asked for `--help`.

    Of other recipes, and of the suite's other programs, it hides TensorFlow's harmless messages.

    Args:
        file: the program.
    """
    try:
        source = file.read_text(encoding="utf-8")
        if not any(call in source for call in (_LAUNCH, *_OTHER_STARTS)):
            return
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):  # Python reports it
        return
    print_any_name()
    recipe, parser = constants_in(tree, file), parser_in(tree)
    if recipe is not None and len(sys.argv) > 1:
        code = exit_code(file.name, lambda: options.parse(recipe) and None)
        if code:
            sys.exit(code)
    elif parser is not None:
        parser.parse_args()
    stderr_filter.start()


def parser_in(tree: ast.Module) -> Parser | None:
    """What the function `parser()` of a program returns; `None` if it needs other parts of it."""
    functions = [node for node in tree.body if getattr(node, "name", None) == "parser"]
    if not functions:
        return None
    scope = {"Parser": Parser, "__doc__": ast.get_docstring(tree, clean=False)}
    flag = annotations.compiler_flag  # what its annotations name is not imported
    exec(compile(ast.Module(functions, []), "parser", "exec", flag), scope)
    try:
        parser = scope["parser"]()
    except (NameError, TypeError):
        return None
    return parser if isinstance(parser, Parser) else None


def constants_in(tree: ast.Module, file: Path) -> dict[str, Any] | None:
    """What `options.parse` needs of a recipe's globals, read from the source.

    Args:
        tree: the recipe.
        file: its file.

    Returns:
        Its constants and `CHOICES` by name, `__file__` and `__doc__`; `None` where it is no recipe,
        or its constants are known only to who executes it.
    """
    if not _launches(tree):
        return None
    recipe = {"__file__": str(file), "__doc__": ast.get_docstring(tree, clean=False)}
    simple = set()
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or len(getattr(node, "targets", [target])) > 1:
            continue
        if isinstance(value, _CONTAINERS):
            simple.add(target)
            if target.id == "CHOICES":
                with contextlib.suppress(ValueError):  # not spelled out: read after the imports
                    recipe["CHOICES"] = ast.literal_eval(value)
        elif isinstance(value, ast.expr) and all(
            isinstance(part, _ARITHMETIC) for part in ast.walk(value)
        ):
            simple.add(target)
            recipe[target.id] = eval(compile(ast.Expression(value), str(file), "eval"), {})
    if any(name not in recipe for name in options.REQUIRED) or _sets_others(tree, simple):
        return None
    return recipe


def _launches(tree: ast.Module) -> bool:
    """Whether the last statement is `if __name__ == "__main__": launch.main(globals())`."""
    last = tree.body[-1] if tree.body else None
    return (
        isinstance(last, ast.If)
        and ast.unparse(last.test) == "__name__ == '__main__'"
        and ast.unparse(last.body[0]) == _LAUNCH
    )


def _sets_others(tree: ast.Module, simple: set[ast.Name]) -> bool:
    """Whether a recipe may have constants that its source does not spell out."""
    if sum(isinstance(node, ast.Name) and node.id == "globals" for node in ast.walk(tree)) > 1:
        return True
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in simple:
            if node.id.isupper():
                return True
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.asname or alias.name for alias in node.names]
            if any(name == "*" or name.isupper() for name in names):
                return True
        pending += ast.iter_child_nodes(node)
    return False
