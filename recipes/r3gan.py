"""R3GAN on images or points (Huang, Gokaslan, Kuleshov, Tompkin 2024).

    python recipes/r3gan.py                                  coloured shapes, 32x32
    python recipes/r3gan.py --data /usr/share/datasets/fashion-mnist
    python recipes/r3gan.py --data IMAGES --size 64          your own folder of images
    python recipes/r3gan.py --labels                         the class as an input of both networks
    python recipes/r3gan.py --data ring                      8 Gaussians; grid: 25

The defaults are made for two CPU cores. Those for points find all modes in the median of three
seeds, 8 of the ring and 25 of the grid, with 85% to 94% of the samples in them (41 seconds of a
core). Those for images give the small maps more channels than the large ones, keep both penalties
strong to the end and let the rates fall to 0 (without all that, 20% clean shapes of 9 kinds): after
7,000 steps (12 minutes of one core beside other runs) 86, 88 and 91% of the samples are one clean
shape and all 18 kinds appear (seeds 0 to 2), where `recipes/dcgan.py` has 82 to 89%. beta 2 has to
rise from 0.9, as in the paper: at 0.99 from the start whole colours died out in four runs of five.
The paper's settings for CIFAR-10 (20 million images of falling rates; a GPU for days) are

    --data tfds:cifar10 --horizontal-flip --width 768 --full-width-size 32 --cardinality 96
    --blocks-per-stage 2 --latent-dim 64 --batch 512 --learning-rate 0.0002
    --discriminator-learning-rate 0.0002 --final-learning-rate 0.00005 --beta-2 0.9
    --final-beta-2 0.99 --gamma 0.05 --final-gamma 0.005 --r1-every 1 --ema-half-life 9766
    --decay-steps 39063 --steps 200000

(FFHQ at 256 pixels: --gamma 150 --final-gamma 15 --batch 256 --ema-half-life 1953 --decay-steps
78125) beside augmentation, for which --augment color,translation,cutout stands here. The paper's
FID: 1.96 on CIFAR-10, 2.75 on FFHQ at 256 pixels.

All schedules are half a cosine over --decay-steps. discriminator/pairs is 0.69 where the
discriminator cannot tell real images from generated ones, and should stay well above 0.
"""

from __future__ import annotations

from tfgan_suite.core import labels
from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import r3gan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate
from tfgan_suite.utils.schedules import CosineSchedule, HalfLifeDecay

DATA = "shapes"
STEPS: int | None = None  # total number of training steps; default: 7000 for images, points 4000
BATCH: int | None = None  # examples in a step; default: 16 for images, points 128
LABELS = False  # give both networks the class of the examples, too
ARCHITECTURE: str | None = None  # resnet or mlp; default: resnet for images, mlp for points
# channels of the smallest maps (or hidden units); default: 192 (paper 768), points 128
WIDTH: int | None = None
# groups of the 3x3 convolutions there, 1: none; default: 2 * --width, which is depthwise and the
# fastest on CPUs; paper 96
CARDINALITY: int | None = None
# largest size with all of --width, which is halved at each doubling above; default: an eighth of
# the images', but at least 4; paper 32
FULL_WIDTH_SIZE: int | None = None
# start from 4x4 maps (paper) even where the size is 5, 6 or 7 times a power of 2, and crop them
# once on the way; default: for such sizes
CROP: bool | None = None
BLOCKS_PER_STAGE = 1  # residual blocks at each size; paper 2
LATENT_DIM: int | None = None  # dimension of z; default: 64 (paper), shapes 8, points 2
# weight of R1 and R2 at the start; default: 2 for images, points 0.05; paper 0.05 to 150
GAMMA: float | None = None
# after the schedule; default: --gamma, for points a tenth of it (paper)
FINAL_GAMMA: float | None = None
R1_EVERY: int | None = None  # apply R1 and R2 every N steps; default: 8 for images, points 1
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
# DiffAugment: any of color,translation,cutout; or ada, whose strength follows the overfitting
AUGMENT = ""
ADA_TARGET = 0.6  # overfitting at which the strength of ada rests: mean sign of D(x), or of pairs
ADA_IMAGES = 500_000  # real images in which the strength of ada could go from 0 to 1
# Adam's of the generator at the start; default: 0.003 for images (paper 0.0002), points 0.006
LEARNING_RATE: float | None = None
# after the schedule; default: 0, for points a quarter of the one at the start (paper)
FINAL_LEARNING_RATE: float | None = None
# the discriminator's at the start, which falls likewise; default: two thirds of --learning-rate,
# for points all of it (paper)
DISCRIMINATOR_LEARNING_RATE: float | None = None
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.9  # Adam's beta 2 at the start; 0.99 steps too far where gradients grow: kinds die out
FINAL_BETA_2 = 0.99  # Adam's beta 2 after the schedule
# half-life of the averaged generator that draws samples after the schedule, in steps, from 0 at the
# start; default: a tenth of --decay-steps
EMA_HALF_LIFE: float | None = None
DECAY_STEPS: int | None = None  # steps of all schedules; default: --steps
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "ARCHITECTURE": ("resnet", "mlp"),
    "AUGMENT": ("color", "translation", "cutout", "ada"),
}


IMAGES = {
    "steps": 7000, "batch": 16, "width": 192, "gamma": 2.0, "r1_every": 8,
    "learning_rate": 0.003,
}  # fmt: skip
POINTS = {
    "steps": 4000, "batch": 128, "width": 128, "gamma": 0.05, "r1_every": 1,
    "learning_rate": 0.006,
}  # fmt: skip


def defaults(options, data):
    """Values for the kind of data, and schedules for the length of the run."""
    points = len(data.shape) == 1
    form = POINTS if points else IMAGES
    chosen = {name: form[name] if (own := getattr(options, name)) is None else own for name in form}
    steps, rate, gamma = (chosen[name] for name in ("steps", "learning_rate", "gamma"))
    decay_steps = steps if options.decay_steps is None else options.decay_steps
    return {
        **form,
        "architecture": "mlp" if points else "resnet",
        "latent_dim": 2 if points else 8 if data.embedded else 64,
        "full_width_size": 4 if points else max(4, data.shape[0] // 8),
        "crop": not points and r3gan.may_crop(data.shape[0]),
        "cardinality": 2 * chosen["width"],
        "final_gamma": gamma / 10 if points else gamma,
        "discriminator_learning_rate": rate if points else rate * 2 / 3,
        "final_learning_rate": rate / 4 if points else 0.0,
        "decay_steps": decay_steps,
        "ema_half_life": decay_steps / 10,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, tuple(data.shape)
    classes = labels.class_count(data) if o.labels else None
    sizes = (o.architecture, o.width, o.cardinality, o.blocks_per_stage)
    game = r3gan.R3GAN(
        r3gan.build_generator(shape, *sizes, o.latent_dim, classes, o.full_width_size, o.crop),
        r3gan.build_discriminator(shape, *sizes, classes, o.full_width_size, o.crop),
        gamma=CosineSchedule(o.gamma, o.final_gamma, o.decay_steps),
        classes=classes,
        ema_decay=HalfLifeDecay(CosineSchedule(0.0, o.ema_half_life, o.decay_steps)),
        seed=o.seed,
        **regularization_options(o),
    )
    rate = opponent_learning_rate(o)
    game.compile(generator=_adam(o, o.learning_rate), discriminator=_adam(o, rate))
    return game


def _adam(options, learning_rate):
    """Adam whose rate and beta 2 follow the schedules; both rates fall by the same factor."""
    o = options
    share = o.final_learning_rate / o.learning_rate if o.learning_rate else 0.0
    return FusedAdam(
        CosineSchedule(learning_rate, share * learning_rate, o.decay_steps),
        beta_1=o.beta_1,
        beta_2=CosineSchedule(o.beta_2, o.final_beta_2, o.decay_steps),
    )


if __name__ == "__main__":
    launch.main(globals())
