"""SyncNet: the expert that tells whether lips and sound belong together (Prajwal et al. 2020).

    python recipes/syncnet.py                             the embedded cartoon faces, 48x48
    python recipes/syncnet.py --data CLIPS                your own folder of videos, faces 96x96
    python recipes/syncnet.py --data LRS2 --box faces     videos or frames that are cut to the face
    python -m tfgan_suite measure lipsync CLIPS --expert runs/syncnet_talking
    python recipes/wav2lip.py --expert runs/syncnet_talking

It comes before Wav2Lip, whose generator learns from it, and should be trained on the same data. The
last line says `sync_accuracy` and `sync_bce` of speakers, or clips, that training never showed:
continue until the loss is about 0.25 (the authors' bar). Embedded faces: 0.943, 0.939 and 0.937,
and 0.155, 0.145 and 0.148 (512 windows, seeds 0 to 2) after 2.3 minutes of one core; all 16 clips
have offset 0. Rounding alone moves them: with the loss written in another order seed 0 ended at
0.932 and 0.176. With `--other-sounds 0`, each window compared with one other sound only, as in the
paper, they are 0.924 and 0.187 (seed 0).

On real data the loss stays near 0.69 for long before it drops; the authors saw it for 150,000 to
200,000 steps on LRS2. What prevents it from dropping at all is sound that does not belong to the
picture. `measure lipsync --offsets FILE` finds by how much each clip is out of sync, and `--offsets
FILE` here corrects it. The paper: 91% of windows right, --size 96 --width 32 --batch 64.
"""

from __future__ import annotations

from tfgan_suite import data as sources
from tfgan_suite.games import syncnet
from tfgan_suite.networks import talking
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "talking"  # talking, talking-hard, or a folder of clips
STEPS = 1400  # total number of training steps; data of your own: the least, see --epochs
EPOCHS = 200  # for data of your own, how many times it is shown, unless --steps says more
BATCH = 16  # windows of 5 frames, each with two sounds, over all devices; paper 64
SIZE: int | None = None  # side of the faces: 48, 96 or 192; default: 96, embedded faces 48
WIDTH: int | None = None  # channels of the first layers; default: 32 (paper), of 48x48 faces 8
MIN_OFFSET = 5  # frames between a picture and the sound out of sync, at least; paper 1
# share of the loss out of sync that compares a window with all sounds of its batch; default: 0.5,
# data of your own 0 (paper), since windows of few clips overlap
OTHER_SOUNDS: float | None = None
SILENT_NEGATIVES = False  # let picture and sound out of sync both be silent (paper)
BOX: str | None = None  # X,Y,W,H, a file of boxes, or faces; default: a detector finds them
OFFSETS: str | None = None  # file of measure lipsync --offsets, to correct; default: none
PLATEAU_STEPS: int | None = None  # until where 0.69 is normal; default: 150000, embedded faces 500
LEARNING_RATE = 2e-3  # Adam's; the authors' code 0.0001, paper 0.001
WARM_UP = 20  # steps in which the learning rate grows to its value
LINEAR_DECAY = 0.3  # learning rates decay linearly to 0 after this fraction of the run; 1: never
HORIZONTAL_FLIP = False  # flip each window left to right with probability 0.5
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 100  # steps between checkpoints


def load_data(options):
    """Windows of frames with their own sound and another."""
    return sources.load_talking(
        options.data,
        size=options.size,
        min_offset=options.min_offset,
        silent_negatives=options.silent_negatives,
        offsets=options.offsets,
        box=options.box,
    )


def defaults(options, data):
    """Values for the data and the size of its faces."""
    small = data.shape[-2:][0] <= talking.SIZES[0]
    return {
        "width": 8 if small else 32,
        "other_sounds": 0.5 if data.embedded else 0.0,
        "plateau_steps": 500 if data.embedded else 150_000,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    game = syncnet.SyncNet(
        talking.build_sync_face_encoder(data.shape[1], options.width),
        talking.build_sync_audio_encoder(options.width),
        other_sounds=options.other_sounds,
        plateau_steps=options.plateau_steps,
        seed=options.seed,
    )
    game.compile(expert=FusedAdam(options.learning_rate))
    return game


def make_callbacks(options, data, game):
    """Warm-up and decay; and where the loss does not drop, a look at the clips' offsets."""
    game.use_clip_offsets(data.motion_offsets)
    schedules = launch.make_callbacks(options, data, game)
    return [callbacks.WarmUp(options.warm_up, *schedules)]


if __name__ == "__main__":
    launch.main(globals())
