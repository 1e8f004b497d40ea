"""The page in a real browser: each kind is opened and used, its numbers compared with Python's."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from browsers import errors_of, needs_browser, open_browser, requests_of, serve
from demo_games import SENTENCES, all_games

from tfgan_suite.demo import runtime, site
from tfgan_suite.errors import InputError
from tfgan_suite.export import export, litert_runner

ROOT = Path(__file__).parents[2]
# Where LiteRT.js is looked for: it is not a part of this repository.
RUNTIME = Path(os.environ.get("LITERTJS", ROOT / runtime.DEFAULT_FOLDER))
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
TOLERANCE = 1e-5


def _is_installed():
    try:
        return bool(runtime.read(RUNTIME))
    except InputError:
        return False


pytestmark = [
    needs_browser,
    pytest.mark.skipif(
        not _is_installed(),
        reason=f"LiteRT.js is not at {RUNTIME}: run {runtime.INSTALL} in the repository's folder,"
        " or name its folder in the environment variable LITERTJS",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A site of all kinds."""
    home = tmp_path_factory.mktemp("demo")
    paths = [ROOT / "saved_models" / "dcgan_shapes"]
    for name, game in all_games().items():
        formats, card = ("saved_model", "tflite_float32"), {"classes": ["cat", "dog", "owl"]}
        size = (16, 16) if name == "super-resolution" else (32, 32)
        options = {"formats": formats, "warmup": False, "size": size, "card": card}
        paths.append(export(game, home / "exports", name=name, **options).path)
    return site.write(paths, home / "site", RUNTIME, texts=SENTENCES).folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        yield driver


class Demo:
    """The page, as a visitor uses it."""

    def __init__(self, browser, address, folder):
        self.browser, self.address, self.folder = browser, address, folder

    def open(self, name, tab=None):
        script = """
            if (!globalThis.demo || !location.href.startsWith(arguments[0])) return false;
            delete document.body.dataset.ready;
            history.replaceState(null, "", "#" + arguments[1]);
            demo.openExport();
            return true;
        """
        if not self.browser.execute_script(script, self.address, name):
            self.browser.get(f"{self.address}/index.html#{name}")
        self.wait("document.body.dataset.ready")
        if tab is not None:
            self.browser.execute_script("delete document.body.dataset.ready")
            tabs = self.all("#tabs button")
            next(button for button in tabs if button.text == tab).click()
            self.wait("document.body.dataset.ready")
        return self.result()

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def wait(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        script = f"return Boolean({condition})"
        status = "return document.getElementById('status').textContent"
        try:
            WebDriverWait(self.browser, 90).until(lambda b: b.execute_script(script))
        except Exception as error:
            raise AssertionError(f"{condition}: {self.browser.execute_script(status)}") from error

    def act(self, action):
        """Does something to the page and waits for what it computes of it."""
        self.browser.execute_script("demo.before = demo.last")
        action()
        self.wait("demo.last !== demo.before")
        return self.result()

    def set(self, selector, value, number=0):
        script = """
            const element = document.querySelectorAll(arguments[0])[arguments[2]];
            element.value = arguments[1];
            element.dispatchEvent(new Event("input", { bubbles: true }));
            element.dispatchEvent(new Event("change", { bubbles: true }));
        """
        return self.act(lambda: self.browser.execute_script(script, selector, value, number))

    def result(self):
        """The newest inputs and outputs, after a comparison with Python's and with the canvas."""
        result = self.browser.execute_script("""
            const arrays = (values) => Object.fromEntries(Object.entries(values).map(
                ([name, array]) => [name, Array.from(array)]));
            const { file, inputs, outputs, milliseconds } = demo.last;
            const canvas = document.querySelector("canvas.output");
            const context = canvas?.getContext("2d");
            const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data;
            return { file, inputs: arrays(inputs), outputs: arrays(outputs), milliseconds,
                pixels: pixels ? Array.from(pixels) : null };
        """)
        inputs = {key: np.array(values) for key, values in result["inputs"].items()}
        outputs = {key: np.array(values) for key, values in result["outputs"].items()}
        for name, array in run_in_python(self.folder / result["file"], inputs).items():
            np.testing.assert_allclose(outputs[name], array.ravel(), atol=TOLERANCE, rtol=0)
        return inputs, outputs, result

    def check_canvas(self, result, channels=3):
        """The pixels on the canvas are those of the network's numbers."""
        image = np.array(result[1]["image"]).reshape(-1, channels)
        pixels = np.array(result[2]["pixels"]).reshape(-1, 4)
        expected = np.clip(np.floor((image + 1) * 127.5 + 0.5), 0, 255)
        assert np.abs(pixels[:, :3] - expected).max() <= 1 and (pixels[:, 3] == 255).all()
        assert np.ptp(pixels[:, :3]) > 20  # not one grey


def run_in_python(path, inputs):
    """A TFLite file's outputs, by ai-edge-litert."""
    interpreter = litert_runner.interpreter_class()(model_path=str(path))
    (name,) = interpreter.get_signature_list()
    call = interpreter.get_signature_runner(name)
    details = call.get_input_details()
    assert set(inputs) == set(details)
    shaped = {
        key: inputs[key].astype(entry["dtype"]).reshape(entry["shape"])
        for key, entry in details.items()
    }
    return call(**shaped)


@pytest.fixture(scope="module")
def demo(browser, folder):
    with serve(folder) as address:
        yield Demo(browser, address, folder)


def test_noise_by_seeds_sliders_walks_and_thumbnails(demo):
    result = demo.open("dcgan_shapes")
    demo.check_canvas(result)
    first = result[0]["z"]
    assert first.shape == (8,) and 0.3 < first.std() < 3
    moved = demo.set("details input[type=range]", 2.5, 3)
    np.testing.assert_allclose(np.delete(moved[0]["z"] - first, 3), 0)
    assert moved[0]["z"][3] == pytest.approx(2.5)
    second = demo.set("input[type=number]", 1)
    again = demo.set("input[type=number]", 0)
    np.testing.assert_array_equal(again[0]["z"], first)  # a seed is a sample
    thumbnails = demo.all(".thumbnail")
    assert len(thumbnails) == 8
    by_click = demo.act(thumbnails[0].click)
    np.testing.assert_array_equal(by_click[0]["z"], second[0]["z"])
    walk = next(button for button in demo.all("button") if button.text == "Walk")
    walked = demo.act(walk.click)
    assert not np.array_equal(walked[0]["z"], by_click[0]["z"])
    demo.check_canvas(walked)
    demo.browser.execute_script("demo.task.close()")
    fastest = demo.browser.execute_async_script("""
        const done = arguments[arguments.length - 1];
        const { engine, last } = demo;
        const times = Array.from({ length: 20 }, () => engine.run(last.file, last.inputs));
        Promise.all(times).then((runs) => done(Math.min(...runs.map((r) => r.milliseconds))));
    """)
    assert fastest < 30  # of 32x32 pixels
    # Nothing but the site's own files was fetched, and nothing went wrong.
    assert all(name.startswith(demo.address) for name in requests_of(demo.browser))
    assert errors_of(demo.browser) == []


def test_a_hole_is_filled_by_a_search_among_samples(demo):
    demo.open("dcgan_shapes", "Fill and edit")
    error, baseline, known = demo.browser.execute_async_script("""
        const done = arguments[arguments.length - 1];
        const { task } = demo;
        const truth = task.pad.value();
        task.pad.mask.fillRect(10, 10, 12, 12);
        task.search().then(() => {
            const hole = task.pad.hole();
            const { pasted } = demo.last;
            const mean = truth.reduce((sum, v) => sum + v, 0) / truth.length;
            const sums = [0, 0, 0];
            truth.forEach((value, i) => {
                const difference = Math.abs(pasted[i] - value);
                if (hole[Math.floor(i / 3)]) {
                    sums[0] += difference;
                    sums[1] += Math.abs(mean - value);
                } else sums[2] = Math.max(sums[2], difference);
            });
            done(sums);
        });
    """)
    assert error < 0.3 * baseline and known == 0
    demo.result()


def test_labels_have_the_names_of_the_card(demo):
    inputs, first, _ = demo.open("labels")
    assert inputs["label"] == [0]
    select = demo.all(".inputs select")[0]
    assert [option.text for option in select.find_elements("css selector", "option")] == [
        "cat", "dog", "owl",
    ]  # fmt: skip
    result = demo.act(lambda: select.send_keys("owl"))
    assert result[0]["label"] == [2]
    np.testing.assert_array_equal(result[0]["z"], inputs["z"])
    assert np.abs(result[1]["image"] - first["image"]).max() > 1e-3
    demo.check_canvas(result)
    # Twenty numbers have sliders along directions.
    moved = demo.set("details input[type=range]", 2.0)
    assert np.linalg.norm(moved[0]["z"] - inputs["z"]) == pytest.approx(2.0, abs=1e-4)


def test_points_are_drawn(demo):
    result = demo.open("points")
    assert result[1]["point"].shape == (2,) and np.abs(result[0]["z"]).max() <= 1


def test_drawing_by_pointer_and_keyboard_is_translated(demo):
    from selenium.webdriver import ActionChains, Keys

    inputs, _, result = demo.open("translator")
    assert inputs["image"].shape == (32 * 32 * 3,) and np.abs(inputs["image"]).max() <= 1
    pad = demo.all("canvas.pad")[0]
    drag = ActionChains(demo.browser).move_to_element_with_offset(pad, -40, 0).click_and_hold()
    drawn = demo.act(drag.move_by_offset(60, 20).release().perform)
    assert 20 < np.count_nonzero(drawn[0]["image"] != inputs["image"]) < 32 * 32
    typed = demo.act(lambda: pad.send_keys(Keys.ARROW_UP, Keys.SPACE, Keys.ARROW_RIGHT))
    assert (typed[0]["image"] != drawn[0]["image"]).any()
    # The ink is the colour that was chosen, as a byte of an image in [-1, 1].
    ink = np.float32(0x20 / 127.5 - 1)
    assert np.isclose(typed[0]["image"], ink).sum() >= 12
    demo.check_canvas(typed)
    demo.result()
    undo = next(button for button in demo.all("button") if button.text == "Undo")
    undone = demo.act(undo.click)
    np.testing.assert_array_equal(undone[0]["image"], drawn[0]["image"])


def test_an_own_photo_is_enlarged_beside_its_copy(demo, tmp_path):
    from PIL import Image

    demo.open("super-resolution")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype("u1")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    file = demo.all("input[type=file]")[0]
    result = demo.act(lambda: file.send_keys(str(tmp_path / "photo.png")))
    image = result[0]["image"].reshape(16, 16, 3)
    np.testing.assert_allclose(image, pixels / 127.5 - 1, atol=1e-6)  # of its size: bit for bit
    assert result[1]["image"].size == 64 * 64 * 3
    curtain = "return document.querySelector('canvas.output').style.clipPath"
    script = """
        const slider = document.querySelector("figure input[type=range]");
        slider.value = 0.25;
        slider.dispatchEvent(new Event("input"));
    """
    demo.browser.execute_script(script)
    assert "25%" in demo.browser.execute_script(curtain)
    demo.check_canvas(result)


def test_a_photo_is_painted_like_a_painting(demo):
    inputs, outputs, _ = demo.open("adain")
    assert set(inputs) == {"content", "style", "alpha"} and inputs["alpha"] == [1]
    assert len(demo.all("canvas.pad")) == 2
    half = demo.set(".inputs > .row input[type=range]", 0.5)
    assert half[0]["alpha"] == [0.5]
    assert np.abs(half[1]["image"] - outputs["image"]).max() > 1e-4
    demo.check_canvas(half)


def test_truncation_and_style_mixing(demo):
    inputs, outputs, _ = demo.open("styles", "Truncation")
    assert inputs["psi"] == pytest.approx([0.7])
    average = demo.set(".inputs > .row input[type=range]", 0)
    other = demo.set("input[type=number]", 5)
    np.testing.assert_allclose(other[1]["image"], average[1]["image"], atol=1e-4)  # psi of 0

    demo.open("styles", "Style mixing")
    mix = ".inputs > fieldset > div > .row input[type=range]"
    w = demo.set(mix, 4)[0]["w"].reshape(4, 6)
    second = demo.set(mix, 0)[0]["w"].reshape(4, 6)
    assert np.abs(w - second).max() > 1e-3
    mixed = demo.set(mix, 1)
    rows = mixed[0]["w"].reshape(4, 6)
    np.testing.assert_array_equal(rows, np.concatenate([w[:1], second[1:]]))
    demo.check_canvas(mixed)


def test_sentences_are_chosen_mixed_and_typed(demo):
    inputs, outputs, _ = demo.open("sentences")
    index = json.loads((demo.folder / "demo.json").read_text())
    entry = next(each for each in index["exports"] if each["id"] == "sentences")
    vectors = [np.array(sentence["vector"]) for sentence in entry["sentences"]]
    assert [sentence["text"] for sentence in entry["sentences"]] == SENTENCES
    np.testing.assert_allclose(inputs["embedding"], vectors[0], atol=1e-6)
    source = demo.all(".inputs select")[0]
    typed = demo.act(lambda: source.send_keys("encoder: serving default"))
    text = "input[type=text]"
    blue = demo.set(text, SENTENCES[1].upper())
    # The encoder's export gives, of characters, what the SavedModel gave of the sentence.
    np.testing.assert_allclose(blue[0]["embedding"], vectors[1], atol=TOLERANCE)
    assert np.abs(typed[0]["embedding"] - vectors[1]).max() > 1e-3
    assert np.abs(blue[1]["image"] - outputs["image"]).max() > 1e-4
    demo.check_canvas(blue)


def test_kinds_never_seen_get_sliders_and_all_outputs(demo):
    demo.open("unknown")
    result = demo.set("details input[type=range]", 1.5, 1)
    np.testing.assert_allclose(result[0]["weather"], [0, 1.5, 0])
    assert result[1]["mean"] == pytest.approx([0.5])
    assert "Mean: 1 numbers" in [summary.text for summary in demo.all("summary")]
    demo.check_canvas(result)


def test_the_page_fits_a_phone_and_a_screen_reader(demo):
    index = json.loads((demo.folder / "demo.json").read_text())
    problems = """
        const controls = "button, input:not([type=file]), select, canvas.pad, summary";
        const name = (e) => e.ariaLabel || e.labels?.[0]?.textContent || e.textContent;
        return [...document.querySelectorAll(controls)].filter((e) => e.checkVisibility())
            .filter((e) => !name(e).trim() || e.getBoundingClientRect().height < 44)
            .map((e) => e.outerHTML);
    """
    for entry in index["exports"]:
        demo.open(entry["id"])
        assert demo.browser.execute_script("return document.documentElement.scrollWidth") <= 390
        assert demo.browser.execute_script(problems) == []
    assert errors_of(demo.browser) == []


def test_a_model_that_cannot_be_fetched_is_said(demo):
    demo.open("points")
    demo.browser.execute_script("""
        demo.entry.signatures.serving_default.file = "models/none.tflite";
        demo.openExport();
    """)
    demo.wait("document.querySelector('#status.problem')")
    assert "none.tflite cannot be fetched: 404" in demo.all("#status")[0].text


def test_opened_without_a_server_the_page_says_how(browser, folder):
    browser.get((folder / "index.html").as_uri())
    assert "python -m http.server" in browser.find_element("id", "status").text
