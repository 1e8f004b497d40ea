"""The command `measure lipsync`: lip sync of clips by a trained expert."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.utils.files import write_bytes, writing_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    add = parser.add_argument
    add("data", help="a video, a folder of clips, or talking, talking-hard")
    add("--expert", required=True, metavar="RUN", help="run or export of recipes/syncnet.py")
    add("--split", choices=["train", "test"], help="of the data [all of it; talking: test]")
    add(
        "--box",
        metavar="BOX",
        help="where the faces are: X,Y,W,H in every frame, a file of boxes, or faces (the frames"
        " are cut already) [a detector finds them]",
    )
    add(
        "--offsets",
        metavar="FILE",
        help="write the offsets of clips that are out of sync, for recipes/syncnet.py --offsets",
    )
    add("--out", help="file for the JSON lines [none]")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns 0, also where some clips were skipped; they are named.

    Raises:
        InputError: bad input.
    """
    from tfgan_suite.data.talking_faces import load_clips
    from tfgan_suite.measures import lip_sync
    from tfgan_suite.measures.result import save_results

    expert = lip_sync.open_expert(args.expert)
    size = int(expert.signature("embed_video").inputs[0].shape[1])
    clips, skipped = load_clips(args.data, size=size, split=args.split, box=args.box)
    for name, reason in skipped:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    results = lip_sync.lip_sync(expert, clips, name=Path(args.expert).name)
    for result in results:
        print(result.to_json() if args.json else _line(result))
    if args.offsets is not None:
        offsets = lip_sync.clip_offsets(expert, clips)
        with writing_to(Path(args.offsets).parent):
            write_bytes(Path(args.offsets), (json.dumps(offsets, indent=2) + "\n").encode())
        print(f"wrote {args.offsets}: {len(offsets)} of {len(clips)} clips are out of sync")
    if args.out is not None:
        save_results(results, Path(args.data), args.out)
    return 0


def _line(result: Any) -> str:
    """A result as text; of the offset, how many clips are in sync."""
    facts = result.protocol
    if result.spread is not None:
        extra = f" +- {result.spread:.3g} over {facts['clips']} clips"
    else:
        extra = f" frames (median; {facts['in_sync']} of {facts['clips']} clips are in sync)"
    return f"{result.name:32} {result.value:9.4g}{extra}"
