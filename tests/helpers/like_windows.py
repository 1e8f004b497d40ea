"""A process in which the package sees what Windows offers: `like_windows.py FOLDER`.

The package cannot import modules that exist on POSIX systems only. Its `os` calls itself `nt`:
it lacks what Windows lacks, refuses links for want of privileges, cannot open folders, and fails
where signal 0 would reach a process, which is Ctrl-C there. `msvcrt` locks, `_winapi` makes
junctions. Files that are open can be neither renamed nor removed.

Every module is imported; then runs train and are sampled, translated and exported. TensorFlow,
Keras and other libraries see the system as it is, for which they were built.
"""

import builtins
import errno
import fcntl
import functools
import importlib
import os
import pkgutil
import runpy
import shutil
import signal
import sys
import time
import types
from pathlib import Path

ROOT = Path(__file__).parents[2]
HIDDEN = set("crypt fcntl grp nis posix pty pwd resource spwd syslog termios tty".split())
MISSING = set(
    "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot ctermid "
    "fchdir fchown fork forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp "
    "getpriority getsid getuid lchown major makedev minor mkfifo mknod nice openpty pathconf "
    "posix_fadvise posix_fallocate posix_spawn pread pwrite sched_getaffinity sched_yield sendfile "
    "setegid seteuid setgid setpgid setsid setuid statvfs sync sysconf tcgetpgrp ttyname uname "
    "wait".split()
)
SIGNALS = set("SIGABRT SIGFPE SIGILL SIGINT SIGSEGV SIGTERM SIG_DFL SIG_IGN".split())
locks, junctions, refusals = [], [], []


def copy(module, missing):
    """A module without some of its names."""
    reduced = types.ModuleType(module.__name__)
    reduced.__dict__.update({k: v for k, v in vars(module).items() if k not in missing})
    return reduced


def windows_os():
    """The module `os` as the package sees it."""

    def open_file(path, *arguments, **options):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return os.open(path, *arguments, **options)

    def kill(pid, number):
        raise AssertionError(f"signal {number} to process {pid}")

    def symlink(target, link, target_is_directory=False):
        raise OSError(errno.EPERM, "A required privilege is not held by the client", link)

    reduced = copy(os, MISSING)
    reduced.name, reduced.open, reduced.kill, reduced.symlink = "nt", open_file, kill, symlink
    return reduced


def windows_modules():
    """What the package, and only the package, gets for these names."""

    def locking(descriptor, mode, count):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None
        locks.append((mode, count))

    def create_junction(target, link):
        os.symlink(target, link)
        junctions.append(target)

    signals = {k for k in vars(signal) if k.startswith("SIG")} - SIGNALS
    return {
        "os": windows_os(),
        "signal": copy(signal, signals | {"alarm", "setitimer", "pthread_kill", "sigwait"}),
        "msvcrt": types.SimpleNamespace(LK_NBLCK=2, locking=locking),
        "_winapi": types.SimpleNamespace(CreateJunction=create_junction),
    }


def become_windows():
    """Whatever the package imports from now on, and anew, is what Windows has."""
    shutil._use_fd_functions = False
    for name in ("remove", "rename", "replace", "rmdir", "unlink"):
        setattr(os, name, refusing_open_files(getattr(os, name)))
    modules, import_module = windows_modules(), builtins.__import__

    def import_for_windows(name, globals=None, locals=None, fromlist=(), level=0):
        package = str((globals or {}).get("__name__", "")).partition(".")[0]
        if level == 0 and package in ("tfgan_suite", "recipe"):
            if name.partition(".")[0] in HIDDEN:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in modules:
                return modules[name]
        return import_module(name, globals, locals, fromlist, level)

    builtins.__import__ = import_for_windows
    # Not all below the checkout, where an environment with other libraries may be.
    homes = tuple(f"{ROOT / folder}{os.sep}" for folder in ("tfgan_suite", "recipes", "tests"))
    for name, module in list(sys.modules.items()):
        # Helpers of tests, some of which are loaded already, have imported the package as it was.
        inside = str(getattr(module, "__file__", None)).startswith(homes)
        if inside and name != "__main__":
            del sys.modules[name]


def refusing_open_files(function):
    """Fails as on Windows if a path, or a file below it, is open in this process."""

    @functools.wraps(function)
    def checked(*paths, **options):
        for path in paths:
            prefix = os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
            for opened in open_files():
                if f"{opened}/".startswith(f"{prefix}/"):
                    refusals.append((function.__name__, opened))
                    reason = "it is being used by another process"
                    raise PermissionError(errno.EACCES, reason, opened)
        return function(*paths, **options)

    return checked


def open_files():
    """Paths of the files that this process has opened; none where the system does not say."""
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            yield os.readlink(descriptor)
        except FileNotFoundError:  # that of the listing itself
            continue


def import_all():
    """Imports the package's modules; their number."""
    import tfgan_suite

    names = [m.name for m in pkgutil.walk_packages(tfgan_suite.__path__, "tfgan_suite.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    return len(names)


def use(folder):
    """Trains in a folder that TensorFlow takes for a pattern, resumes, samples and exports."""
    from tfgan_suite.cli.main import main as command

    run, exports = folder / "[a] b", folder / "exports"
    words = ["--data", "ring", "--batch", "8", "--width", "4", "--run", str(run)]
    gan = runpy.run_path(str(ROOT / "recipes" / "gan.py"), run_name="recipe")
    train(types.SimpleNamespace(**gan), *words, "--steps", "1", "--export", "none")
    train(types.SimpleNamespace(**gan), *words, "--steps", "2", "--export", str(exports))
    (exported,) = exports.glob("gan_ring/1")
    for source in (run, exported):
        picture = folder / f"{source.name}.png"
        assert command(["sample", str(source), "--count", "4", "--out", str(picture)]) == 0
        assert picture.is_file()
    translate(folder, command)
    refuse_second(run)


def translate(folder, command):
    """Trains a translator, and translates a picture with it."""
    import tiny_translation
    from PIL import Image

    run, picture = folder / "pairs", folder / "picture.png"
    train(tiny_translation, "--run", str(run))
    Image.fromarray(tiny_translation.Negatives.pixels(1, 5)[0, ..., 0]).save(picture)
    assert command(["translate", str(run), str(picture), str(folder / "out")]) == 0
    with Image.open(folder / "out" / "picture.png") as translated:
        assert translated.size == (8, 12)


def train(module, *words):
    from fault_runs import run_recipe

    code, errors = run_recipe(module, *words)
    assert code == 0, errors


def refuse_second(run):
    """A second process is kept out."""
    from tfgan_suite import InputError
    from tfgan_suite.training import run_lock

    with run_lock.lock(run):
        try:
            with run_lock.lock(run):
                raise AssertionError("two processes train in one folder")
        except InputError as error:
            assert "another process is training" in str(error)


def check_names(folder):
    """Nothing was written whose name Windows cannot store."""
    for path in folder.rglob("*"):
        bad = set('<>:"|?*\\') & set(path.name) or path.name[-1] in ". "
        assert not bad and path.stem.upper() not in ("CON", "PRN", "AUX", "NUL"), path


def main(folder):
    become_windows()
    number = import_all()
    from short_runs import short_runs

    from tfgan_suite.training import foreign_recipes, run_lock

    foreign_recipes.FOLDERS += [ROOT / "tests" / "helpers"]
    assert number > 200 and run_lock.fcntl is None and run_lock.os.name == "nt"
    with short_runs():
        use(folder)
    assert set(locks) == {(2, 1)} and len(locks) >= 4 and junctions, (locks, junctions)
    assert not refusals  # also where the package lets a file be that cannot be removed
    check_names(folder)
    counts = f"{number} modules, {len(locks)} locks, {len(junctions)} junctions"
    print(f"{counts}, {time.process_time():.1f} s of CPU")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
