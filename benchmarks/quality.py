"""How well games learn: the same data, the same budget, one row per game.

    python benchmarks/quality.py points                       ring and grid of Gaussians, 3 seeds
    python benchmarks/quality.py images --data IMAGES --extractor classifier.keras --minutes 5

Each row is a recipe, run as a user runs it in its own process, and then measured. Rows are stored
in a file of JSON lines; the same command resumes where it was stopped. A game is the name of a
recipe, or a quoted name with flags: "gan --loss minimax". For the figures see
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tfgan_suite.errors import InputError  # noqa: E402
from tfgan_suite.utils.files import append_json  # noqa: E402
from tfgan_suite.utils.json_files import (  # noqa: E402
    POSITIVE,
    Maybe,
    mismatch,
    parse_json,
    read_json,
    read_json_lines,
)

POINT_GAMES = (
    "gan --loss minimax", "gan", "lsgan", "wgan", "wgan_gp", "sngan", "r3gan", "ebgan", "ali",
)  # fmt: skip
IMAGE_GAMES = (
    "gan", "dcgan --latent-dim 32 --learning-rate 0.001", "cgan", "lsgan", "wgan", "wgan_gp",
    "sngan", "r3gan", "ebgan", "ali", "gran", "infogan",
)  # fmt: skip
_ADVICE = "delete that run folder, and start again"
PROBE = 120  # steps of the run that measures the time per step


def main() -> int:
    """Runs what is missing and prints the table; 2 with a one-line reason for bad input."""
    args = _parser().parse_args()
    try:
        return _main(args)
    except InputError as error:
        print(f"quality.py: {error}", file=sys.stderr)
        return 2


def _main(args: argparse.Namespace) -> int:
    if args.pace_only:
        for game in args.games:
            print(json.dumps(_known_pace(args, game)))
        return 0
    rows = _rows(args.out)
    for task in args.tasks(args):
        if _of(task, rows):
            continue
        row = {**task, **args.play(args, task)}
        rows.append(row)
        append_json(args.out, row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    print(args.table(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(required=True, metavar="points | images")
    points = kinds.add_parser("points", help="modes found on the ring and the grid")
    points.add_argument("--games", nargs="+", default=POINT_GAMES, help="recipes, with flags")
    points.add_argument("--worlds", nargs="+", default=("ring", "grid"), help="ring, grid")
    points.set_defaults(tasks=_point_tasks, play=_play_points, table=points_table, pace_only=False)
    images = kinds.add_parser("images", help="FID, KID and more on images")
    images.add_argument("--games", nargs="+", default=IMAGE_GAMES, help="recipes, with flags")
    images.add_argument("--data", required=True, help="images, as recipes take them")
    images.add_argument("--extractor", required=True, help="file of recipes/classifier.py")
    images.add_argument("--minutes", type=float, default=5.0, help="training time of each game [5]")
    images.add_argument("--samples", type=int, default=10_000, help="samples measured [10000]")
    images.add_argument(
        "--paces", default="paces.jsonl", help="file of each game's time per step [paces.jsonl]"
    )
    images.add_argument(
        "--pace-only",
        action="store_true",
        help="only measure that time, which needs an idle machine",
    )
    images.set_defaults(tasks=_image_tasks, play=_play_images, table=images_table)
    for sub in (points, images):
        sub.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2), help="[0 1 2]")
        sub.add_argument("--out", default="quality.jsonl", help="file of rows [quality.jsonl]")
        sub.add_argument("--runs", default="runs/quality", help="run folders [runs/quality]")
    return parser


def _rows(path: str) -> list[dict[str, Any]]:
    if not Path(path).exists():
        return []
    advice = "delete the damaged line, which is then measured again"
    return read_json_lines(path, {}, advice=advice, unfinished=True)


def _of(task: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The row of a task, if it was run before."""
    return next((row for row in rows if task.items() <= row.items()), None)


def _point_tasks(args: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        {"game": game, "world": world, "seed": seed}
        for world in args.worlds
        for game in args.games
        for seed in args.seeds
    ]


def _image_tasks(args: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        {"game": game, "data": args.data, "minutes": args.minutes, "seed": seed}
        for seed in args.seeds
        for game in args.games
    ]


def _recipe(game: str, run: str, *flags: str) -> float:
    """Runs a recipe; the seconds it took."""
    name, *own = shlex.split(game)
    words = [sys.executable, str(ROOT / "recipes" / f"{name}.py"), *own]
    start = time.perf_counter()
    subprocess.run(
        [*words, *flags, "--run", run, "--export", "none"], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def _folder(args: argparse.Namespace, *parts: object) -> str:
    words = "_".join(str(part) for part in parts).replace("--", "").split()
    return str(Path(args.runs) / "_".join(words).replace("/", "_"))


def _play_points(args: argparse.Namespace, task: dict[str, Any]) -> dict[str, Any]:
    run = _folder(args, task["game"], task["world"], task["seed"])
    seconds = _recipe(task["game"], run, "--data", task["world"], "--seed", str(task["seed"]))
    schema = {"seed": int}
    lines = read_json_lines(Path(run) / "measures.jsonl", advice=_ADVICE, unfinished=True)
    if not lines or mismatch(lines[-1], schema):
        raise InputError(f"{run}/measures.jsonl ends without a measurement; {_ADVICE}")
    measured = lines[-1]
    measured["sample_seed"] = measured.pop("seed")  # the row's seed is the run's
    return {"seconds": round(seconds), **measured}


def _play_images(args: argparse.Namespace, task: dict[str, Any]) -> dict[str, Any]:
    """Trains for as many steps as the minutes allow, then measures."""
    pace = _known_pace(args, task["game"])
    steps = max(PROBE, int(60 * args.minutes / pace["seconds_a_step"]))
    run = _folder(args, task["game"], Path(args.data).name, task["seed"])
    interval = str(max(1, steps // 10))
    flags = [
        "--data",
        args.data,
        "--seed",
        str(task["seed"]),
        "--log-every",
        interval,
        "--checkpoint-every",
        interval,
    ]
    seconds = _recipe(task["game"], run, *flags, "--steps", str(steps))
    words = [sys.executable, "-m", "tfgan_suite", "measure", run, "--against", args.data]
    words += ["--split", "test", "--extractor", args.extractor, "--seed", "0", "--json"]
    words += ["--samples", str(args.samples), "--measures", "fid,kid,prdc,memorisation", "--ruler"]
    output = subprocess.run(
        words, check=True, capture_output=True, encoding="utf-8", cwd=Path.cwd()
    )
    values = {}
    for line in output.stdout.splitlines():
        schema = {"name": str, "value": (float, int)}
        measured = parse_json(line, "the output of measure", schema, advice=_ADVICE)
        values[measured["name"]] = measured["value"]
    return {"steps": steps, "seconds": round(seconds), **pace, **values}


def _known_pace(args: argparse.Namespace, game: str) -> dict[str, float]:
    """The time per step of a game on the data: measured once by a short run, then stored."""
    task = {"game": game, "data": args.data}
    row = _of(task, _rows(args.paces))
    if row:
        return {name: value for name, value in row.items() if name not in task}
    run = _folder(args, "probe", game, Path(args.data).name)
    flags = ["--data", args.data, "--steps", str(PROBE), "--log-every", str(PROBE // 3)]
    _recipe(game, run, *flags)
    pace = _pace(run)
    append_json(args.paces, {**task, **pace})
    return pace


def _pace(run: str) -> dict[str, float]:
    """Time per step and real images per second, between a run's last two sample grids."""
    batches = dict.fromkeys(("critic_steps", "discriminator_steps"), Maybe(POSITIVE))
    schema = {"constants": {"batch": POSITIVE, **batches}}
    constants = read_json(Path(run) / "run.json", schema, advice=_ADVICE)["constants"]
    grids = sorted((Path(run) / "samples").glob("step_*.png"))[-2:]
    (start, began), (end, ended) = ((int(s.stem[5:]), s.stat().st_mtime) for s in grids)
    each = (ended - began) / (end - start)
    images = constants["batch"] * constants.get(
        "critic_steps", constants.get("discriminator_steps", 1)
    )
    return {"seconds_a_step": each, "images_per_s": images / each}


def points_table(rows: list[dict[str, Any]]) -> str:
    """Markdown: modes found and fraction of good points, median and range over seeds."""
    lines = ["| game | world | modes found | good points | seeds | seconds |", "|---" * 6 + "|"]
    for (game, world), group in _groups(rows, "game", "world").items():
        total = group[0]["modes"]
        modes = _spread([row["modes_found"] for row in group], "d")
        good = _spread([100 * row["good_share"] for row in group], ".1f")
        seconds = statistics.median(row["seconds"] for row in group)
        lines.append(
            f"| `{game}` | {world} | {modes} of {total} | {good} % | {len(group)} | {seconds:.0f} |"
        )
    return "\n".join(lines)


def images_table(rows: list[dict[str, Any]]) -> str:
    """Markdown: the measures of each game, median and range over seeds, and those of the ruler."""
    numbers = dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, float))
    measures = [m for m in numbers if m not in ("minutes", "seconds_a_step", "images_per_s")]
    ruled = dict.fromkeys(m.partition(", ")[2] for m in measures if ", " in m)
    measures = [m for m in measures if ", " not in m]
    lines = [f"| game | {' | '.join(measures)} | images/s | steps | seeds |"]
    lines.append("|---" * (len(measures) + 4) + "|")
    for (game,), group in _groups(rows, "game").items():
        cells = [
            _spread([row[m] for row in group if row.get(m) is not None], ".3g") for m in measures
        ]
        speed = statistics.median(row["images_per_s"] for row in group)
        steps = statistics.median(row["steps"] for row in group)
        cells += [f"{speed:.0f}", f"{steps:.0f}", str(len(group))]
        lines.append(f"| `{game}` | {' | '.join(cells)} |")
    for row_name in ruled:  # of half as many examples of each side; the same for every game
        values = [[r[k] for r in rows if (k := f"{m}, {row_name}") in r] for m in measures]
        cells = [format(statistics.median(v), ".3g") if v else "" for v in values]
        lines.append(f"| {row_name} | {' | '.join(cells)} | | | |")
    return "\n".join(lines)


def _groups(rows: list[dict[str, Any]], *keys: str) -> dict[tuple, list[dict[str, Any]]]:
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        if all(key in row for key in keys):
            groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def _spread(values: list[float], form: str) -> str:
    """The median, and the range if values differ; of two counts the lower, not their mean."""
    if not values:
        return ""
    counts = all(isinstance(value, int) for value in values)
    middle = statistics.median_low(values) if counts else statistics.median(values)
    low, high = (format(f(values), form) for f in (min, max))
    return format(middle, form) + (f" ({low} to {high})" if low != high else "")


if __name__ == "__main__":
    sys.exit(main())
