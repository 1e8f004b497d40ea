"""The command `measure`: its flags, what it prints and where it writes."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfgan_suite.measures import MeasureResult

from tfgan_suite.cli.arguments import add_bit_depth, add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags to a parser."""
    parser.add_argument(
        "source", help="run folder, export (saved_models/NAME), or folder of images"
    )
    parser.add_argument(
        "--against",
        required=True,
        metavar="DATA",
        help="real data: embedded set, folder of images, .npz, IDX folder or tfds:NAME",
    )
    parser.add_argument(
        "--split",
        default="test",
        help="of the data: test or train; of a folder without splits a part is held out [test]",
    )
    parser.add_argument(
        "--measures",
        default="fid,kid,prdc",
        help="comma-separated: fid, fid_inf, kid, prdc, is, swd, parzen,"
        " memorisation, memorisation_pixels; for runs and exports also ppl (smoothness of z and w)"
        " and separability, if style-based style_variance (which layers decide what) and psi_sweep;"
        " for runs classes (does a classifier see the requested class?), codes (InfoGAN), copies"
        " (ALI); for games that draw sentences captions (do images show what is said?), boxes and"
        " keypoints (do they show it there?), r_precision [fid,kid,prdc]",
    )
    parser.add_argument(
        "--samples", type=int, default=10_000, help="number of examples of each side [10000]"
    )
    parser.add_argument(
        "--extractor",
        default="inception_v3",
        help="inception_v3, vgg16, vgg19, mobilenet_v2, or a file written by"
        " recipes/classifier.py; NAME:LAYER for another layer [inception_v3]",
    )
    parser.add_argument(
        "--text-encoder", metavar="RUN", help="run of recipes/text_encoder.py, for r_precision"
    )
    parser.add_argument(
        "--regressor",
        metavar="FILE",
        help="a .keras network that reads key points, for keypoints of your own data; if there is"
        " no such file it is trained on the training images and written",
    )
    parser.add_argument("--seed", type=int, default=0, help="of samples and reference [0]")
    parser.add_argument("--batch", type=int, default=250, help="images per batch [250]")
    parser.add_argument(
        "--size", type=int, help="side of the images [the size that the run was trained with]"
    )
    parser.add_argument(
        "--ruler",
        action="store_true",
        help="also measure one half of the data against the other, as it is and blurred: what a"
        " perfect and a blurred result would get",
    )
    add_bit_depth(parser)
    parser.add_argument("--out", help="file for the JSON lines [a run's measures.jsonl]")
    parser.add_argument(
        "--cache",
        help="folder for the reference's features, or none [$TFGAN_SUITE_CACHE or"
        " ~/.cache/tfgan_suite]",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Args:
        args: the parsed flags.

    Returns:
        Exit code 0.

    Raises:
        InputError: bad input, as `measure`.
    """
    from tfgan_suite.measures import measure, result
    from tfgan_suite.measures.measure import OF_SENTENCES
    from tfgan_suite.utils.cache_folders import cache_folder

    names = [name.strip() for name in args.measures.split(",") if name.strip()]
    if set(OF_SENTENCES) & set(names):
        return _measure_sentences(args, names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", result.MeasureWarning)
        results = measure(
            args.source,
            args.against,
            measures=names,
            split=args.split,
            samples=args.samples,
            extractor=args.extractor,
            seed=args.seed,
            batch=args.batch,
            size=args.size,
            bit_depth=args.bit_depth,
            cache=cache_folder(args.cache),
            progress=not args.json and sys.stdout.isatty(),
            with_ruler=args.ruler,
        )
    for warning in caught:
        if issubclass(warning.category, result.MeasureWarning):
            print(f"warning: {warning.message}", file=sys.stderr)
    for outcome in results:
        print(outcome.to_json() if args.json else _line(outcome))
    if not args.json:
        print(_protocol_line(results[0].protocol))
    result.save_results(results, Path(args.source), args.out)
    return 0


def _measure_sentences(args: argparse.Namespace, names: list[str]) -> int:
    """Measures of games that draw sentences, whose examples are not images alone."""
    from tfgan_suite.measures import result, sentence_readings

    results = sentence_readings.measure(
        args.source,
        args.against,
        names,
        samples=args.samples,
        seed=args.seed,
        text_encoder=args.text_encoder,
        regressor=args.regressor,
    )
    for outcome in results:
        print(outcome.to_json() if args.json else _line(outcome) + _beside(outcome.protocol))
    if not args.json:
        print(_sentence_protocol(results[-1].protocol))
    result.save_results(results, Path(args.source), args.out)
    return 0


def _beside(facts: Mapping[str, Any]) -> str:
    """The values that a result is compared with, in words."""
    words = {"real": "real images", "shuffled": "shuffled", "unseen": "unseen combinations"}
    values = [f"{word} {facts[key]:.4g}" for key, word in words.items() if key in facts]
    return f"  ({', '.join(values)})" if values else ""


def _sentence_protocol(facts: Mapping[str, Any]) -> str:
    """The protocol of the last result in words."""
    reader = next(
        (
            f"; {word} {facts[key]}"
            for key, word in (("text_encoder", "text encoder"), ("weights", "regressor"))
            if key in facts
        ),
        "",
    )
    among = f" among {facts['candidates']}" if "candidates" in facts else ""
    step = f", step {facts['step']}" if facts.get("step") is not None else ""
    ema = {True: ", averaged weights", False: ", plain weights"}.get(facts.get("ema"), "")
    return (
        f"of {facts['n_fake']} test sentences of {facts['against']}{among}{step}{ema}, seed"
        f" {facts['seed']}{reader}"
    )


def _line(outcome: MeasureResult) -> str:
    spread = ""
    if outcome.spread is not None:
        spread = f" +- {outcome.spread:.3g} ({outcome.protocol['spread']})"
    return f"{outcome.name:44} {outcome.value:12.6g}{spread}"


def _protocol_line(facts: Mapping[str, Any]) -> str:
    """The protocol in words."""
    step = f", step {facts['step']}" if facts.get("step") is not None else ""
    ema = {True: ", averaged weights", False: ", plain weights"}.get(facts.get("ema"), "")
    weights = f" (weights {facts['weights']})" if facts.get("weights") else ""
    shares = facts.get("class_shares")
    if shares is not None:
        words = shares if isinstance(shares, str) else "in the shares of the training data"
        ema += f", classes {words}"
    return (
        f"of {facts['samples_of']}{step}{ema}: {facts['n_fake']} samples against "
        f"{facts['n_real']} of {facts['against']} ({facts['split']}), {facts['size']}, seed "
        f"{facts['seed']}; extractor {facts.get('extractor') or 'none'}{weights}, resize "
        f"{facts.get('resize') or 'none'}"
    )
