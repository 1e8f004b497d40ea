"""ProGAN on images: networks that grow from 4x4 pixels (Karras, Aila, Laine, Lehtinen 2018).

    python recipes/progan.py                                 coloured shapes, 4x4 to 32x32
    python recipes/progan.py --data IMAGES --size 128        your own folder of images
    python recipes/progan.py --labels                        the class as an input (AC-GAN)

The size has to be 4, 8, 16, ... pixels. A level is trained for --stable-images, then the next one
fades in over --fade-images; growth/size and growth/alpha in the progress line say where that
stands. The first step of a level traces a new graph (5 to 7 seconds of one core). The defaults are
made for two CPU cores: 70,000 images, about 9 minutes of one core, of which 6 are the last level.
That is short for these networks: at seed 0, 5% of the samples are one clean shape, all of them
circles, where `recipes/dcgan.py` reaches 75%. SWD of patches is 58, 32 and 60 at 32, 16 and 8
pixels, of untrained networks 164, 105 and 585, of real images 8, 9 and 29 (1,500 of each side).
Longer phases go on from there: --stable-images 40000 --fade-images 20000.

The paper's setting for CelebA-HQ (2 weeks on one V100, 2 days on eight, by its authors) is

    --data IMAGES --size 1024 --fmap-base 8192 --fmap-max 512 --latent-dim 512 --ema-decay 0.999
    --stable-images 800000 --fade-images 800000 --horizontal-flip --level-batches
    4:128,8:128,16:128,32:64,64:32,128:16,256:8,512:4,1024:4

which is 13.6 million images. The paper's FID on CelebA-HQ at 1024 pixels is 7.3, its Inception
score on CIFAR-10 8.80.

-discriminator/wasserstein is the estimate of the earth mover's distance at the current size; it
should not jump where a level begins. The measure swd compares patches at each scale.
"""

from __future__ import annotations

from tfgan_suite.core import labels
from tfgan_suite.errors import InputError
from tfgan_suite.games import progan
from tfgan_suite.networks import growing
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate
from tfgan_suite.utils.growth_schedule import GrowthSchedule

import tensorflow as tf

DATA = "shapes"
STEPS: int | None = None  # total number of training steps; default: those of the schedule
BATCH = 16  # images in a step, over all devices, where --level-batches says nothing else
# images in a step by size, as 4:128,8:128,16:64; the paper's code on one GPU: 4:128,8:128,16:128,
# 32:64,64:32,128:16,256:8,512:4,1024:4
LEVEL_BATCHES = ""
STABLE_IMAGES = 10_000  # images between two fades; paper 800000
FADE_IMAGES = 10_000  # images of a fade; paper 800000
LAST_IMAGES: int | None = None  # images of the last size after its fade; default: --stable-images
LABELS = False  # give both networks the class of the images, too
FMAP_BASE = 256  # a layer at a size has 2 * this / size channels; paper 8192
FMAP_MAX = 32  # and at most this many; paper 512
LATENT_DIM = 16  # dimension of z; paper 512
GROUP_SIZE = 4  # images whose deviation the discriminator sees together, 0: none; paper's code 4
GP_WEIGHT = 10.0  # weight of the gradient penalty
DRIFT_WEIGHT = 0.001  # weight of the square of the scores of real images
EMA_DECAY = 0.99  # decay of the averaged generator that draws samples, 0: none; paper 0.999
LEARNING_RATE = 0.001  # Adam's, both players
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5


def defaults(options, data):
    """As many steps as the schedule needs."""
    o = options
    sizes = growing.level_sizes(data.shape)
    schedule = GrowthSchedule(len(sizes), o.stable_images, o.fade_images)
    pairs = dict(_level_batches(o.level_batches))
    batches = [pairs.get(size, o.batch) for size in sizes]
    steps = schedule.steps(batches)
    last = o.stable_images if o.last_images is None else o.last_images
    return {"steps": steps + (last - o.stable_images) // batches[-1], "last_images": last}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, tuple(data.shape)
    classes = labels.class_count(data) if o.labels else None
    game = progan.ProGAN(
        progan.build_generator(shape, o.fmap_base, o.fmap_max, o.latent_dim, classes),
        progan.build_discriminator(shape, o.fmap_base, o.fmap_max, o.group_size, classes),
        stable_images=o.stable_images,
        fade_images=o.fade_images,
        level_batches=_level_batches(o.level_batches),
        gp_weight=o.gp_weight,
        drift_weight=o.drift_weight,
        classes=classes,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    for batch in game.batch_sizes(o.batch):
        game.check_batch(batch // replicas)
    adam = {"beta_1": o.beta_1, "beta_2": o.beta_2, "epsilon": 1e-8}
    game.compile(
        generator=FusedAdam(o.learning_rate, **adam),
        discriminator=FusedAdam(opponent_learning_rate(o), **adam),
    )
    return game


def _level_batches(text):
    """`--level-batches` as pairs (size, batch)."""
    pairs = []
    for part in filter(None, text.replace(" ", "").split(",")):
        size, _, batch = part.partition(":")
        if not (size.isdecimal() and batch.isdecimal()):
            raise InputError(f"--level-batches has {part!r}; write size:batch, such as 4:128,8:64")
        pairs.append((int(size), int(batch)))
    return pairs


if __name__ == "__main__":
    launch.main(globals())
