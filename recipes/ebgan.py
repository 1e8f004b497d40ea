"""EBGAN: the critic is an autoencoder (Zhao, Mathieu, LeCun 2017).

    python recipes/ebgan.py                                  coloured shapes, 32x32
    python recipes/ebgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/ebgan.py --data IMAGES --size 64          your own folder of images
    python recipes/ebgan.py --data ring                      8 Gaussians; grid: 25

The margin is in units of the energy. Start with the energy of fakes that look like the mean of the
data; for the mean square of images in [-1, 1] that is 0.1 to 1. critic/active is the fraction of
fakes below the margin: near 0 the margin is too small to teach anything. The paper's settings for
MNIST and for 64 pixels are

    --architecture dense --width 1024 --generator-width 1600 --code-dim 0 --norm batch --energy l2
    --margin 10 --learning-rate 0.001 --beta-1 0.9 --beta-2 0.999 --ema-decay 0 --linear-decay 1
    --batch 128

    --size 64 --width 64 --generator-width 128 --latent-dim 100 --code-dim 0 --norm batch
    --energy l2 --margin 80 --learning-rate 0.001 --beta-1 0.9 --beta-2 0.999 --ema-decay 0
    --linear-decay 1

The paper shows images, and no score that was measured here. Expect the sum of critic/real and
critic/fake to approach the margin, which is the equilibrium in theory.
"""

from __future__ import annotations

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import ebgan
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "shapes"
STEPS: int | None = None  # training steps; default: 6000 for images, 8000 for points
BATCH: int | None = None  # examples in one batch, over all devices; default: 32, points 256
ARCHITECTURE: str | None = None  # conv, dense or mlp; default: conv for images, mlp for points
WIDTH: int | None = None  # critic's channels or units; default: 16 (paper 64), points 128
GENERATOR_WIDTH: int | None = None  # the generator's; default: 32 (paper 128), points 128
# units of a hidden dense layer of the generator, 0: none (paper);
# default: 16 * --generator-width up to 28 pixels, else 0
HIDDEN_UNITS: int | None = None
LATENT_DIM: int | None = None  # dimension of z; default: 32 (paper 100), points 2
CODE_DIM: int | None = None  # dimension of the code; 0: last maps (paper); default: 64, points 0
NORM = "none"  # normalization in the critic: batch (paper), layer, instance or none
ENERGY = "mse"  # mse, l2 (paper) or sse
MARGIN = 0.25  # in units of the energy
PULLING = 0.1  # weight of the pulling-away term; 0: plain EBGAN
LABEL_SMOOTHING = 0.0  # must be 0: for cross-entropy games only
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the critic
PAIRING = False  # the relativistic pairing loss in place of the paper's
R1_WEIGHT = 0.0  # weight of the R1 penalty on the energy of real examples
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 1  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
LEARNING_RATE = 0.001  # Adam's learning rate, both players
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the critic's; default: --learning-rate
BETA_1 = 0.5  # Adam's beta 1; paper 0.9
BETA_2 = 0.99  # Adam's beta 2
EMA_DECAY = 0.999  # decay of the averaged generator that draws samples; 0: none (paper)
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "ARCHITECTURE": ("conv", "dense", "mlp"),
    "NORM": ("batch", "layer", "instance", "none"),
    "ENERGY": ("l2", "mse", "sse"),
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
            "generator_width": 128,
            "hidden_units": 0,
            "latent_dim": 2,
            "code_dim": 0,
        }
    return {
        "steps": 6000,
        "batch": 32,
        "architecture": "conv",
        "width": 16,
        "generator_width": 32,
        "hidden_units": blocks.hidden_units(
            data.shape, 32 if options.generator_width is None else options.generator_width
        ),
        "latent_dim": 32,
        "code_dim": 64,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, tuple(data.shape)
    game = ebgan.EBGAN(
        ebgan.build_generator(
            shape, o.architecture, o.generator_width, o.latent_dim, hidden_units=o.hidden_units
        ),
        ebgan.build_critic(shape, o.architecture, o.width, o.code_dim, o.norm),
        energy=o.energy,
        margin=o.margin,
        pulling_away_weight=o.pulling,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        critic=FusedAdam(opponent_learning_rate(o), o.beta_1, o.beta_2),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
