"""The gate of Wav2Lip's recipe, the copy of the expert, and the switch of the sync weight."""

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_suite import InputError
from tfgan_suite.core.frozen_expert import FrozenExpert
from tfgan_suite.networks import talking
from tfgan_suite.training import lip_sync_expert as experts

SIZE = 48


@pytest.fixture(scope="module")
def expert():
    keras.utils.set_random_seed(0)
    return FrozenExpert(
        talking.build_sync_face_encoder(SIZE, 2), talking.build_sync_audio_encoder(2)
    )


class Windows:
    """Held-out windows, and a report that passes on what it was shown."""

    def held_out(self, count):
        draws = np.random.RandomState(0)
        frames = draws.uniform(-1, 1, (count, 5, SIZE, SIZE, 3)).astype("f4")
        return {"frames": frames, "mel": draws.uniform(-4, 4, (count, 80, 16, 1)).astype("f4")}

    def report(self, examples, probability):
        return {"sync_bce": float(np.mean(probability))}


def test_the_expert_is_judged_on_lower_halves_in_order(expert):
    examples = Windows().held_out(3)
    lower = examples["frames"][:, :, SIZE // 2 :] * 0.5 + 0.5
    video = np.concatenate([lower[:, t] for t in range(5)], axis=-1)  # channel 3 t + c
    probability = expert(video, examples["mel"]).numpy()
    assert probability.shape == (3,) and 0 <= probability.min() and probability.max() <= 1.00001
    found = experts.held_out_loss(expert, Windows(), 3)
    assert found == pytest.approx(float(probability.mean()), rel=1e-5)


def test_the_gate_says_its_figure_and_how_to_go_on():
    said = []
    experts.pass_gate(0.2, 0.35, "runs/e", False, said.append)
    assert said == [
        "the expert runs/e has a held-out loss of 0.200 (0.693 knows nothing), below 0.35"
    ]
    for loss in (0.35, 0.69, float("nan")):
        with pytest.raises(InputError, match=rf"{loss:.3f}.*not below 0.35.*--start-anyway"):
            experts.pass_gate(loss, 0.35, "runs/e", False)
    experts.pass_gate(0.69, 0.35, "runs/e", True, said.append)
    assert said[-1].startswith("warning: ") and "starting anyway, as requested" in said[-1]


def test_without_an_expert_the_command_that_trains_one_is_named():
    assert experts.default_expert("clips") == "runs/syncnet_clips"
    with pytest.raises(InputError, match=r"nowhere is not there; train an .*syncnet.py --data C\)"):
        experts.read_expert("nowhere", SIZE, "C")


def test_an_expert_of_other_frames_or_sounds_is_refused(expert):
    assert experts.check_shapes(expert, "e", SIZE) is expert
    with pytest.raises(
        InputError, match=r"frames of 48x48 pixels, this run has 96x96; pass --size"
    ):
        experts.check_shapes(expert, "e", 96)
    mel = keras.Input((40, 16, 1))
    other = keras.Model(mel, keras.layers.Flatten()(mel))
    with pytest.raises(InputError, match=r"hears mel windows of \(40, 16, 1\) and sees 5 frames"):
        experts.check_shapes(FrozenExpert(expert.face_encoder, other), "e", SIZE)


def test_a_run_keeps_its_expert_bit_for_bit(expert, tmp_path):
    experts.save_copy(expert, tmp_path)
    again = experts.read_copy(tmp_path, SIZE)
    assert again.checksum() == expert.checksum()
    with pytest.raises(InputError, match="does not hold an expert for frames of 96x96"):
        experts.read_copy(tmp_path, 96)
    (tmp_path / experts.COPY).write_bytes(b"PK damaged")
    with pytest.raises(InputError, match="expert.npz"):
        experts.read_copy(tmp_path, SIZE)


def test_the_switch_is_logged_once_in_words(tmp_path):
    weight = tf.Variable(0.0)
    losses = iter([0.9, 0.7, 0.6])

    def switch_sync_on(loss):
        if float(weight.numpy()) or loss >= 0.75:
            return False
        weight.assign(0.03)
        return True

    game = types.SimpleNamespace(
        steps_done=0,
        evaluate_sync=lambda examples: next(losses),
        switch_sync_on=switch_sync_on,
        current_sync_weight=weight,
        sync_threshold=0.75,
        distribute_strategy=None,
    )
    said = []
    switch = experts.SyncSwitch({}, 10, tmp_path / "measures.jsonl", said.append)
    switch.set_model(game)
    switch.on_train_begin()
    for step in range(1, 31):
        game.steps_done = step
        switch.on_train_batch_end(step)
    assert said == [
        "\nstep 20: the expert's loss on held-out frames is 0.700, below 0.75: its term now has"
        " the weight 0.03"
    ]
    lines = [json.loads(line) for line in (tmp_path / "measures.jsonl").read_text().splitlines()]
    assert [(x["step"], x["sync_weight"]) for x in lines] == [(10, 0.0), (20, 0.03), (30, 0.03)]
