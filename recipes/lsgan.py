"""LSGAN on images or points (Mao et al. 2017).

    python recipes/lsgan.py                                   coloured shapes, 32x32
    python recipes/lsgan.py --data ring                       the ring of 8 Gaussians
    python recipes/lsgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/lsgan.py --data IMAGES --size 112 --architecture vgg

Images use DCGAN's networks, or the paper's LSUN networks with `--architecture vgg`; points use
MLPs. The paper's setting for LSUN is

    --size 112 --architecture vgg --width 64 --latent-dim 1024 --learning-rate 0.001 --batch 64
    --ema-decay 0 --linear-decay 1

and for points --layers 2 --activation tanh --latent-dim 256 --discriminator-learning-rate 0.0001
--batch 512. The discriminator's loss, discriminator/real + discriminator/fake, is 0.25 at a draw
with the labels 0, 1, 1, and generator/adversarial is then 0.125. `--norm none` is the paper's test
of stability. Long runs diverge late: watch the sample grids. The paper shows images, no score.
"""

from __future__ import annotations

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import lsgan
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
STEPS: int | None = None  # training steps; default: 5000 for images, 8000 for points
BATCH: int | None = None  # examples in one batch, over all devices; default: 32, points 256
ARCHITECTURE: str | None = None  # vgg, dcgan or mlp; default: dcgan for images, mlp for points
WIDTH: int | None = None  # channels of the outer layers, or units; default: 32, points 128
# units of a hidden dense layer in both networks, 0: none (paper);
# default: 16 * --width up to 28 pixels, else 0
HIDDEN_UNITS: int | None = None
LATENT_DIM: int | None = None  # dimension of z; default: 32 for images, 2 for points
LAYERS = 3  # hidden layers of the MLPs for points; paper 2
ACTIVATION = "relu"  # of the MLPs for points: relu, or tanh as in the paper
LATENT: str | None = None  # distribution of z, normal or uniform; default: uniform, points normal
NORM = "batch"  # normalization in both networks: batch, layer, instance or none
LABEL_FAKE = 0.0  # a: the discriminator's label of generated examples
LABEL_REAL = 1.0  # b: its label of real ones
LABEL_GOAL = 1.0  # c: the output that the generator aims at; labels -1, 1, 0: Pearson divergence
LEARNING_RATE = 0.001  # Adam's learning rate
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1 = 0.5  # Adam's beta 1
LABEL_SMOOTHING = 0.0  # must be 0: this loss has labels of its own
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
PAIRING = False  # the relativistic pairing loss in place of the paper's
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 1  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
EMA_DECAY = 0.999  # decay of the averaged generator that draws samples; 0: none (paper)
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "ARCHITECTURE": ("vgg", "dcgan", "mlp"),
    "ACTIVATION": ("relu", "tanh"),
    "LATENT": ("normal", "uniform"),
    "NORM": ("batch", "layer", "instance", "none"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def defaults(options, data):
    """Values for the kind of data."""
    if len(data.shape) == 1:
        return {
            "steps": 8000,
            "batch": 256,
            "architecture": "mlp",
            "width": 128,
            "hidden_units": 0,
            "latent_dim": 2,
            "latent": "normal",
            "discriminator_learning_rate": options.learning_rate,
        }
    return {
        "steps": 5000,
        "batch": 32,
        "architecture": "dcgan",
        "width": 32,
        "hidden_units": _hidden_units(options, data.shape),
        "latent_dim": 32,
        "latent": "uniform",
        "discriminator_learning_rate": options.learning_rate,
    }


def _hidden_units(options, shape):
    """The LSUN net is the paper's at every size."""
    if options.architecture not in (None, "dcgan"):
        return 0
    return blocks.hidden_units(shape, 32 if options.width is None else options.width)


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    hidden = (o.norm, o.layers, o.activation, o.hidden_units)
    game = lsgan.LSGAN(
        lsgan.build_generator(data.shape, o.architecture, o.width, o.latent_dim, *hidden),
        lsgan.build_discriminator(data.shape, o.architecture, o.width, *hidden),
        a=o.label_fake,
        b=o.label_real,
        c=o.label_goal,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1),
        discriminator=FusedAdam(o.discriminator_learning_rate, o.beta_1),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
