"""CGAN: images of the requested class (Mirza, Osindero 2014; AC-GAN; projection).

    python recipes/cgan.py                                   coloured shapes, 18 classes, 32x32
    python recipes/cgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/cgan.py --data IMAGES --size 64           your own folder, a subfolder per class
    python recipes/cgan.py --data ring                       points, the modes are the classes
    python -m tfgan_suite sample runs/cgan_shapes --label "red circle" --count 10
    python -m tfgan_suite sample saved_models/cgan_fashion-mnist --label 2 --count 10

`--conditioning` selects the form: `concat` (a one-hot code at every layer of both players),
`projection` (SN-GAN's discriminator with a class embedding, conditional batch norm in the
generator) or `auxiliary` (the discriminator predicts the class: discriminator/accuracy should
rise). The defaults are made for two CPU cores: R1 in place of batch norm in the discriminator, an
averaged generator that draws the samples, and learning rates that decay to 0. The papers' own
settings for digits are

    --norm batch --r1-weight 0 --ema-decay 0 --learning-rate 0.0002 --beta-1 0.5 --beta-2 0.999
    --linear-decay 0.5 --width 64 --batch 128 --latent uniform --latent-dim 100

and `--architecture dense` for the first paper's fully connected networks. Data without classes are
refused. Expect samples to show the requested class; each column of a sample grid is one class.
"""

from __future__ import annotations

from tfgan_suite.core import labels
from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import cgan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "shapes"
STEPS = 8000
BATCH = 16
CONDITIONING = "concat"  # concat, projection or auxiliary
ARCHITECTURE: str | None = None  # conv, resnet (projection), dense, mlp; default: conv, points mlp
WIDTH: int | None = None  # channels, units; default: 16 (papers 64; dense 200), points 128
LATENT_DIM = 32  # dimension of z; papers 100 or 128
LATENT = "normal"  # distribution of z: normal or uniform
LOSS: str | None = None  # adversarial loss; default: hinge for projection, else non_saturating
NORM = "none"  # normalization in the convolutional discriminator: batch or none
CLASS_WEIGHT = 1.0  # weight of the classes' cross-entropy, auxiliary only
CLASSIFY_FAKES = True  # whether the auxiliary discriminator learns classes from fakes too
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
R1_WEIGHT: float | None = None  # weight of the R1 penalty; default: 0.25, for projection 0
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 8  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
EMA_DECAY = 0.998  # decay of the averaged generator that draws samples; 0: none (papers)
LEARNING_RATE: float | None = None  # Adam's, both players; default: 0.002, for projection 0.0005
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.25  # learning rates decay linearly to 0 after this fraction of the run; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "CONDITIONING": ("concat", "projection", "auxiliary"),
    "ARCHITECTURE": ("conv", "resnet", "dense", "mlp"),
    "LATENT": ("normal", "uniform"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "NORM": ("batch", "none"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def defaults(options, data):
    """Values for the kind of data and the form of conditioning."""
    points, projection = len(data.shape) == 1, options.conditioning == "projection"
    return {
        "architecture": "mlp" if points else "conv",
        "width": 128 if points else 16,
        "loss": "hinge" if projection else "non_saturating",
        "r1_weight": 0.0 if projection else 0.25,
        "learning_rate": 5e-4 if projection else 2e-3,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape and classes."""
    o = options
    classes = labels.class_count(data)
    form = (tuple(data.shape), classes, o.conditioning, o.architecture)
    game = cgan.CGAN(
        cgan.build_generator(*form, o.width, o.latent_dim),
        cgan.build_discriminator(*form, o.width, o.norm),
        classes=classes,
        loss=o.loss,
        class_weight=o.class_weight,
        classify_fakes=o.classify_fakes,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(opponent_learning_rate(o), o.beta_1, o.beta_2),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
