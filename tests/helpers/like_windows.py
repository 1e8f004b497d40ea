"""A process in which the package sees what Windows offers: `python like_windows.py FOLDER`.

Modules that exist on POSIX systems only cannot be imported. The package's `os` calls itself `nt`:
it lacks what Windows lacks, refuses links for want of privileges, cannot open folders, and fails
where signal 0 would reach a process, which is Ctrl-C there. `msvcrt` locks, `_winapi` makes
junctions.

Every module is imported; then a run trains and is sampled, translated and exported.
"""

import builtins
import errno
import fcntl
import importlib
import os
import pkgutil
import sys
import types
from pathlib import Path

HIDDEN = set("crypt fcntl grp nis pty pwd resource spwd syslog termios tty".split())
MISSING = set(
    "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK chown chroot ctermid fchdir fchown fork "
    "forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getsid getuid "
    "lchown mkfifo mknod nice openpty pathconf posix_fadvise posix_spawn pread pwrite sched_"
    "getaffinity sched_yield sendfile setegid seteuid setgid setpgid setsid setuid statvfs sync "
    "sysconf tcgetpgrp ttyname uname wait WNOHANG".split()
)
locks, junctions = [], []


def windows_os():
    """The module `os` as the package sees it."""
    fake = types.ModuleType("os")
    fake.__dict__.update({k: v for k, v in vars(os).items() if k not in MISSING})

    def open_file(path, *arguments, **options):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return os.open(path, *arguments, **options)

    def kill(pid, number):
        raise AssertionError(f"signal {number} to process {pid}")

    def symlink(target, link, target_is_directory=False):
        raise OSError(errno.EPERM, "A required privilege is not held by the client", link)

    fake.name, fake.open, fake.kill, fake.symlink = "nt", open_file, kill, symlink
    return fake


def hide():
    """Makes the package see Windows, whatever is imported from now on."""
    system, original = windows_os(), builtins.__import__

    def import_module(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        own = str((globals or {}).get("__name__", "")).startswith("tfgan_suite")
        if own and name == "os":
            return system
        return original(name, globals, locals, fromlist, level)

    builtins.__import__ = import_module
    for name in HIDDEN:
        sys.modules.pop(name, None)


def locking(descriptor, mode, count):
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    locks.append((mode, count))


def create_junction(target, link):
    os.symlink(target, link)
    junctions.append(target)


def add_windows_modules():
    """Only after the standard library was imported, which takes them for Windows itself."""
    sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
    sys.modules["_winapi"] = types.SimpleNamespace(CreateJunction=create_junction)


def main(folder):
    hide()
    import keras  # noqa: F401
    import PIL.Image  # noqa: F401
    import tensorflow as tf  # noqa: F401

    add_windows_modules()
    import tfgan_suite

    names = [m.name for m in pkgutil.walk_packages(tfgan_suite.__path__, "tfgan_suite.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    assert len(names) > 150 and tfgan_suite.training.run_lock.fcntl is None
    use(folder)
    assert (2, 1) in locks and junctions
    modules = [module for name, module in sys.modules.items() if name.startswith("tfgan_suite")]
    assert not [module for module in modules if HIDDEN & {k for k, v in vars(module).items() if v}]
    print(f"{len(names)} modules, {len(locks)} locks, {len(junctions)} junctions")


def use(folder):
    """Trains in a folder that TensorFlow takes for a pattern, resumes, samples and exports."""
    import tiny_translation
    from PIL import Image

    from tfgan_suite.cli.main import main as command

    run, exports = folder / "[a] b", folder / "exports"
    words = ["--data", "ring", "--batch", "8", "--width", "4", "--run", str(run)]
    assert recipe("gan.py", *words, "--steps", "1", "--export", "none") == 0
    assert recipe("gan.py", *words, "--steps", "2", "--export", str(exports)) == 0
    (exported,) = exports.glob("gan_ring/1")
    for source in (run, exported):
        assert command(["sample", str(source), "--count", "4", "--out", f"{folder}/s.png"]) == 0
    pairs = folder / "pairs"
    sys.argv = ["tiny_translation.py", "--run", str(pairs)]
    assert ended(tiny_translation) == 0
    image = folder / "image.png"
    Image.fromarray(tiny_translation.Negatives.pixels(1, 5)[0, ..., 0]).save(image)
    assert command(["translate", str(pairs), str(image), str(folder / "out")]) == 0
    assert (folder / "out" / "image.png").is_file() and (folder / "s.png").is_file()


def recipe(name, *words):
    import runpy

    path = Path(__file__).parents[2] / "recipes" / name
    sys.argv = [name, *words]
    return ended(types.SimpleNamespace(**runpy.run_path(str(path), run_name="recipe")))


def ended(module):
    from tfgan_suite.training import launch

    try:
        launch.main(vars(module))
    except SystemExit as end:
        return end.code
    raise AssertionError("a recipe ends with an exit code")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
