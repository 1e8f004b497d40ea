"""DCGAN on images (Radford, Metz, Chintala 2016).

    python recipes/dcgan.py                                coloured shapes, 32x32, about 5 minutes
    python recipes/dcgan.py --data IMAGES --size 64        your own folder of images
    python recipes/dcgan.py --data IMAGES --size 64 --paper --width 128 --batch 128 --steps 100000

The defaults are made for two CPU cores and the embedded shapes, where the discriminator of the
paper's plain form wins (0.2% clean shapes after 2,500 steps). Expect more than 80% of the samples
to be a single clean shape of one colour, and all 18 kinds (84 to 89% at seeds 0 to 4). The paper
shows images, no score.

Deviations:
    * Relativistic pairing in place of the paper's loss, `--loss non_saturating`: with that one two
      of three seeds ended with 9 of the 18 kinds, with pairs four of four have all.
    * R1 and R2 in place of batch norm in the discriminator, which the pairs need to converge.
    * An averaged generator draws the samples, which evens out the last steps.
    * Larger steps with less momentum (Adam 0.002, 0, 0.99) that decay to 0: minutes, not hours.
    * A z hardly longer than the list of what varies in the images: after 3,000 steps 49% of the
      shapes were clean with 8 dimensions, 37% with 32.
    * A hidden dense layer in both networks to 32 pixels. With one linear map from z to the first
      maps, neighbouring kinds blend into each other: 76% of the samples were clean at seed 0
      without the layer, 87% with it. To 28 pixels, a discriminator of two halvings and a linear
      map cannot see whether the parts of an image fit together either.
    * Kernels of 4 pixels, which the stride divides, against checkerboards.

Each has a flag, and `--paper` is the plain form, at the width and batch that you pass. For your own
images use a longer z and smaller steps: `--latent-dim 32 --learning-rate 0.001`.
"""

from __future__ import annotations

from tfgan_suite.games import dcgan
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "shapes"
STEPS = 8000  # total number of training steps; images of your own: the least, see --epochs
EPOCHS = 25  # passes over images of your own; paper 25
BATCH = 16
PAPER = False  # the paper's plain form: other defaults, see PLAIN
WIDTH = 32  # channels of the generator's last hidden and the discriminator's first layer; paper 128
# units of a hidden dense layer in both networks; default: 16 * --width to 28 pixels, 4 * --width at
# 32, else 0; --paper 0
HIDDEN_UNITS: int | None = None
KERNEL: int | None = None  # kernel size; default: 4, which avoids checkerboards; --paper 5
LATENT_DIM: int | None = None  # dimension of z; default: 8, as few things vary; --paper 100
LATENT: str | None = None  # distribution of z, normal or uniform; default: normal; --paper uniform
# adversarial loss: pairing, non_saturating, minimax, hinge, least_squares or wasserstein;
# default: pairing; --paper non_saturating
LOSS: str | None = None
# normalization in the discriminator: batch, layer, instance or none; default: none; --paper batch
NORM: str | None = None
R1_WEIGHT: float | None = None  # weight of the R1 penalty on real images; default: 0.5; --paper 0
R2_WEIGHT: float | None = None  # weight of R2, on generated images; default: 0.5; --paper 0
R1_EVERY = 8  # apply R1 and R2 every N steps
# decay of the averaged generator that draws samples, 0: none; default: 0.998; --paper 0
EMA_DECAY: float | None = None
LEARNING_RATE: float | None = None  # Adam's, both players; default: 0.002; --paper 0.0002
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1: float | None = None  # Adam's beta 1; default: 0; --paper 0.5
BETA_2: float | None = None  # Adam's beta 2; default: 0.99; --paper 0.999
# learning rates decay linearly to 0 after this fraction of the run; default: 0.25; --paper 1
LINEAR_DECAY: float | None = None
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

REGULARIZED = {
    "kernel": 4, "latent_dim": 8, "latent": "normal", "norm": "none", "loss": "pairing",
    "r1_weight": 0.5, "r2_weight": 0.5,
    "ema_decay": 0.998, "learning_rate": 0.002, "beta_1": 0.0, "beta_2": 0.99, "linear_decay": 0.25,
}  # fmt: skip
PLAIN = {
    "kernel": 5, "latent_dim": 100, "latent": "uniform", "norm": "batch", "loss": "non_saturating",
    "r1_weight": 0.0, "r2_weight": 0.0,
    "ema_decay": 0.0, "learning_rate": 0.0002, "beta_1": 0.5, "beta_2": 0.999, "linear_decay": 1.0,
}  # fmt: skip

# What a flag may be.
CHOICES = {
    "LATENT": ("normal", "uniform"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "NORM": ("batch", "layer", "instance", "none"),
}


def defaults(options, data):
    """Values of the form that is trained."""
    if options.paper:
        return {**PLAIN, "hidden_units": 0}
    return {**REGULARIZED, "hidden_units": blocks.hidden_units(data.shape, options.width, at_32=4)}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    size, _, channels = data.square_image_shape
    game = dcgan.DCGAN(
        dcgan.build_generator(size, channels, o.width, o.latent_dim, o.kernel, o.hidden_units),
        dcgan.build_discriminator(size, channels, o.width, o.kernel, o.norm, o.hidden_units),
        loss=o.loss,
        latent=o.latent,
        r1_weight=o.r1_weight,
        r2_weight=o.r2_weight,
        r1_every=o.r1_every,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(opponent_learning_rate(o), o.beta_1, o.beta_2),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
