"""The command `demo`: a web page that runs exports in the browser."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tfgan_suite.cli.arguments import add_json
from tfgan_suite.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    add = parser.add_argument
    add(
        "sources",
        nargs="+",
        metavar="EXPORT",
        help="exports (saved_models/NAME[/VERSION]), or names of shipped ones",
    )
    add("--out", default="site", help="folder for the page and its files [site]")
    add(
        "--runtime",
        metavar="FOLDER",
        help="folder of LiteRT.js, whose files are copied [node_modules/@litertjs/core, which npm"
        " install @litertjs/core writes]",
    )
    add(
        "--cdn",
        action="store_true",
        help="fetch LiteRT.js from its CDN when the page is opened; copy nothing",
    )
    add(
        "--precision",
        choices=("float32", "float16", "int8"),
        help="which TFLite files the page runs; float16 is half the download [of each export the"
        " first of these that it has]",
    )
    add(
        "--text",
        action="append",
        metavar="SENTENCE",
        help="sentence to choose from, for exports that draw sentences; once or more",
    )
    add(
        "--picture",
        action="append",
        metavar="IMAGE",
        help="image to choose from, for exports that take images; once or more",
    )
    add("--title", default="Generators to play with", help="headline of the page")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command; exit code 0.

    Raises:
        InputError: bad input.
    """
    folder = _runtime_folder(args)
    from tfgan_suite.demo import site

    result = site.write(
        args.sources,
        args.out,
        folder,
        precision=args.precision,
        texts=args.text or (),
        images=args.picture or (),
        title=args.title,
    )
    for remark in result.remarks:
        print(remark, file=sys.stderr)
    if args.json:
        fields = {"page": str(result.folder / "index.html"), "exports": result.exports}
        print(json.dumps({**fields, "bytes": result.size}))
        return 0
    print(
        f"wrote {result.folder / 'index.html'}: {', '.join(result.exports)};"
        f" {result.size / 2**20:.1f} MiB in all; to open it, run"
    )
    print(f"  python -m http.server --directory {result.folder}")
    return 0


def _runtime_folder(args: argparse.Namespace) -> Path | None:
    """Where LiteRT.js is; None for its CDN."""
    from tfgan_suite.demo import runtime

    if args.cdn:
        if args.runtime is not None:
            raise InputError("--runtime and --cdn are both set; pass one of them")
        return None
    if args.runtime is None and not runtime.DEFAULT_FOLDER.is_dir():
        raise InputError(
            f"LiteRT.js, which runs the exports in the browser, is not in {runtime.DEFAULT_FOLDER};"
            f" run `{runtime.INSTALL}`, pass its folder as --runtime, or pass --cdn"
        )
    return Path(args.runtime or runtime.DEFAULT_FOLDER)
