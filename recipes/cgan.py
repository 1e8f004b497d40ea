"""CGAN: images of the class asked for (Mirza, Osindero 2014; AC-GAN; projection).

    python recipes/cgan.py                                   coloured shapes, 18 classes, 32x32
    python recipes/cgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/cgan.py --data IMAGES --size 64         your own folder, one subfolder a class
    python recipes/cgan.py --data ring                       points, the modes are the classes
    python -m tfgan_suite sample runs/cgan_shapes --label "red circle" --count 10
    python -m tfgan_suite sample saved_models/cgan_fashion-mnist --label 2 --count 10

`--conditioning` chooses the form: `concat` (one-hot code at every layer of both players),
`projection` (SN-GAN's discriminator with a vector a class, conditional batch norm in the generator) or
`auxiliary` (the discriminator tells the class: discriminator/accuracy should rise). The defaults are made for two
CPU cores: R1 in place of batch norm in the discriminator, an averaged generator that draws, and rates that
fall to nothing in the end. A zero (or an empty text) below means a value for the data at hand. The
papers' own settings for digits are

    --norm batch --r1-weight 0 --ema-decay 0 --learning-rate 0.0002 --beta-1 0.5 --beta-2 0.999 --linear-decay 0.5
    --width 64 --batch 128 --latent uniform --latent-dim 100

and `--architecture dense` for the first paper's fully connected nets. Data without classes are
refused. Expect samples to show the class asked for, one column a class.
"""

from tfgan_suite.core import labels
from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import cgan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 8000
BATCH = 16
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
CONDITIONING = "concat"  # concat, projection or auxiliary
ARCHITECTURE = ""  # conv, resnet (projection), dense or mlp; empty: mlp for points, else conv
WIDTH = 0  # channels or hidden units; 0: 128 for points, 16 for images (papers 64; dense 200)
LATENT_DIM = 32  # length of z; papers 100 or 128
LATENT = "normal"  # distribution of z: normal or uniform
LOSS = ""  # adversarial loss; empty: hinge for projection, else non_saturating
NORM = "none"  # normalisation in the convolutional discriminator: batch or none
CLASS_WEIGHT = 1.0  # weight of the classes' cross-entropy, auxiliary only
CLASSIFY_FAKES = True  # whether the auxiliary discriminator learns classes from fakes too
LABEL_SMOOTHING = 0.0  # real labels are 1 minus this
INSTANCE_NOISE = 0.0  # deviation of noise on all that the discriminator sees
R1_WEIGHT = -1.0  # weight of the R1 penalty; -1: 0.25, but 0 for projection
R1_EVERY = 8  # steps between two that compute it
AUGMENT = ""  # changes of all that the discriminator sees: color, translation, cutout
EMA_DECAY = 0.998  # decay of the averaged generator that draws; 0 is the papers
LEARNING_RATE = 0.0  # Adam's learning rate, both players; 0: 0.0005 for projection, else 0.002
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.25  # share of the run after which the rates fall in a line to 0; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape and classes."""
    o = options
    classes = labels.class_count(data)
    points, projection = len(data.shape) == 1, o.conditioning == "projection"
    architecture = o.architecture or ("mlp" if points else "conv")
    form = (tuple(data.shape), classes, o.conditioning, architecture)
    width = o.width or (128 if points else 16)
    chosen = regularization_options(o)
    if o.r1_weight < 0:
        chosen["r1_weight"] = 0.0 if projection else 0.25
    game = cgan.CGAN(
        cgan.build_generator(*form, width, o.latent_dim),
        cgan.build_discriminator(*form, width, o.norm),
        classes=classes,
        loss=o.loss or None,
        class_weight=o.class_weight,
        classify_fakes=o.classify_fakes,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **chosen,
    )
    rate = o.learning_rate or (5e-4 if projection else 2e-3)
    game.compile(
        generator=FusedAdam(rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
