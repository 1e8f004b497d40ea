"""The files of LiteRT.js that a page needs, from the npm package `@litertjs/core`."""

from __future__ import annotations

from pathlib import Path

from tfgan_suite.errors import InputError
from tfgan_suite.utils import foreign_files
from tfgan_suite.utils.files import failure_reason

PACKAGE = "@litertjs/core"
# The version that the page was written for and tested with.
VERSION = "2.5.3"
DEFAULT_FOLDER = Path("node_modules") / PACKAGE
_HELPERS = "wasm-utils"
_IMPORT = '"@litertjs/wasm-utils"'
# With and without relaxed SIMD, which the browser decides. Threads would need headers that a plain
# file server does not send.
_BINARIES = tuple(
    f"litert_wasm{variant}_internal.{ending}"
    for variant in ("", "_compat")
    for ending in ("js", "wasm")
)
INSTALL = f"npm install {PACKAGE}@{VERSION}"
# What `demo.json` says of where the page's worker finds the runtime.
COPIED = {"module": "runtime/litert.js", "binaries": "runtime/"}
_CDN = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}"
FROM_CDN = {"module": f"{_CDN}/+esm", "binaries": f"{_CDN}/wasm/"}


def read(folder: str | Path) -> dict[str, bytes]:
    """The runtime's files for a site, by path below the site's folder.

    Args:
        folder: of the npm package, or the `node_modules` that holds it.

    Raises:
        InputError: the folder does not hold the files expected.
    """
    for core in (Path(folder), Path(folder) / PACKAGE):
        if (core / "dist" / "index.js").is_file():
            break
    else:
        raise InputError(
            f"{folder} does not hold LiteRT.js: there is no dist/index.js; run `{INSTALL}` and pass"
            f" --runtime {DEFAULT_FOLDER.as_posix()}"
        )
    siblings = (core.parent / _HELPERS, core / "node_modules" / "@litertjs" / _HELPERS)
    helpers = next((path for path in siblings if path.is_dir()), siblings[0])
    module = _read(core / "dist" / "index.js").decode("utf-8", "replace")
    if _IMPORT not in module:
        raise InputError(
            f"{core / 'dist' / 'index.js'} does not import {_IMPORT}: it is another version than"
            f" the page was written for; run `{INSTALL}`"
        )
    files = {
        # A worker has no import map, so the bare name becomes a path.
        COPIED["module"]: module.replace(_IMPORT, '"./wasm-utils.js"').encode(),
        "runtime/wasm-utils.js": _read(helpers / "dist" / "index.js"),
    }
    for name in _BINARIES:
        files[f"{COPIED['binaries']}{name}"] = _read(core / "wasm" / name)
    return files


def _read(path: Path) -> bytes:
    try:
        content = foreign_files.read_bytes(path)
    except OSError as error:
        raise InputError(
            f"{path}, a part of LiteRT.js, cannot be read ({failure_reason(error)}); run again:"
            f" {INSTALL}"
        ) from error
    if not content:
        raise InputError(f"{path}, a part of LiteRT.js, is empty; run `{INSTALL}` again")
    return content
