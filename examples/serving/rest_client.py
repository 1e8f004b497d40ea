"""Asks TensorFlow Serving for images over REST. Only Python's own library, no TensorFlow.

    python rest_client.py dcgan_shapes OUTPUT                         four samples from noise
    python rest_client.py cgan_shapes OUTPUT --label 3                of a class
    python rest_client.py gan_cls_captions OUTPUT --text "a red circle"
    python rest_client.py pix2pix_pairs OUTPUT --image sketch.png     translated
    python rest_client.py srresnet_scenes OUTPUT --image small.png    enlarged

OUTPUT, a folder, receives the PNG files 0.png, 1.png, ... The signature is the one that takes and
returns files: `png`, with --text `text_sample_png`; --signature names another.
"""

import argparse
import base64
import json
import pathlib
import random
import sys
import urllib.error
import urllib.request

URL = "http://localhost:8501"


class ServingError(Exception):
    """What the server said, or that it did not answer."""


def ask(url, body=None, timeout=60.0):
    """The JSON that the server answers; `body` is sent as JSON with POST."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            reason = json.load(error)["error"]
        except (ValueError, KeyError):
            reason = error.reason
        raise ServingError(f"{error.code}: {reason}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ServingError(f"{url} does not answer ({reason}); is the server running?") from None


def signatures(model, url=URL):
    """Inputs of each signature by name: `{"png": {"z": ("DT_FLOAT", [-1, 8])}}`."""
    answer = ask(f"{url}/v1/models/{model}/metadata")
    table = answer["metadata"]["signature_def"]["signature_def"]
    return {
        name: {key: (spec["dtype"], shape_of(spec)) for key, spec in entry["inputs"].items()}
        for name, entry in table.items()
        if entry.get("inputs")
    }


def shape_of(spec):
    """Sizes of an input as the metadata state them; -1: any."""
    return [int(size["size"]) for size in spec.get("tensor_shape", {}).get("dim", [])]


def make_inputs(specs, count=4, seed=0, label=None, text=None, images=()):
    """Values for the inputs of a signature; files as bytes.

    Noise is drawn from a normal distribution, as the games of this suite take it by default; the
    export's `card.json` says if one takes another.
    """
    draws = random.Random(seed)
    count = len(images) or count
    values = {}
    for name, (kind, shape) in specs.items():
        if name.endswith("_bytes"):
            values[name] = list(images)
        elif kind == "DT_STRING":
            values[name] = [text or ""] * count
        elif not shape:
            values[name] = {"seed": seed, "count": count}.get(name, 0)
        elif name == "seed":
            values[name] = [seed + number for number in range(count)]
        elif name == "label":
            values[name] = [draws.randrange(2) if label is None else label for _ in range(count)]
        elif len(shape) == 2 and min(shape[1:]) > 0:
            values[name] = [[draws.gauss(0, 1) for _ in range(shape[1])] for _ in range(count)]
        else:
            raise ServingError(f"the input {name} {shape} is none that this client can make up")
    return values


def predict(model, signature, inputs, url=URL):
    """Outputs by name; files are bytes."""
    body = {"signature_name": signature, "inputs": _encoded(inputs)}
    outputs = _decoded(ask(f"{url}/v1/models/{model}:predict", body)["outputs"])
    # Of a single output the server leaves the name out.
    return outputs if isinstance(outputs, dict) else {"output": outputs}


def _encoded(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _encoded(part) for key, part in value.items()}
    return [_encoded(part) for part in value] if isinstance(value, list) else value


def _decoded(value):
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {key: _decoded(part) for key, part in value.items()}
    return [_decoded(part) for part in value] if isinstance(value, list) else value


def arguments(description):
    """The flags that both clients take."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="name under which the server has it")
    parser.add_argument("output", type=pathlib.Path, help="folder for the PNG files")
    parser.add_argument("--signature", help="default: png, with --text text_sample_png")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--label", type=int)
    parser.add_argument("--text")
    parser.add_argument("--image", type=pathlib.Path, action="append", default=[])
    return parser


def chosen(flags, table):
    """The signature that the flags mean, and its inputs."""
    name = flags.signature or ("png" if flags.text is None else "text_sample_png")
    if name not in table:
        raise ServingError(f"{flags.model} has no signature {name}; it has {', '.join(table)}")
    files = [path.read_bytes() for path in flags.image]
    if any(key.endswith("_bytes") for key in table[name]) and not files:
        raise ServingError(f"the signature {name} takes images; pass --image FILE")
    return name, make_inputs(
        table[name], flags.count, flags.seed, flags.label, flags.text, images=files
    )


def save(outputs, folder):
    """Writes the files among the outputs; returns their number."""
    files = [file for part in outputs.values() for file in part if isinstance(file, bytes)]
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        (folder / f"{number}.png").write_bytes(file)
    return len(files)


def main(words=None):
    parser = arguments(__doc__)
    parser.add_argument("--url", default=URL)
    flags = parser.parse_args(words)
    try:
        name, inputs = chosen(flags, signatures(flags.model, flags.url))
        print(f"{save(predict(flags.model, name, inputs, flags.url), flags.output)} images")
    except (ServingError, OSError) as error:
        sys.exit(f"rest_client.py: {error}")


if __name__ == "__main__":
    main()
