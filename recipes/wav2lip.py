"""Wav2Lip: faces whose mouths follow a sound (Prajwal et al. 2020).

    python recipes/syncnet.py                                    first the expert, on cartoon faces
    python recipes/wav2lip.py
    python recipes/wav2lip.py --data CLIPS --expert runs/syncnet_CLIPS      your own clips
    python -m tfgan_suite lipsync runs/wav2lip_talking VIDEO SOUND OUTPUT.mp4

The generator redraws the lower half of a face, from its upper half, a frame of another time and
0.2 s of sound. It learns from the pictures (L1), from a frozen expert that tells whether mouth and
sound belong together, and from a discriminator of image quality. A weak expert spoils it: the run
starts only with one whose held-out loss is below `--expert-bar`, and keeps a copy of it.

The expert's term has the weight 0 until an evaluation finds its loss below `--sync-threshold`; the
run says when. From step 0 (`--sync-from-start`) the paper's term dominates, and mouths follow its
gradient instead of the pictures; the run warns of that. Embedded faces: after the 1200 steps the
openings correlate with the true ones at 0.96, 0.96 and 0.94, their mean error is 0.42, 0.46 and
0.65 pixels (seeds 0 to 2; 6 minutes of one core beside another run). That is without the expert's
term.

At a learning rate of 0.001 the paper's -log P with the paper's weight of 0.03 oversteps: switched
on at step 700 of 1800 it took the L1 error from 0.051 to 0.084, and the openings ended 0.71 pixels
off. A weight of 0.003 from step 800 on changes nothing on `talking` (0.42 pixels at seed 0). On
`talking-hard`, where the opening hardly counts in L1, it took the error from 0.30 to 0.29 pixels,
and 0.01 to 0.38. `--sync-term shortfall` is bounded, where a window with a small P pulls 1 / P
times as hard, and ends where the expert finds the generated mouths as good as the real ones: with
the weight 0.01 the error fell to 0.26 pixels, with 0.02 it rose to 0.34 (seed 0).

The paper's setting is `--width 32 --batch 80 --learning-rate 0.0001 --sync-term cross_entropy
--sync-weight 0.03`, with evaluations every 3000 steps; its expert's loss fell below 0.75 after
100,000 steps or more.

Use it with the consent of those whose faces and voices these are. `lipsync` marks its videos.
"""

from __future__ import annotations

from pathlib import Path

from tfgan_suite import data
from tfgan_suite.games import wav2lip
from tfgan_suite.training import callbacks, launch, lip_sync_expert
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.training.run_folder import Run

DATA = "talking"  # talking, talking-hard, or clips of your own (see docs/talking_faces.md)
# training steps; default: 1200 for cartoon faces, 20000 for your own; paper 300000
STEPS: int | None = None
BATCH = 4  # windows of 5 frames in a step, over all devices; paper 80, its code 16
SIZE: int | None = None  # side of the faces, 48, 96 or 192; default: 48 for cartoons, else 96
BOX: str | None = None  # X,Y,W,H, a file of boxes, or faces; default: a detector finds them
# file of measure lipsync --offsets: frames to correct, by clip; default: none
OFFSETS: str | None = None
# run folder of recipes/syncnet.py; default: its run on the same data
EXPERT: str | None = None
EXPERT_BAR = 0.35  # held-out loss that the expert has to be below; authors: about 0.25
START_ANYWAY = False  # start with an expert that is above the bar
# channels: 32 is the paper's network; default: 8 for cartoons, else 32
WIDTH: int | None = None
DISCRIMINATOR = True  # with the discriminator of image quality (Wav2Lip + GAN)
# weight of the expert's term; default: 0.03 (paper), for cartoons 0.003, for talking-hard with the
# shortfall 0.01
SYNC_WEIGHT: float | None = None
# the expert's loss below which its term is switched on, 0: never; default: 0.75 (paper), for
# talking-hard 1.5, for talking 0 unless a weight or term is passed
SYNC_THRESHOLD: float | None = None
SYNC_FROM_START = False  # switch the expert's term on at step 0
QUALITY_WEIGHT = 0.07  # weight of the discriminator's term
# the expert's term: cross_entropy, or shortfall, how far generated frames fall short of real ones
# in sync; default: cross_entropy (paper), for cartoons shortfall
SYNC_TERM: str | None = None
RECONSTRUCTION = "l1"  # l1 or l2
# Adam's learning rate, both players; default: 0.001 for cartoons, else 0.0001 (paper)
LEARNING_RATE: float | None = None
BETA_1: float | None = None  # Adam's beta 1; default: 0.5 with a discriminator, else 0.9
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
EMA_DECAY = 0.0  # decay of the averaged generator that dubs; 0: none (paper)
HORIZONTAL_FLIP = False  # flip each window left to right with probability 0.5
MEL_LEAD = 1  # frames by which the sound that a frame hears begins before it; published code 1
EVALUATE_EVERY: int | None = None  # steps between evaluations; default: 100 for cartoons, else 1000
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 250  # steps between checkpoints

# What a flag may be.
CHOICES = {
    "SIZE": (48, 96, 192),
    "RECONSTRUCTION": ("l1", "l2"),
    "SYNC_TERM": ("cross_entropy", "shortfall"),
}


def load_data(options):
    """Windows of frames with their sound, and frames of another time."""
    source = open_clips(options, "dub", mel_offset=-options.mel_lead)
    if options.expert is None:
        options.expert = lip_sync_expert.default_expert(source.name)
    return source


def open_clips(options, task, **others):
    """The clips as the generator or the expert learns from them."""
    o = options
    return data.load_talking(o.data, size=o.size, task=task, box=o.box, offsets=o.offsets, **others)


def defaults(options, data):
    """Values for the embedded worlds and for clips of your own."""
    cartoons = data.embedded
    term = options.sync_term or ("shortfall" if cartoons else "cross_entropy")
    weight, threshold = 0.03, 0.75
    if options.data == "talking-hard":
        weight, threshold = 0.01 if term == "shortfall" else 0.003, 1.5
    elif cartoons:
        wanted = options.sync_term is not None or options.sync_weight is not None
        weight, threshold = 0.003, 0.75 if wanted else 0.0
    return {
        "steps": 1200 if cartoons else 20_000,
        "sync_term": term,
        "sync_threshold": threshold,
        "sync_weight": weight,
        "size": data.shape[-2:][0],
        "width": 8 if cartoons else 32,
        "learning_rate": 1e-3 if cartoons else 1e-4,
        "beta_1": 0.5 if options.discriminator else 0.9,
        "evaluate_every": 100 if cartoons else 1000,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, size = options, data.shape[-2]
    discriminator = wav2lip.build_quality_discriminator(size, o.width) if o.discriminator else None
    game = wav2lip.Wav2Lip(
        wav2lip.build_lip_generator(size, o.width),
        discriminator,
        sync_weight=o.sync_weight,
        quality_weight=o.quality_weight,
        sync_threshold=o.sync_threshold,
        sync_from_start=o.sync_from_start,
        reconstruction=o.reconstruction,
        sync_term=o.sync_term,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    optimizers = {player: FusedAdam(o.learning_rate, o.beta_1) for player in game.players()}
    game.compile(**optimizers)
    return game


def make_callbacks(options, data, game):
    """The expert, the switch of its weight, learning-rate decay."""
    o, run = options, Run(options.run)
    game.build_expert(lambda: open_expert(o, run))
    switch = lip_sync_expert.SyncSwitch(
        data.held_out(64), o.evaluate_every, run.folder / "measures.jsonl"
    )
    frozen = callbacks.Frozen(lambda: game.expert.checksum(), "expert")
    return [frozen, switch, *launch.make_callbacks(options, data, game)]


def open_expert(options, run):
    """The expert of a run that has trained, or that of a new one, if it passes the gate."""
    o = options
    if run.trained_steps():
        return lip_sync_expert.read_copy(run.folder, o.size)
    expert = lip_sync_expert.read_expert(o.expert, o.size, o.data, o.precision)
    sounds = open_clips(o, "sync")
    loss = lip_sync_expert.held_out_loss(expert, sounds)
    lip_sync_expert.pass_gate(loss, o.expert_bar, Path(o.expert), o.start_anyway)
    lip_sync_expert.save_copy(expert, run.folder)
    return expert


if __name__ == "__main__":
    launch.main(globals())
