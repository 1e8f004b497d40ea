"""Files named like those of LiteRT.js, a few bytes each: what `demo` copies, but cannot run."""

from pathlib import Path


def write_packages(home):
    """Folders like those that npm writes below `home`; returns that of `@litertjs/core`."""
    packages = Path(home) / "node_modules" / "@litertjs"
    content = b'import { createWasmLib } from "@litertjs/wasm-utils";\nexport { x };\n'
    files = {
        "core/dist/index.js": content,
        "wasm-utils/dist/index.js": b"export const createWasmLib = 1;\n",
    }
    for variant in ("", "_compat", "_threaded", "_jspi"):
        for ending in ("js", "wasm"):
            name = f"core/wasm/litert_wasm{variant}_internal.{ending}"
            files[name] = variant.encode() + ending.encode()
    for name, content in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return packages / "core"
