"""A recipe's constants as command-line flags: no YAML, no registry, a typo is an error.

Nothing here needs TensorFlow: `early_flags` reads flags before it is imported.
"""

from __future__ import annotations

import argparse
import ast
import io
import os
import sys
import tokenize
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfgan_suite.errors import InputError, must_be
from tfgan_suite.utils.command_line import Parser
from tfgan_suite.utils.export_names import check_name
from tfgan_suite.utils.json_files import Number, mismatch
from tfgan_suite.utils.learning_rates import check_learning_rate
from tfgan_suite.utils.text import printable

TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, str)}

# Known before TensorFlow is imported; the precisions are those of `compat.PRECISIONS`.
PRECISIONS = ("float32", "bfloat16", "float16")
STRATEGIES = ("one", "mirrored", "multiworker", "tpu")

# No network has a size, and no run a count, beyond these; larger ones exhaust the memory.
_LIMITS = {
    **dict.fromkeys(
        ("steps", "epochs", "batch", "log_every", "checkpoint_every", "measure_every"),
        Number(int, 1, 2**53),
    ),
    "steps_per_execution": Number(int, 1, 2**31 - 1),
    "seed": Number(int, 0, 2**31 - 1),
}
_LARGEST = 2**24


class Constant(NamedTuple):
    """A constant that can be set on the command line.

    Args:
        type: `bool`, `int`, `float` or `str`.
        default: value without a flag; `None`: one that depends on the data (`apply_defaults`).
        help: what `--help` says of it.
    """

    type: type
    default: Any
    help: str


# What the flags that all recipes take mean, where the recipe's comment does not say it.
REQUIRED = {
    "DATA": "embedded data set (shapes, ring, grid), folder of images, .npz, IDX folder or"
    " tfds:NAME",
    "STEPS": "total number of training steps",
    "BATCH": "examples in one batch, over all devices",
}

# Constants that a recipe need not state.
SHARED = {
    "RUN": Constant(
        str, None, "run folder; the same command resumes the run; default: runs/RECIPE_DATA"
    ),
    "SIZE": Constant(
        int, None, "height and width of the images; default: that of the data, 64 for folders"
    ),
    "BIT_DEPTH": Constant(
        int,
        None,
        "significant bits of 16-bit images, 8 to 16; default: those that the files state, else the"
        " fewest of 8, 10, 12, 14 and 16 that hold the largest value",
    ),
    "WARM_START": Constant(
        str, None, "run folder whose trained weights this run starts from, at step 0"
    ),
    "EPOCHS": Constant(
        int, None, "passes over the data that this run makes, in place of --steps; default: --steps"
    ),
    "SEED": Constant(int, 0, "seed of the weights, the data order and the noise"),
    "STRATEGY": Constant(str, "one", "one, mirrored, multiworker or tpu"),
    "PRECISION": Constant(str, "float32", "float32, bfloat16 or float16"),
    "EXPORT": Constant(str, "saved_models", "folder for SavedModel and TFLite, or none"),
    "NAME": Constant(
        str, None, "name of the export: letters, digits, ., _ and -; default: RECIPE_DATA"
    ),
    "LOG_EVERY": Constant(int, 500, "steps between log lines, sample grids and health checks"),
    "CHECKPOINT_EVERY": Constant(int, 500, "steps between checkpoints"),
    "MEASURE_EVERY": Constant(
        int,
        None,
        "steps between measurements while training: by the oracle of embedded data, else by"
        " distances from real examples; the checkpoint with the best one is kept in RUN/best;"
        " default: no measurements",
    ),
    "MEASURE_EXTRACTOR": Constant(
        str,
        None,
        "feature network of --measure-every for data without an oracle, a name or a file as for"
        " `measure --extractor`: KID and FID; default: none, distances of image patches (SWD)",
    ),
    "NO_CACHE": Constant(
        bool,
        False,
        "decode the images of a folder at each start, instead of keeping them decoded in"
        " $TFGAN_SUITE_CACHE or ~/.cache/tfgan_suite",
    ),
    "STEPS_PER_EXECUTION": Constant(
        int,
        None,
        "steps in one call of the compiled step: equal results, and faster where a step takes"
        " milliseconds; rounded down to a divisor of --log-every and --checkpoint-every, and Ctrl-C"
        " waits for the end of a call; default: 50 for points, 1 for images",
    ),
}


def constants(recipe: Mapping[str, Any]) -> dict[str, Constant]:
    """The upper-case constants of a recipe, and the shared ones that it leaves out.

    The type of a constant is its annotation's, else its value's: `WIDTH: int | None = None` is
    an integer. Its help text is the comment on its line or in the lines directly above it.

    Args:
        recipe: the recipe's globals.

    Raises:
        InputError: a required constant is missing, or a type cannot be determined.
    """
    missing = [name for name in REQUIRED if name not in recipe]
    if missing:
        raise InputError(
            f"the recipe has no constant {', '.join(missing)}; every recipe needs"
            f" {', '.join(REQUIRED)}"
        )
    annotations, comments = read_source(recipe["__file__"])
    stated = {}
    for name, value in recipe.items():
        if not name.isupper() or not isinstance(value, (type(None), *TYPES.values())):
            continue
        shared = SHARED.get(name)
        kind = _annotated(annotations.get(name, "")) or (shared.type if shared else None)
        if kind is None and value is None:
            raise InputError(
                f"the recipe's constant {name} is None without a type; annotate it, such as"
                f" {name}: int | None = None"
            )
        text = comments.get(name) or REQUIRED.get(name) or (shared.help if shared else "")
        stated[name] = Constant(kind or type(value), value, text)
    first = (*REQUIRED, *SHARED)
    return {name: stated.get(name) or SHARED[name] for name in first} | stated


def _annotated(annotation: str) -> type | None:
    """The type of an annotation such as `int | None`."""
    words = annotation.replace("Optional[", "").rstrip("]").split("|")
    return next((TYPES[word.strip()] for word in words if word.strip() in TYPES), None)


def read_source(file: str | os.PathLike) -> tuple[dict[str, str], dict[str, str]]:
    """What a recipe's source says of its constants, by name.

    Args:
        file: the recipe.

    Returns:
        Annotations, as they are written (they are not evaluated, so that `int | None` works on
        Python 3.9), and comments.
    """
    source = Path(file).read_text(encoding="utf-8")
    lines = source.splitlines()
    comment_of = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    annotations, comments = {}, {}
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name):
            continue
        if isinstance(node, ast.AnnAssign):
            annotations[target.id] = ast.unparse(node.annotation)
        numbers = [n for n in range(node.lineno, node.end_lineno + 1) if n in comment_of]
        if not numbers:
            above = node.lineno - 1
            while above in comment_of and lines[above - 1].startswith("#"):
                numbers.insert(0, above)
                above -= 1
        comments[target.id] = " ".join(comment_of[number] for number in numbers)
    return annotations, comments


def parse(
    recipe: Mapping[str, Any], arguments: Sequence[str] | None = None
) -> types.SimpleNamespace:
    """Reads the command line of a recipe.

    Args:
        recipe: the recipe's globals.
        arguments: the words of the command line; default `sys.argv[1:]`.

    Returns:
        Every constant under its lower-case name: the flag's value where one was typed, else the
        recipe's. Unknown flags and values of the wrong type end the program with exit code 2.

    Raises:
        InputError: a value that is impossible whatever the data.
    """
    parser = Parser(
        prog=Path(recipe["__file__"]).name,
        description=recipe.get("__doc__"),
        plain=True,
    )
    for name, (kind, default, text) in constants(recipe).items():
        text = text if default is None else f"{text} [{default}]"
        parser.add_argument(
            flag_of(name),
            type=_boolean if kind is bool else kind,
            default=default,
            # A flag without a value means yes.
            **({"nargs": "?", "const": True} if kind is bool else {}),
            metavar=kind.__name__.upper(),
            help=text.replace("%", "%%"),
        )
    options = types.SimpleNamespace(**vars(parser.parse_args(arguments)))
    if is_typed("STEPS", arguments) and is_typed("EPOCHS", arguments):
        raise InputError("--steps and --epochs both set the length of the run; pass one of them")
    check(options)
    check_choices(options, recipe)
    return options


def flag_of(name: str) -> str:
    """The flag of a constant: `LEARNING_RATE` is set by `--learning-rate`."""
    return f"--{name.lower().replace('_', '-')}"


def is_typed(name: str, arguments: Sequence[str] | None = None) -> bool:
    """Whether the flag of a constant is on the command line, whatever its value.

    Args:
        name: of the constant.
        arguments: the words of the command line; default `sys.argv[1:]`.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return any(word.split("=")[0] == flag_of(name) for word in words)


def apply_defaults(options: types.SimpleNamespace, recipe: Mapping[str, Any], data: Any) -> None:
    """Replaces every `None` for which the recipe has a value for the data at hand.

    Args:
        options: the constants, changed in place.
        recipe: the recipe's globals. Its `defaults(options, data)`, if it has one, returns values
            by lower-case name.
        data: what the recipe's `make_game` gets: has `shape`.

    Raises:
        InputError: the number of steps or the batch size is still open, or impossible.
    """
    values = recipe["defaults"](options, data) if "defaults" in recipe else {}
    for name, value in values.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    for name in ("steps", "batch"):
        if getattr(options, name) is None:
            raise InputError(
                f"the recipe's {name.upper()} is None, and its defaults(options, data) returns no"
                f" value for it; pass {flag_of(name)}"
            )
    check(options)


def check(options: types.SimpleNamespace) -> None:
    """Refuses values that are impossible whatever the data.

    Args:
        options: the constants; `None` passes.

    Raises:
        InputError: which value, and what would be right.
    """
    for name in (
        "steps",
        "epochs",
        "batch",
        "log_every",
        "checkpoint_every",
        "measure_every",
        "steps_per_execution",
    ):
        value = getattr(options, name, None)
        if value is not None and value < 1:
            raise InputError(f"{flag_of(name)} is {value}; it must be at least 1")
    for name, value in vars(options).items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            problem = mismatch(value, limit_of(name), flag_of(name))
            if problem:
                raise InputError(f"{problem}; pass another value")
        if name.endswith("learning_rate"):
            # A rate may fall to 0, but starts above it.
            check_learning_rate(value, flag_of(name), may_freeze=name.startswith("final_"))
    for name in ("data", "run", "export", "warm_start"):
        if getattr(options, name, None) == "":
            raise InputError(f"{flag_of(name)} is empty; leave it out, or pass a name or a path")
    if options.size is not None and options.size < 1:
        raise InputError(f"--size is {options.size}; it must be at least 4")
    linear_decay = getattr(options, "linear_decay", None)
    if linear_decay is not None and not linear_decay >= 0:
        raise InputError(
            f"--linear-decay is {linear_decay}; it must be from 0 to 1, where 1 means no decay"
        )
    for name, value in vars(options).items():
        if isinstance(value, str) and printable(value) != value:
            raise InputError(
                f"{flag_of(name)} is {printable(value)}, which is not valid UTF-8; rename the file"
                " or folder"
            )
    if getattr(options, "name", None) is not None:
        check_name(options.name)
    for name, choices in (("precision", PRECISIONS), ("strategy", STRATEGIES)):
        word = getattr(options, name)
        # mirrored:2 has a number of devices.
        if word.partition(":" if name == "strategy" else "\0")[0] not in choices:
            raise InputError(f"{flag_of(name)} is {word!r}; {must_be(word, choices)}")


def check_choices(options: types.SimpleNamespace, recipe: Mapping[str, Any]) -> None:
    """Refuses words that are none of a flag's, before anything that takes seconds.

    Args:
        options: the constants; `None` passes.
        recipe: the recipe's globals. Its `CHOICES`, if it has some, are the values that a constant
            may have, by its name; a constant whose default is "" is a list with commas.

    Raises:
        InputError: which value, and what would be right.
    """
    for name, choices in recipe.get("CHOICES", {}).items():
        value = getattr(options, name.lower(), None)
        several = isinstance(value, str) and recipe.get(name) == ""
        words = [word.strip() for word in value.split(",") if word.strip()] if several else [value]
        for word in words:
            if word is not None and word not in choices:
                raise InputError(f"{flag_of(name)} is {word!r}; {must_be(word, choices)}")


def limit_of(name: str) -> Number:
    """The numbers that a constant may be, whatever the recipe."""
    return _LIMITS.get(name, Number(float, -_LARGEST, _LARGEST))


def largest_batch(per_step: int, count: int, replicas: int = 1) -> int:
    """The largest `--batch` that data of `count` examples fill; 0: none (see `check_batch`)."""
    largest = count // per_step
    while largest > 0 and largest * per_step % replicas:
        largest -= 1
    return largest


def check_batch(batch: int, per_step: int, count: int, replicas: int = 1) -> None:
    """Refuses a `--batch` that the data cannot fill, or the devices cannot share.

    Args:
        batch: the constant.
        per_step: batches that the game takes in one step.
        count: examples in the data.
        replicas: devices that share a batch.

    Raises:
        InputError: says which values of `--batch` are possible.
    """
    needed = f"--batch is {batch}"
    if per_step > 1:
        needed += f" and a step takes {per_step} batches, {batch * per_step} examples"
    largest = largest_batch(per_step, count, replicas)
    if batch * per_step > count:
        advice = f"pass --batch {largest} or less, or add data" if largest else "add data"
        raise InputError(f"{needed}, but the data have {count}; {advice}")
    if batch * per_step % replicas:
        raise InputError(
            f"{needed}, which {replicas} devices cannot share evenly; pass a --batch that is a"
            f" multiple of {replicas}"
        )


def _boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false; pass one of them")
    return words[text.lower()]
