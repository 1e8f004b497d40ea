"""DCGAN on images (Radford, Metz, Chintala 2016).

    python recipes/dcgan.py                                  coloured shapes, 32x32, under 4 minutes
    python recipes/dcgan.py --data IMAGES --size 64        your own folder of images
    python recipes/dcgan.py --data IMAGES --size 64 --paper --width 128 --batch 128 --steps 100000

The defaults are made for two CPU cores and the embedded shapes, where the discriminator of the paper's
plain form wins (0.2% clean shapes after 2,500 steps). Regularization are on, each a flag: R1 in place
of batch norm in the discriminator, an averaged generator that draws, larger steps with less memory (Adam
0.002, 0, 0.99) that fall to nothing in the end, and a z hardly longer than the list of what varies
in the images (8 numbers; after 3,000 steps 49% of the shapes were clean, with 32 numbers 37%).
`--paper` is the plain form at the width and batch you give. For your own images take a longer z
and smaller steps: `--latent-dim 32 --learning-rate 0.001`. Expect more than 75% of the samples to be one
clean shape of one colour (79.7% of 1,000 at seed 0) and all 18 classes. The paper shows images,
no score.
"""

import types

from tfgan_suite.games import dcgan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 7000
BATCH = 16
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
PAPER = False  # the paper's plain form: overrides the constants named in PLAIN
WIDTH = 32  # channels of the generator's last hidden and the discriminator's first layer; paper 128
KERNEL = 4  # kernel size: 5 is the paper, 4 avoids checkerboards
LATENT_DIM = 8  # length of z: about as many things as vary in the shapes; paper 100
LATENT = "normal"  # distribution of z: normal or uniform
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares or wasserstein
NORM = "none"  # normalisation in the discriminator: batch, layer, instance or none
R1_WEIGHT = 0.25  # weight of the R1 penalty on real images
R1_EVERY = 8  # steps between two that compute it
EMA_DECAY = 0.998  # decay of the averaged generator that draws the images; 0: none
LEARNING_RATE = 0.002  # Adam's learning rate, both players
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.25  # share of the run after which the rates fall in a line to 0; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints

PLAIN = {
    "kernel": 5, "latent_dim": 100, "latent": "uniform", "loss": "non_saturating",
    "norm": "batch", "r1_weight": 0.0, "ema_decay": 0.0, "learning_rate": 0.0002, "beta_1": 0.5, "beta_2": 0.999,
    "linear_decay": 1.0,
}  # fmt: skip


def plain(options):
    """The options, with the paper's values where `--paper` asks for them."""
    return types.SimpleNamespace(**{**vars(options), **(PLAIN if options.paper else {})})


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = plain(options)
    size, _, channels = data.image_shape
    game = dcgan.DCGAN(
        dcgan.build_generator(size, channels, o.width, o.latent_dim, o.kernel),
        dcgan.build_discriminator(size, channels, o.width, o.kernel, o.norm),
        loss=o.loss,
        latent=o.latent,
        r1_weight=o.r1_weight,
        r1_every=o.r1_every,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(plain(options).decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
