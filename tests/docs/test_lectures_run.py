"""Every command of the lectures runs, in the page's order, in one folder, as a lecturer runs them.

Later commands open the runs of earlier ones. What is long is shortened by flags that stand behind
the page's own; the fast tests hold that programs accept the commands as they stand
(tests/docs/test_lectures.py).
"""

import contextlib
import json
import os
import re
import runpy
import sys
from unittest import mock

import numpy as np
import pytest
from pages import ROOT, code_spans, commands, run_folder
from PIL import Image
from short_runs import eager_steps

from tfgan_suite.cli.main import main
from tfgan_suite.core import latent_samples

PAGE = (ROOT / "docs/lectures.md").read_text("utf-8")
SECTIONS = re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)+)", PAGE, re.MULTILINE)
LINES = [line for _, text in SECTIONS for line in commands(text)]

# Data that a machine for tests lacks, by the page's word.
SUBSTITUTES = {
    "/usr/share/datasets/fashion-mnist": "fashion-mnist",
    "PHOTO": "photo.jpg",
    "PAINTING": "painting.png",
}
# Of all recipes that train a game.
TRAINING = "--steps 1 --batch 4 --log-every 1 --export none"
# Flags by words of a command, or by the command as it stands; a command gets those of all its
# entries, the last of which counts. "" changes nothing.
SHORTENINGS = {
    "gan.py": "--width 4 --discriminator-width 4",
    "neighbours": "--numbers 0-1 --train 60",
    "dcgan.py": "--width 4",
    # Forgetting needs samples that show circles: 1 in 100 by then.
    "recipes/dcgan.py": "--size 16 --width 16 --steps 1000 --batch 16 --log-every 500",
    "walk": "--steps 2",
    "arithmetic": "--average 1 --trials 1",
    "probe": "--labels 20 --train 40 --test 20",
    "ablate": "--samples 1200",
    "cgan.py": "--width 4",
    "sample": "",
    "srresnet.py": "--size 32 --width 4 --blocks 1",
    # Without features of a network whose weights would be downloaded.
    "srgan.py": "--size 32 --discriminator-width 2 --discriminator-hidden 4 --feature-weight 0"
    " --pixel-weight 1",
    "upscale": "",
    "checkerboard.py": "",
    "gan_cls.py": "--size 16 --width 2 --hidden-units 4",
    "gawwn.py": "--size 16 --width 4 --point-width 2",
    "stackgan.py": "--width 4 --discriminator-width 2 --hidden-units 4 --condition-dim 3",
    # A first stage of one step draws nothing that its sentence says.
    "stackgan.py 2": "--scale 2 --residual-blocks 1 --least-accuracy 0",
    "pix2pix.py": "--width 2 --discriminator-layers 1",
    "discogan.py": "--width 4",
    "cyclegan.py": "--width 2 --blocks 1 --discriminator-layers 1",
    "simgan.py": "--width 2 --blocks 1 --discriminator-width 2 --pretrain-refiner 0"
    " --pretrain-discriminator 0",
    "gaze.py": "--seeds 1 --steps 1 --batch 8 --width 2 --dense 4 --count 40",
    # Random weights in place of those that would be downloaded.
    "gatys.py": "--weights none --size 32 --evaluations 2",
    "adain.py": "--size 16 --side 20 --depth 2 --width 4 --normalize 2",
    "stylize": "--size 32 --style-size 32",
    "progan.py": "--stable-images 4 --fade-images 4 --fmap-max 4 --latent-dim 4",
    "stylegan.py": "--channel-max 4",
    "infogan.py": "--width 2",
    "syncnet.py": "--width 2",
    # An expert of one step is not below the bar.
    "wav2lip.py": "--width 2 --start-anyway",
    "lipsync": "",
    "curves.py": "--steps 2 --width 4",
    "wgan_gp.py": "--width 4",
    "metropolis.py": "--samples 800 --chains 2 --gan-steps 1 --width 8",
    "inpaint": "--count 2 --candidates 8 --restarts 1 --iterations 2",
    "edit": "--candidates 8 --starts 2 --iterations 2 --frames 2",
    "classifier.py": "--steps 1 --batch 8 --width 2 --features 4",
    "--ruler": "--samples 20 --batch 20 --cache none",
    "study": "",
}
# What commands write, beside their runs and what their --out names.
RESULTS = {
    "neighbours": "neighbours/neighbours.html",
    "walk": "walk/walk.gif",
    "arithmetic": "arithmetic/arithmetic.png",
    "probe": "probe/numbers.json",
    "ablate": "ablated/numbers.json",
    "--label": "samples.png",
    "--text": "samples.png",
    "--mix": "samples.png",
    "--psi": "samples.png",
    "upscale": "large.png",
    "checkerboard.py": "runs/checkerboard/checkerboard.png",
    "gaze.py": "runs/simgan_eyes/gaze.json",
    "recipes/curves.py": "curves/curves.png",
    "--run-folder": "curves/runs.png",
    "stylize": "painted.png",
    "metropolis.py": "runs/metropolis/two_dimensions.png",
    "inpaint": "inpainted/numbers.json",
    "edit": "edited/numbers.json",
    "classifier.py": "classifiers/fashion-mnist.keras",
    "--ruler": "runs/dcgan_fashion-mnist/measures.jsonl",
}
# Flags of the page that shortenings replace; any other is kept.
REPLACED = {"--steps", "--export", "--trials", "--labels", "--count"}


def words_of(line):
    """The words that entries of the tables name a command by."""
    program, *words = line
    return {program.rpartition("/")[2], *words}


def entries(table, line):
    """The values of a table that are a command's."""
    words, command = words_of(line), " ".join(line)
    return [value for key, value in table.items() if key == command or {*key.split()} <= words]


def trains(line):
    return line[0].startswith("recipes/") and "\nSTEPS" in (ROOT / line[0]).read_text("utf-8")


def shortened(line):
    """The words of a command after its program, with those that make it short."""
    added = [TRAINING] * trains(line) + entries(SHORTENINGS, line)
    return [SUBSTITUTES.get(word, word) for word in line[1:]] + " ".join(added).split()


def run(program, *words):
    """Exit code of a command."""
    if program == "tfgan_suite":
        return main([*words])
    path = str(ROOT / program)
    steps = int(dict(zip(words, words[1:])).get("--steps", 1))
    with (
        # To trace a step takes as long as many eager ones.
        eager_steps() if steps < 100 else contextlib.nullcontext(),
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "argv", [path, *words]),
        mock.patch.object(sys, "path", [str(ROOT / "recipes"), *sys.path]),
        pytest.raises(SystemExit) as end,
    ):
        runpy.run_path(path, run_name="__main__")
    return end.value.code or 0


def picture(path, height, width, channels=3, seed=0):
    draws = np.random.RandomState(seed)
    pixels = draws.randint(0, 256, (height, width, channels)).astype("u1")
    Image.fromarray(pixels).save(path)


def idx_folder(folder):
    """Ten classes of squares of 28x28 pixels, as MNIST's files."""
    folder.mkdir()
    for split, count in (("train", 60), ("t10k", 40)):
        labels = (np.arange(count) % 10).astype("u1")
        images = np.random.RandomState(count).randint(0, 50, (count, 28, 28)).astype("u1")
        for image, label in zip(images, labels):
            image[4 : 8 + 2 * label, 4:24] += 200
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            (folder / f"{split}-{name}-ubyte").write_bytes(head + array.tobytes())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lecturer's folder, with data and images under the names of the page."""
    folder = tmp_path_factory.mktemp("home")
    idx_folder(folder / "fashion-mnist")
    picture(folder / "photo.jpg", 32, 40)
    picture(folder / "painting.png", 40, 32)
    picture(folder / "photo.png", 32, 32)
    picture(folder / "brush.png", 32, 32, channels=4)
    (folder / "real_folder").mkdir()
    for number in range(64):
        picture(folder / f"real_folder/{number}.png", 28, 28, seed=number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent_samples, "RECALIBRATION_BATCHES", 2)
        patch.chdir(folder)
        yield folder


@pytest.mark.large
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_command_of_the_page_runs(home, line):
    words = shortened(line)
    outputs = [home / path for path in entries(RESULTS, line)]
    outputs += [home / path for flag, path in zip(words, words[1:]) if flag == "--out"]
    for path in outputs:
        path.unlink(missing_ok=True)  # of an earlier command
    assert run(line[0], *words) == 0
    if trains(line):
        folder = home / run_folder(line)
        outputs += [folder / "samples/contact.png", folder / "losses.jsonl"]
    assert [path for path in outputs if not path.exists()] == []


@pytest.mark.large
@pytest.mark.parametrize("heading, text", SECTIONS, ids=[heading for heading, _ in SECTIONS])
def test_what_a_lecture_says_to_look_at_is_there(home, heading, text):
    runs = [home / run_folder(line) for line in commands(text) if trains(line)]
    for span in code_spans(text):
        if re.fullmatch(r"(?!recipes/)[\w/]+\.\w+", span):
            assert (home / span).exists() or all((run / span).exists() for run in runs), span
        elif re.fullmatch(r"\w+/\w+", span):
            for run in runs:
                assert span in json.loads((run / "losses.jsonl").open().readline()), span


def test_the_tables_hold_the_commands_of_the_page_and_no_others():
    assert [line for line in LINES if not entries(SHORTENINGS, line)] == []
    for table in (SHORTENINGS, RESULTS):
        assert [key for key in table if not any(entries({key: 1}, line) for line in LINES)] == []
    for word in SUBSTITUTES:
        assert any(word in line for line in LINES), word


def test_shortenings_replace_no_flag_that_a_lecture_is_about():
    for line in LINES:
        added = shortened(line)[len(line) - 1 :]
        replaced = {word for word in added if word.startswith("--")} & {*line}
        assert replaced <= REPLACED, " ".join(line)
