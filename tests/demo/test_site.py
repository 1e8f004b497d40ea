"""What the command `demo` writes and refuses; without a browser, and without a trained network."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from litert_files import write_packages
from PIL import Image

from tfgan_suite.cli.main import main
from tfgan_suite.demo import entries, runtime, sentences, site
from tfgan_suite.errors import InputError
from tfgan_suite.networks.text import encode_characters

ROOT = Path(__file__).parents[2]
# The shipped version: `recipes/dcgan.py` adds others beside it.
SHAPES = ROOT / "saved_models" / "dcgan_shapes" / "1"
Z = {"name": "z", "shape": [3], "dtype": "float32", "kind": "normal"}
IMAGE = {"name": "image", "shape": [4, 4, 3], "dtype": "float32", "kind": "image"}
VECTOR = {"name": "embedding", "shape": [2], "dtype": "float32", "kind": "embedding"}
TFLITE = b"\x1c\0\0\0TFL3" + bytes(40)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_export(folder, name="tiny", files=("float32",), inputs=(Z,), output=IMAGE):
    """A folder that looks like an export: the command reads its card and copies its files."""
    version = folder / name / "1"
    signature = {"inputs": list(inputs), "output": output}
    card = {"name": name, "signatures": {"serving_default": signature}, "parameters": 7}
    card["files"] = {f"tflite/{kind}.tflite": len(TFLITE) for kind in files}
    write(version / "card.json", json.dumps({"game": "gan", "export": card}).encode())
    write(version / "saved_model.pb", b"")
    for kind in files:
        write(version / "tflite" / f"{kind}.tflite", TFLITE)
    return version


@pytest.fixture
def packages(tmp_path):
    return write_packages(tmp_path)


def refused(capsys, *words):
    assert main(["demo", *map(str, words)]) == 2
    (reason,) = capsys.readouterr().err.splitlines()
    return reason


def test_a_site_holds_the_page_the_models_and_the_runtime(tmp_path, packages, capsys):
    out = tmp_path / "site"
    words = ["demo", str(SHAPES), str(write_export(tmp_path)), "--out", str(out), "--json"]
    assert main([*words, "--runtime", str(packages)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["exports"] == ["dcgan_shapes", "tiny"]
    index = json.loads((out / "demo.json").read_text())
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert set(index["files"]) == files - {"demo.json"}
    assert said["bytes"] == sum((out / name).stat().st_size for name in index["files"])
    shapes = index["exports"][0]
    assert shapes["classes"][0] == "red circle" and shapes["game"] == "dcgan"
    (signature,) = shapes["signatures"].values()  # neither `sample` nor `png` is a TFLite file
    assert signature["inputs"] == [{**Z, "shape": [8]}]
    model = out / signature["file"]
    assert model.read_bytes() == (SHAPES / "tflite/float32.tflite").read_bytes()


def test_the_runtime_is_copied_with_paths_that_a_worker_can_follow(packages):
    files = runtime.read(packages)
    assert set(files) == {
        "runtime/litert.js", "runtime/wasm-utils.js",
        "runtime/litert_wasm_internal.js", "runtime/litert_wasm_internal.wasm",
        "runtime/litert_wasm_compat_internal.js", "runtime/litert_wasm_compat_internal.wasm",
    }  # fmt: skip
    assert b'from "./wasm-utils.js"' in files["runtime/litert.js"]
    assert files["runtime/litert_wasm_compat_internal.wasm"] == b"_compatwasm"
    assert runtime.read(packages.parents[1]) == files  # node_modules itself


def test_a_page_with_a_cdn_copies_no_runtime_and_names_its_version(tmp_path):
    result = site.write([SHAPES], tmp_path / "site", None)
    index = json.loads((result.folder / "demo.json").read_text())
    assert not any(name.startswith("runtime/") for name in index["files"])
    assert all(f"@litertjs/core@{runtime.VERSION}/" in url for url in index["runtime"].values())


def test_the_page_names_only_files_that_are_shipped_with_it():
    names = {path.name for path in site.PAGE.iterdir()}
    used = {"index.html", "worker.js"}
    for path in site.PAGE.iterdir():
        text = path.read_text("utf-8")
        used |= set(re.findall(r'from "\./([\w.]+)"', text))
        used |= set(re.findall(r'(?:href|src)="([\w.]+)"', text))
        assert "http://" not in text and "https://" not in text  # no network
        assert max(map(len, text.splitlines())) <= 100 and text.count("\n") <= 400
    assert names == used
    assert 'new Worker("worker.js")' in (site.PAGE / "engine.js").read_text("utf-8")
    assert '"page/*"' in (ROOT / "setup.py").read_text("utf-8")


def test_exports_of_one_name_stand_side_by_side(tmp_path):
    exports = [write_export(tmp_path / home) for home in "abc"]
    result = site.write(exports, tmp_path / "site", None)
    assert result.exports == ("tiny", "tiny-2", "tiny-3")
    assert len({path.parent.name for path in result.folder.rglob("*.tflite")}) == 3


def test_a_site_is_written_again_and_what_others_put_there_stays(tmp_path):
    out = tmp_path / "site"
    site.write([write_export(tmp_path, "first")], out, None)
    (out / "CNAME").write_text("example.org")
    site.write([write_export(tmp_path, "second")], out, None)
    assert [path.parent.name for path in out.rglob("*.tflite")] == ["second"]
    assert (out / "CNAME").exists()


def test_an_index_that_was_edited_removes_nothing_outside(tmp_path):
    precious = write(tmp_path / "precious", b"x")
    index = {"format": 1, "files": ["../precious", str(precious)]}
    write(tmp_path / "site" / "demo.json", json.dumps(index).encode())
    site.write([write_export(tmp_path)], tmp_path / "site", None)
    assert precious.exists()


def test_each_export_runs_its_most_precise_files(tmp_path):
    exports = {("int8", "float16"): "float16", ("float16", "float32"): "float32", ("int8",): "int8"}
    for number, (kinds, best) in enumerate(exports.items()):
        entry = entries.read(write_export(tmp_path, f"export{number}", kinds), None)
        assert entry.description["precision"] == best


def test_names_of_cards_do_not_leave_the_site(tmp_path):
    version = write_export(tmp_path)
    card = json.loads((version / "card.json").read_text())
    card["export"]["name"] = "../../outside"
    (version / "card.json").write_text(json.dumps(card))
    assert entries.read(version, "float32").description["id"] == "outside"


@pytest.mark.parametrize(
    "words, reason",
    [
        (["nowhere", "--cdn"], "'nowhere' holds no export"),
        (
            ["{int8}", "--cdn", "--precision", "float32"],
            "no TFLite file of precision float32, which the page runs; pass --precision int8",
        ),
        (["{none}", "--cdn"], "python -m tfgan_suite export RUN writes float32 files"),
        (["{cut}", "--cdn"], "float32.tflite is damaged: it holds 20 bytes"),
        (["{export}", "--cdn", "--out", "{full}"], "holds files and no demo.json"),
        (["{export}", "--cdn", "--out", "{full}/a.txt"], "a file; pass a folder"),
        (["{export}", "--cdn", "--runtime", "{full}"], "both set; pass one of them"),
        (["{export}", "--cdn", "--text", "a dog"], "no export of tiny takes sentences; omit it"),
        (["{export}", "--cdn", "--text", ""], "text is empty"),
        (["{export}", "--cdn", "--picture", "{full}/a.txt"], "a.txt cannot be read"),
        (["{export}", "--runtime", "{full}"], "does not hold LiteRT.js: there is no dist/index.js"),
        (["{export}", "--runtime", "nowhere"], "does not hold LiteRT.js"),
        (["{export}"], "npm install @litertjs/core"),
    ],
)
def test_bad_input_is_refused_in_one_line(tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    paths = {
        "export": write_export(tmp_path),
        "int8": write_export(tmp_path, "eight", ("int8",)),
        "none": write_export(tmp_path, "bare", ()),
        "cut": write_export(tmp_path, "cut"),
        "full": write(tmp_path / "full" / "a.txt", b"mine").parent,
    }
    (paths["cut"] / "tflite" / "float32.tflite").write_bytes(TFLITE[:20])
    assert reason in refused(capsys, *(word.format(**paths) for word in words))
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("core/wasm/litert_wasm_internal.wasm", None, "cannot be read (No such file"),
        ("core/wasm/litert_wasm_internal.wasm", b"", "is empty"),
        ("wasm-utils/dist/index.js", None, "cannot be read (No such file"),
        ("core/dist/index.js", b"export const x = 1;", "it is another version"),
    ],
)
def test_a_runtime_without_the_files_expected_is_refused(packages, name, content, reason):
    path = packages.parent / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(reason)):
        runtime.read(packages)


def test_pictures_are_upright_rgb_and_of_a_size_for_the_web(tmp_path):
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("L", (2048, 64), 200).save(path, exif=exif)
    result = site.write([write_export(tmp_path)], tmp_path / "site", None, images=[path])
    index = json.loads((result.folder / "demo.json").read_text())
    assert index["pictures"] == ["pictures/1.png"]
    with Image.open(result.folder / "pictures/1.png") as image:
        assert image.size == (32, 1024) and image.mode == "RGB"


def test_an_export_of_sentences_says_how_to_offer_some(tmp_path):
    version = write_export(tmp_path, inputs=(Z, VECTOR))
    result = site.write([version], tmp_path / "site", None)
    assert result.remarks == (
        "tiny takes vectors of sentences: pass --text SENTENCE, once or more, for sentences to"
        " choose from",
    )
    characters = {"name": "characters", "shape": [9], "dtype": "int32", "kind": "characters"}
    encoder = write_export(tmp_path, "encoder", inputs=(characters,), output=VECTOR)
    assert site.write([version, encoder], tmp_path / "site", None).remarks == ()


def test_the_alphabet_of_the_page_gives_the_indices_of_python():
    alphabet = sentences.alphabet()
    text = "A red-blue dog; ü!"
    indices = [alphabet.get(symbol, -1) for symbol in text.lower()]
    np.testing.assert_array_equal(indices, encode_characters([text], len(text))[0])
