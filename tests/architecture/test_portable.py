"""Nothing that only Unix has is needed to import, sample, translate or export."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
UNIX_MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog", "posix"}
UNIX_NAMES = set(
    "os.fork os.getuid os.geteuid os.getpgid os.setsid os.killpg os.uname os.statvfs os.mkfifo"
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
