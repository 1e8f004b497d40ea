"""What to do with a run when it has ended: commands of this run that can be pasted into a shell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfgan_suite.utils.text import quote

# Of the command that uses a game, what measures it. Inputs of translators and of style transfer
# cannot be drawn: what their commands write is measured, as a folder.
_MEASURES = {
    "sample": "measure {run} --against {data}",
    "upscale": "measure sr {run} {data}",
    "--text": "measure {run} --against {data} --measures r_precision --text-encoder READER",
    "translate": "measure OUTPUT --against TARGETS",
    "lipsync": "measure dubbing {run} --against {data}",
}


def train_longer(words: Sequence[str], run: str, steps: int) -> str:
    """The command that was typed, with twice the steps.

    Args:
        words: `sys.argv`: the recipe and its flags.
        run: the run folder.
        steps: that are trained.
    """
    # A path that begins with a dash is no flag after =.
    name = [f"--run={run}"] if run.startswith("-") else ["--run", run]
    others = _without(words[1:], ("--run", "--steps", "--epochs"))
    flags = [*others, *name, "--steps", str(2 * steps)]
    return " ".join(["python", *map(quote, [words[0], *flags])])


def measure(usage: str, run: str, data: str) -> str | None:
    """The command that measures a run.

    Args:
        usage: the game's.
        run: the run folder.
        data: what it was trained on.

    Returns:
        `None` where no command does.
    """
    command = _MEASURES.get("--text" if "--text" in usage else usage.split()[0])
    if command is None:
        return None
    return f"python -m tfgan_suite {command.format(run=_path(run), data=_path(data))}"


def use(usage: str, source: str) -> str:
    """The command that uses a run or an export; words in capitals stand for the user's files."""
    return f"python -m tfgan_suite {usage.format(_path(source))}"


def curves(run: str) -> str:
    """The command that shows the curves of a run in TensorBoard."""
    return f"tensorboard --logdir {quote(f'{run}/logs')}"


def _path(text: str) -> str:
    """A path as an argument; `--` would be read as a flag."""
    return quote(f"./{text}" if text.startswith("-") else text)


def _without(words: Sequence[str], flags: Sequence[str]) -> Iterator[str]:
    """Words of a command line without some flags and their values."""
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word in flags:
            is_value = True
        elif word.partition("=")[0] not in flags:
            yield word
