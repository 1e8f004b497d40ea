"""The architecture of the package, read from its source: rooms, imports, and what breaks the rules.

`python tests/architecture/imports.py` prints what each room imports, and every violation.
"""

import ast
import dataclasses
import pathlib
import sys

# Each room may import from rooms below its own line, never from one above. Rooms of one line stand
# side by side and do not import each other, except for the pairs in BESIDE.
ORDER = (
    ("__main__",),
    ("cli",),
    ("latent", "demo"),
    ("measures",),
    ("inference",),
    ("style",),
    ("training",),
    ("export", "games"),
    ("core",),
    ("study",),
    ("features",),
    ("text",),
    ("mcmc",),
    ("networks",),
    ("data",),
    ("losses",),
    ("layers",),
    ("utils",),
    ("compat", "_stand_ins", "errors"),
)
# (importer, imported): compat chooses the stand-ins and raises errors.
BESIDE = {("compat", "_stand_ins"), ("compat", "errors")}
LEVELS = {room: level for level, rooms in enumerate(ORDER) for room in rooms}

ROOT_FILES = {"__init__", "__main__", "_stand_ins", "compat", "errors"}
MOST_ROOMS = 25
MOST_LINES = 400
# Whoever changes a game reads its tests and its recipe too, so the ceiling holds for all of them.
SOURCE_FOLDERS = ("tfgan_suite", "tests", "benchmarks", "recipes", "examples", "docs")

# A game computes: whoever runs it reads files, plots, prints and parses.
COMPUTING_ROOMS = ("games", "core")
FORBIDDEN_IMPORTS = set(
    "PIL argparse click csv cv2 glob imageio io matplotlib os pathlib pickle shutil subprocess "
    "tempfile zipfile tfgan_suite.cli tfgan_suite.export tfgan_suite.inference tfgan_suite.latent "
    "tfgan_suite.measures tfgan_suite.study tfgan_suite.style tfgan_suite.training "
    "tfgan_suite.utils.files".split()
)
FORBIDDEN_CALLS = {"breakpoint", "exit", "input", "open", "print"}
FORBIDDEN_ATTRIBUTES = set(
    "sys.argv sys.exit sys.stderr sys.stdout np.load np.save np.savez numpy.load numpy.save "
    "numpy.savez tf.io.gfile tf.io.read_file tf.io.write_file tf.print".split()
)


@dataclasses.dataclass(frozen=True, order=True)
class Import:
    """One module that names another, at a line of its file."""

    importer: str
    imported: str
    line: int

    def __str__(self):
        return f"{self.importer}:{self.line} imports {self.imported}"


def find_modules(root):
    """{dotted name: path} of every module below the package's folder `root`."""
    root = pathlib.Path(root)
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def _absolute(node, importer, is_package):
    """The module after `from`, also where it is written with dots."""
    if not node.level:
        return node.module
    parts = importer.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join(base + ([node.module] if node.module else []))


def _imported_names(node, importer, is_package):
    """Dotted names that a node of the syntax tree imports, in the longest form."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = _absolute(node, importer, is_package)
        return [f"{module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and node.args:
        function = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        function = node.func.id if isinstance(node.func, ast.Name) else function
        if function in ("import_module", "__import__"):
            text = node.args[0]
            text = text.values[0] if isinstance(text, ast.JoinedStr) and text.values else text
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                return [text.value.rstrip(".")]
    return []


def read_imports(modules):
    """Imports between the given modules, at the top of a file, inside functions and by name."""
    package = min(modules, key=len)
    imports = set()
    for importer, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for name in _imported_names(node, importer, path.name == "__init__.py"):
                if name == f"{package}.__version__":
                    continue  # a constant of the root that anyone may read
                while name and name not in modules:
                    name = name.rpartition(".")[0]
                if name and name != importer:
                    imports.add(Import(importer, name, node.lineno))
    return sorted(imports)


def room_of(module):
    """The room of a module: the second part of its dotted name; "" for the package itself."""
    return (module.split(".") + [""])[1]


def upward_imports(imports):
    """Imports that point to a room above the importer's, beside it, or to the package itself."""
    violations = []
    for item in imports:
        room, other = room_of(item.importer), room_of(item.imported)
        if room == other or not room or (room, other) in BESIDE:
            continue
        if not other or LEVELS[other] <= LEVELS[room]:
            violations.append(item)
    return violations


def circles(imports):
    """Groups of modules that import each other, directly or through others (Tarjan 1972)."""
    targets = {}
    for item in imports:
        targets.setdefault(item.importer, []).append(item.imported)
        targets.setdefault(item.imported, [])
    numbers, lows, stack, groups = {}, {}, [], []

    def visit(module):
        numbers[module] = lows[module] = len(numbers)
        stack.append(module)
        for target in targets[module]:
            if target not in numbers:
                visit(target)
            if target in stack:
                lows[module] = min(lows[module], lows[target])
        if lows[module] == numbers[module]:
            group = [stack.pop()]
            while group[-1] != module:
                group.append(stack.pop())
            if len(group) > 1:
                groups.append(sorted(group))

    for module in sorted(targets):
        if module not in numbers:
            visit(module)
    return sorted(groups)


def _dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return base and f"{base}.{node.attr}"
    return ""


def _forbidden(node, importer, is_package):
    """What a node names that a game should not know, or None."""
    for name in _imported_names(node, importer, is_package):
        parts = name.split(".")
        if any(".".join(parts[:n]) in FORBIDDEN_IMPORTS for n in range(1, len(parts) + 1)):
            return name
    if isinstance(node, ast.Call) and _dotted(node.func) in FORBIDDEN_CALLS:
        return f"{node.func.id}()"
    if isinstance(node, ast.Attribute) and _dotted(node) in FORBIDDEN_ATTRIBUTES:
        return _dotted(node)
    return None


def forbidden_knowledge(modules):
    """["module:line names X"]: games and their base name no files, plots or command lines."""
    violations = []
    for module, path in modules.items():
        if room_of(module) not in COMPUTING_ROOMS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = _forbidden(node, module, path.name == "__init__.py")
            if name:
                violations.append(f"{module}:{node.lineno} names {name}")
    return violations


def rooms(root):
    """Names of the folders and files at the top of the package, `__init__` aside."""
    entries = [p for p in pathlib.Path(root).iterdir() if p.suffix == ".py" or any(p.glob("*.py"))]
    return sorted(p.stem for p in entries if p.stem != "__init__")


def loose_modules(root):
    """Files at the top of the package that belong into a room."""
    return sorted(p.stem for p in pathlib.Path(root).glob("*.py") if p.stem not in ROOT_FILES)


def rooms_without_init(root):
    """Folders that hold modules and are not packages: a wheel would leave them out."""
    folders = {path.parent for path in pathlib.Path(root).rglob("*.py")}
    return sorted(str(f.relative_to(root)) for f in folders if not (f / "__init__.py").exists())


def find_sources(root):
    """{path below the repository's folder `root`: path} of every Python file, tests included."""
    root = pathlib.Path(root)
    paths = sorted(root.glob("*.py"))
    for folder in SOURCE_FOLDERS:
        paths += sorted((root / folder).rglob("*.py"))
    return {path.relative_to(root).as_posix(): path for path in paths}


def long_files(files):
    """["file has N lines"] of files over the ceiling."""
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in files.items()}
    return [f"{name} has {n} lines" for name, n in lengths.items() if n > MOST_LINES]


def main():
    root = pathlib.Path(__file__).resolve().parents[2] / "tfgan_suite"
    modules = find_modules(root)
    imports = read_imports(modules)
    between = {(room_of(i.importer), room_of(i.imported)) for i in imports}
    between = {pair for pair in between if "" not in pair and pair[0] != pair[1]}
    for room in (room for line in ORDER for room in line):
        print(f"{room}: {', '.join(sorted(b for a, b in between if a == room)) or '-'}")
    print(f"{len(rooms(root))} rooms, {len(between)} imports between rooms, {len(modules)} modules")
    upward = [str(item) for item in upward_imports(imports)]
    circular = ["a circle: " + ", ".join(group) for group in circles(imports)]
    violations = upward + circular + forbidden_knowledge(modules)
    violations += long_files(find_sources(root.parent))
    print(*violations, sep="\n")
    return bool(violations)


if __name__ == "__main__":
    sys.exit(main())
