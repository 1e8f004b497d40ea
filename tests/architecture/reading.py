"""Which files of the package somebody opens who reads a game, from its `train_step` on.

`files_to_read("tfgan_suite.games.dcgan", "DCGAN")` follows names, without importing anything:
methods and properties of `self` through the class's bases, functions and classes of the package,
attributes of its modules, attributes of objects whose class is known (by annotation, by a call of
the class, or by the return annotation of a function), all of them also inside nested functions and
lambdas. Networks and optimizers are passed in, so they are not followed.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "tfgan_suite"
# Helpers without a word about games, and kernels that compute what the plain layers compute.
NOT_COUNTED = ("utils", "compat", "_stand_ins", "errors", "layers.cpu_")


@dataclasses.dataclass(frozen=True)
class Symbol:
    """A module (name None), or a function, class or constant at the top level of one."""

    module: str
    name: str | None = None


@functools.cache
def tree_of(module: str) -> ast.Module | None:
    path = ROOT / Path(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.exists():
            return ast.parse(file.read_text())
    return None


@functools.cache
def definitions(module: str) -> dict[str, ast.AST]:
    """What a module defines at its top level, by name; nothing in modules that are not counted."""
    nodes: dict[str, ast.AST] = {}
    if module.startswith(tuple(f"{PACKAGE}.{prefix}" for prefix in NOT_COUNTED)):
        return nodes
    for node in tree_of(module).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            nodes[node.name] = node
        elif isinstance(node, ast.Assign):
            nodes.update({t.id: node.value for t in node.targets if isinstance(t, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            nodes[node.target.id] = node.value
    return nodes


@functools.cache
def imports(module: str) -> dict[str, Symbol]:
    """What a module imports from the package, anywhere in it, by the name that it gets."""
    symbols = {}
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                child = f"{node.module}.{alias.name}"
                symbol = Symbol(child) if tree_of(child) else Symbol(node.module, alias.name)
                symbols[alias.asname or alias.name] = symbol
    return symbols


def lookup(module: str, name: str) -> Symbol | None:
    """The symbol of the package that a name stands for in a module."""
    if name in definitions(module):
        return Symbol(module, name)
    symbol = imports(module).get(name)
    if symbol and symbol.name and symbol.name not in definitions(symbol.module):
        return lookup(symbol.module, symbol.name)  # handed on by another module
    return symbol


def definition(symbol: Symbol | None) -> ast.AST | None:
    return definitions(symbol.module).get(symbol.name) if symbol and symbol.name else None


def is_class(symbol: Symbol | None) -> bool:
    return isinstance(definition(symbol), ast.ClassDef)


def resolve(module: str, node: ast.AST | None) -> Symbol | None:
    """The symbol of a dotted expression or of an annotation (`X`, `module.X`, `X | None`)."""
    if isinstance(node, ast.Name):
        return lookup(module, node.id)
    if isinstance(node, ast.Attribute):
        owner = resolve(module, node.value)
        return lookup(owner.module, node.attr) if owner and owner.name is None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = resolve(module, node.left), resolve(module, node.right)
        return next((side for side in sides if is_class(side)), None)
    return None


def lineage(symbol: Symbol) -> list[Symbol]:
    """A class and its bases in the package, in the order in which attributes are looked up."""
    chain = [symbol]
    for base in definition(symbol).bases:
        resolved = resolve(symbol.module, base)
        if is_class(resolved):
            chain += [c for c in lineage(resolved) if c not in chain]
    return chain


def member(symbol: Symbol, name: str, skip: int = 0) -> tuple[Symbol, ast.AST] | None:
    """The class that defines a method or attribute of an object, and the node that does."""
    for owner in lineage(symbol)[skip:]:
        for node in definition(owner).body:
            target = node.target if isinstance(node, ast.AnnAssign) else None
            targets = node.targets if isinstance(node, ast.Assign) else [target]
            names = [t.id for t in targets if isinstance(t, ast.Name)]
            if name in names or getattr(node, "name", None) == name:
                return owner, node
    return None


class Reader:
    """Walks from one method through all that it names."""

    def __init__(self, game: Symbol):
        self.game = game
        self.visited: set[tuple] = set()
        self.files: dict[str, set[str]] = {}  # module: what is read in it

    def note(self, module: str, name: str) -> None:
        self.files.setdefault(module, set()).add(name)

    def read_member(self, symbol: Symbol, name: str, skip: int = 0) -> Symbol | None:
        """Reads a method, property or attribute of a class; gives the class of its value."""
        match = member(symbol, name, skip)
        if match is None:
            return self.instance_attribute(symbol, name)
        owner, node = match
        self.note(owner.module, f"{owner.name}.{name}")
        if isinstance(node, ast.FunctionDef):
            self.read(node, owner, symbol)
            returned = resolve(owner.module, node.returns)
        else:
            returned = resolve(owner.module, getattr(node, "annotation", None))
            if node.value is not None:
                self.read(node.value, owner, symbol)
        return self.known_class(returned)

    def known_class(self, symbol: Symbol | None) -> Symbol | None:
        if not is_class(symbol):
            return None
        self.note(symbol.module, symbol.name)
        return symbol

    def instance_attribute(self, symbol: Symbol, name: str) -> Symbol | None:
        """The class of `self.name = value`, from what is assigned in any method of the class."""
        for owner in lineage(symbol):
            for node in ast.walk(definition(owner)):
                for target, value in assignments(node):
                    if isinstance(target, ast.Attribute) and target.attr == name:
                        called = value.func if isinstance(value, ast.Call) else None
                        origin = resolve(owner.module, called)
                        if isinstance(definition(origin), ast.FunctionDef):
                            origin = resolve(origin.module, definition(origin).returns)
                        if is_class(origin):
                            return self.known_class(origin)
        return None

    def read_symbol(self, symbol: Symbol) -> Symbol | None:
        """Reads a function, a constant or the making of an object; gives the class of the value."""
        node = definition(symbol)
        if node is None:
            return None
        self.note(symbol.module, symbol.name)
        if isinstance(node, ast.ClassDef):
            for name in ("__init__", "__post_init__", "build", "call", "__call__"):
                if member(symbol, name):
                    self.read_member(symbol, name)
            return symbol
        self.read(node, Symbol(symbol.module), None)
        if isinstance(node, ast.FunctionDef):
            return self.known_class(resolve(symbol.module, node.returns))
        return None

    def read(self, node: ast.AST, scope: Symbol, instance: Symbol | None) -> None:
        """Follows every name in a node of `scope`; `instance` is the class of `self`."""
        key = (id(node), instance)
        if key in self.visited:
            return
        self.visited.add(key)
        classes = {"self": instance} if instance else {}
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                annotated = resolve(scope.module, a.annotation)
                if is_class(annotated):
                    classes[a.arg] = self.known_class(annotated)
        body = node.body if isinstance(node, ast.FunctionDef) else [node]
        for statement in body:
            for target, value in (pair for n in ast.walk(statement) for pair in assignments(n)):
                if isinstance(target, ast.Name):
                    classes[target.id] = self.evaluate(value, scope, instance, classes)
        for statement in body:
            self.follow(statement, scope, instance, classes)

    def follow(self, node: ast.AST, scope: Symbol, instance: Symbol | None, classes: dict) -> None:
        if isinstance(node, (ast.Attribute, ast.Name, ast.Call)):
            self.evaluate(node, scope, instance, classes)
        for child in children(node):
            self.follow(child, scope, instance, classes)

    def evaluate(
        self, node: ast.AST | None, scope: Symbol, instance: Symbol | None, classes: dict
    ) -> Symbol | None:
        """Reads what an expression names, and gives the class of its value where it is known."""
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "super":
                return None
            return self.evaluate(node.func, scope, instance, classes)
        if isinstance(node, ast.Name):
            if node.id in classes:
                return classes[node.id]
            symbol = lookup(scope.module, node.id)
            return self.read_symbol(symbol) if symbol else None
        if isinstance(node, ast.Attribute):
            value = node.value
            called = value.func if isinstance(value, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "super" and instance:
                return self.read_member(instance, node.attr, lineage(instance).index(scope) + 1)
            symbol = resolve(scope.module, node)
            if symbol and not (isinstance(value, ast.Name) and value.id in classes):
                return self.read_symbol(symbol)
            owner = self.evaluate(value, scope, instance, classes)
            return self.read_member(owner, node.attr) if owner else None
        return None


def assignments(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Targets and values of a statement that assigns, pair by pair."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts))
            yield from pairs
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield node.target, node.value


def children(node: ast.AST) -> Iterator[ast.AST]:
    """A node's children, without annotations: they are not run."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


def files_to_read(module: str, name: str, method: str = "train_step") -> dict[str, set[str]]:
    """The files behind a method of a game, by module, with what is read in each."""
    reader = Reader(Symbol(module, name))
    reader.read_member(reader.game, method)
    return reader.files


def report(files: dict[str, set[str]]) -> str:
    return "\n".join(f"{module}: {', '.join(sorted(names))}" for module, names in files.items())


if __name__ == "__main__":
    print(report(files_to_read(f"{PACKAGE}.games.{sys.argv[1]}", sys.argv[2])))
