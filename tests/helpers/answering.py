"""Small images, and simulated raters that write what the page would save: no judgement."""

import hashlib
import json

import numpy as np
from PIL import Image

from tfgan_suite.study import answers


def write_images(folder, count, size=16, seed=0, stem="img"):
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.RandomState(seed)
    for index in range(count):
        pixels = draws.randint(0, 256, (size // 4, size // 4, 3)).repeat(4, 0).repeat(4, 1)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{stem}{index:02d}.png")
    return folder


def write(path, key, rater, choose, **changes):
    """Writes a result file; `choose(trial, shown)` gives each answer."""
    order = answers.order_for(key, rater)
    lines = "\n".join(" ".join([trial["id"], *shown]) for trial, shown in order)
    found = {
        "format": answers.FORMAT,
        "study": key["study"],
        "kind": key["kind"],
        "rater": rater,
        "automated": True,
        "started": "2020-01-01T10:00:00.000Z",
        "finished": "2020-01-01T10:05:00.000Z",
        "order": hashlib.sha256(lines.encode()).hexdigest(),
        "answers": [
            {"trial": trial["id"], "shown": shown, "answer": choose(trial, shown), "ms": 900 + i}
            for i, (trial, shown) in enumerate(order)
        ],
    }
    found.update(changes)
    found["check"] = answers.checksum(found)
    path.write_text(json.dumps(found))
    return path


def side(key, name):
    return key["images"][name]["side"]
