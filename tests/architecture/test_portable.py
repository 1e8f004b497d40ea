"""Nothing that only Unix has is needed to import, sample, translate or export."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
UNIX_MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog", "posix"}
UNIX_NAMES = set(
    "os.fork os.getuid os.geteuid os.getpgid os.setsid os.killpg os.uname os.statvfs os.mkfifo"
    " os.sync os.O_NOCTTY os.O_NOFOLLOW os.fchown os.pread os.getloadavg os.wait"
    " os.O_NONBLOCK os.O_CLOEXEC os.O_DIRECTORY os.sched_getaffinity signal.SIGKILL signal.SIGHUP"
    " signal.SIGUSR1 signal.SIGALRM signal.alarm socket.AF_UNIX time.tzset".split()
)


def unguarded(tree):
    """Unix-only imports and names outside of `try` and of a test for what there is."""
    guards = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        or (isinstance(node, (ast.If, ast.IfExp)) and "hasattr" in ast.unparse(node.test))
    ]
    guarded = {id(inner) for guard in guards for inner in ast.walk(guard)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name in UNIX_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module in UNIX_MODULES:
            names = [node.module]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
            names = [name for name in names if name in UNIX_NAMES]
        if id(node) not in guarded:
            yield from names


def test_no_unix_only_name_is_used_unguarded():
    uses = {}
    for folder in ("tfgan_suite", "recipes"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text("utf-8")
            if not any(name in text for name in UNIX_MODULES | UNIX_NAMES):
                continue
            names = list(unguarded(ast.parse(text)))
            if names:
                uses[path.relative_to(ROOT).as_posix()] = names
    assert uses == {}


def test_the_check_sees_an_import_and_a_name():
    text = (
        "import fcntl\nimport os\nos.fork()\ntry:\n    import pwd\nexcept ImportError:\n    pass\n"
    )
    assert sorted(unguarded(ast.parse(text))) == ["fcntl", "os.fork"]


# What must go through one function, because Windows does it otherwise.
ONE_WAY = {
    "os.kill": "utils/processes.py",
    "os.symlink": "utils/files.py",
    "os.fsync": "utils/files.py",
}


def test_processes_links_and_syncing_go_through_one_function():
    uses = {}
    for folder in ("tfgan_suite", "recipes"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
                if name in ONE_WAY and not path.as_posix().endswith(ONE_WAY[name]):
                    uses[path.relative_to(ROOT).as_posix()] = name
    assert uses == {}


def without_encoding(tree):
    """Calls that read or write text in the encoding of the machine, which differs on Windows."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        plain = ast.unparse(node.func)
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if "encoding" in options or None in options:
            continue
        words = [ast.unparse(argument) for argument in node.args]
        mode = options.get("mode", words[1] if len(words) > 1 else "'r'")
        if (
            (name == "read_text" and not words)
            or (name == "write_text" and len(words) < 2)
            or (plain in ("open", "io.open", "os.fdopen") and "b" not in mode)
            or (plain in ("open", "io.open") and not mode.startswith(("'", '"')))
            or (
                plain.startswith("subprocess.")
                and "True" in (options.get("text"), options.get("universal_newlines"))
            )
        ):
            yield f"line {node.lineno}: {ast.unparse(node)[:60]}"


def test_text_is_read_and_written_in_a_stated_encoding():
    uses = {}
    for folder in ("tfgan_suite", "recipes", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            calls = list(without_encoding(ast.parse(path.read_text("utf-8"))))
            if calls:
                uses[path.relative_to(ROOT).as_posix()] = calls
    assert uses == {}


def test_the_check_sees_text_without_encoding():
    bad = ["open(p)", "open(p, 'w')", "p.read_text()", "p.write_text(t)", "os.fdopen(f, 'w')",
           "subprocess.run(w, text=True)", "open(p, mode)"]  # fmt: skip
    good = ["open(p, 'rb')", "open(p, encoding='utf-8')", "p.read_text('utf-8')", "open(p, 'ab+')",
            "p.write_text(t, 'utf-8')", "subprocess.run(w, encoding='utf-8')"]  # fmt: skip
    for text in bad + good:
        assert bool(list(without_encoding(ast.parse(text)))) == (text in bad), text
