"""The command `lipsync`: redraws the mouth of a face in a video or an image to fit a sound."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgan_suite.cli import arguments
from tfgan_suite.errors import InputError

if TYPE_CHECKING:
    from tfgan_suite.inference.face_blending import Box

BLENDS = ("feather", "poisson")
LENGTHS = ("sound", "video", "longer", "shorter")
CONSENT = (
    "Use it with the consent of those whose face and voice these are, and say that it is generated."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to a parser."""
    parser.epilog = CONSENT
    add = parser.add_argument
    add("source", help="run folder, export, SavedModel folder or .tflite file of Wav2Lip")
    add("picture", help="a video, or a still image of a face")
    add("sound", help="a sound file, or a video with sound")
    add("output", help="the .mp4 file")
    add("--box", metavar="X,Y,W,H", help="place of the face in every frame [a detector finds it]")
    add(
        "--boxes",
        metavar="FILE",
        help=".json or .csv file with the box of each frame, as for the training data"
        ' (docs/talking_faces.md): {"NAME": [[x, y, w, h], null, ..]}, with NAME of the video'
        " without its ending; frames without a box stay as they are",
    )
    add(
        "--face",
        type=int,
        metavar="N",
        help="of several faces in the first frame, the one to dub, from the left, 0 first"
        " [the largest]",
    )
    add(
        "--pads",
        default="0,0,0,0",
        metavar="T,B,L,R",
        help="pixels added to the box of a detected face: top, bottom, left, right; crops should"
        " show what those of the training showed [0,0,0,0]",
    )
    add(
        "--length",
        choices=LENGTHS,
        default="sound",
        help="of the output: that of the sound (the video is cut, or repeated), of the video (the"
        " mouth closes when the sound ends), of the longer or of the shorter one [sound]",
    )
    add(
        "--blend",
        choices=BLENDS,
        default="feather",
        help="how the new mouth meets the frame: it fades in, or (poisson, needs SciPy) its colours"
        " continue those around it [feather]",
    )
    add(
        "--feather",
        type=float,
        default=0.15,
        help="share of the box over which the new mouth fades in, 0 to 0.5 [0.15]",
    )
    add(
        "--smooth",
        type=int,
        metavar="N",
        help="frames over which boxes are averaged; 1: none, for faces that move fast [5 for a"
        " detected face, else 1]",
    )
    add("--batch", type=int, default=16, help="faces that go through the network at once [16]")
    add("--no-watermark", action="store_true", help="leave out the visible mark; metadata stay")
    add(
        "--lossless",
        action="store_true",
        help="keep every bit of the frames: H.264 of RGB, for editing; few players show it",
    )
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; returns 0.

    Raises:
        InputError: bad input; nothing is written then.
    """
    _check(args)
    pads = _numbers(args.pads, "--pads", "top, bottom, left and right, such as 0,10,0,0")
    corner = args.box and _numbers(args.box, "--box", "left, top, width and height")
    from tfgan_suite.inference import face_dubber

    placed = face_dubber.boxes_of_file(args.boxes, args.picture) if args.boxes else None
    dubber = face_dubber.open_dubber(args.source)
    locate = _fixed(corner) if corner else placed or _tracker(args, pads)
    detected = not corner and placed is None
    smooth = args.smooth or (face_dubber.face_blending.SMOOTHED_FRAMES if detected else 1)
    bar = _Bar(sys.stderr if sys.stderr.isatty() and not args.json else None)
    start = time.monotonic()
    done = face_dubber.dub(
        dubber,
        args.picture,
        args.sound,
        args.output,
        locate,
        length=args.length,
        batch=args.batch,
        feather=args.feather,
        blend=args.blend,
        smooth=smooth,
        watermarked=not args.no_watermark,
        lossless=args.lossless,
        progress=bar,
    )
    bar.close()
    speed = done.frames / max(time.monotonic() - start, 1e-9)
    _report(args, done, speed)
    return 0


def _report(args: argparse.Namespace, done: Any, speed: float) -> None:
    if args.json:
        numbers = {**vars(done), "frames_per_second": round(speed, 2), "output": args.output}
        print(json.dumps(numbers))
        return
    if done.faces < done.frames:
        print(f"{done.frames - done.faces} frames without a face are as they were")
    if done.repeated or done.dropped:
        print(
            f"{args.picture} has a variable frame rate: {done.repeated} frames were repeated and"
            f" {done.dropped} left out for a constant {done.fps:g} frames a second"
        )
    print(f"wrote {args.output}: {done.frames} frames, {speed:.1f} a second. {CONSENT}")


def _fixed(corner: list[int]) -> Callable[[Any, int], Box]:
    """The same box for every frame."""
    from tfgan_suite.inference.face_blending import Box

    box = Box(*corner)
    return lambda frame, number: box


def _tracker(args: argparse.Namespace, pads: list[int]) -> Callable[[Any, int], Box | None]:
    """A detector that stays with one face."""
    from tfgan_suite.inference.face_dubber import FaceTracker

    detect = find_faces()
    return FaceTracker(
        lambda frame: [box.padded(*pads) for box in detect(frame)],
        args.face,
        log=lambda line: print(line, file=sys.stderr),
    )


def find_faces() -> Callable[[Any], list[Box]]:
    """A function from a frame to the boxes of its faces.

    Raises:
        InputError: OpenCV is not installed.
    """
    from tfgan_suite.data.readers import face_boxes
    from tfgan_suite.inference.face_blending import Box

    detect = face_boxes.detector()
    return lambda frame: [Box(*map(int, found)) for found in detect(frame)]


class _Bar:
    """A progress bar on a terminal.

    Args:
        stream: the terminal; None: no bar.
    """

    WIDTH = 30

    def __init__(self, stream: Any):
        self.stream, self._next = stream, 0.0

    def __call__(self, count: int, total: int | None) -> None:
        now = time.monotonic()
        if self.stream is None or now < self._next and count != total:
            return
        self._next = now + 0.2
        if total:
            filled = min(self.WIDTH, self.WIDTH * count // total)
            bar = f"[{'=' * filled}{' ' * (self.WIDTH - filled)}] {count}/{total} frames"
        else:
            bar = f"{count} frames"
        print(f"\r{bar}", end="", file=self.stream, flush=True)

    def close(self) -> None:
        """Ends the line of the bar."""
        if self.stream is not None:
            print(file=self.stream)


def _numbers(text: str, flag: str, expected: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise InputError(f"{flag} is {text!r}; expected four whole numbers: {expected}")
    return numbers


def _check(args: argparse.Namespace) -> None:
    if Path(args.output).suffix.lower() != ".mp4":
        raise InputError(f"{args.output} does not end in .mp4; name the output like dubbed.mp4")
    for path in (args.picture, args.sound):
        if not Path(path).is_file():
            raise InputError(f"{path} is no file; expected a video, an image or a sound")
        if Path(args.output).exists() and Path(args.output).samefile(path):
            raise InputError(f"{args.output} is an input, too; write to another file")
    if not 0.0 <= args.feather <= 0.5:
        raise InputError(f"--feather is {args.feather}; it must be from 0 to 0.5")
    if args.box and args.boxes:
        raise InputError("--box and --boxes both say where the face is; pass one of them")
    if args.face is not None and (args.box or args.boxes):
        raise InputError("--face chooses among detected faces; leave it out, or the box")
    for flag, number in (("--batch", args.batch), ("--smooth", args.smooth)):
        if number is not None and number < 1:
            raise InputError(f"{flag} is {number}; it must be 1 or more")
    if args.face is not None:
        arguments.check_counts(face=args.face)
