"""GAN on points or images (Goodfellow et al. 2014).

    python recipes/gan.py                                     the ring of 8 Gaussians
    python recipes/gan.py --data grid --loss minimax          the loss of the paper's theory
    python recipes/gan.py --data /usr/share/datasets/fashion-mnist --steps 15000
    python recipes/gan.py --data IMAGES --size 32 --architecture conv --width 40

Points use MLPs; images use the paper's MNIST networks, at a width for two cores, or its CIFAR-10
networks with `--architecture conv`. The paper's setting for MNIST (its momentum rises to 0.7 over
250 epochs; here it is constant) is

    --width 1200 --discriminator-width 240 --latent-dim 100 --optimizer sgd --learning-rate 0.1
    --momentum 0.5 --shrink 1.000004 --batch 100 --ema-decay 0 --linear-decay 1

discriminator/real + discriminator/fake is 1.39 if the discriminator cannot tell real from fake;
discriminator/jsd, the estimate of the Jensen-Shannon divergence, is then 0, and 0.69 if it is
certain: it tells who is ahead, not how good samples are. Modes of the ring may be lost ("mode
collapse"): that is the plain game.
"""

from __future__ import annotations

import math

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.errors import InputError
from tfgan_suite.games import gan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate
from tfgan_suite.utils.rate_schedules import RateSchedule

import keras

DATA = "ring"
STEPS: int | None = None  # training steps; default: 15000 for images, 8000 for points
BATCH: int | None = None  # examples in a discriminator step; default: 100 for images, points 256
ARCHITECTURE: str | None = None  # dense, conv or mlp; default: dense for images, mlp for points
WIDTH: int | None = None  # generator's units or channels; default: mlp 128, dense 512, conv 40
DISCRIMINATOR_WIDTH: int | None = None  # (maxout) units, channels; default: 128, dense 240, conv 16
LATENT_DIM: int | None = None  # dimension of z; default: 64 for images, 2 for points
LATENT: str | None = None  # distribution of z, normal or uniform; default: uniform, points normal
LOSS = "non_saturating"  # non_saturating, minimax or pairing
DISCRIMINATOR_STEPS = 1  # k: discriminator updates per generator update
UPDATE_MODE = "alternating"  # alternating, or simultaneous as in the official code
MAX_NORM = 0.0  # largest norm of the weights into a discriminator unit; 0: unlimited
OPTIMIZER = "adam"  # adam, or sgd as in the paper
# learning rate of both players; default: SGD 0.1, Adam 0.0002 for images, 0.001 for points
LEARNING_RATE: float | None = None
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1 = 0.5  # Adam's beta 1
MOMENTUM = 0.5  # SGD's momentum
SHRINK = 1.0  # learning rates are divided by this every step, down to 1e-6; paper 1.000004
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this; disables discriminator/jsd
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 1  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
EMA_DECAY = 0.999  # decay of the averaged generator that draws samples; 0: none (paper)
# learning rates decay linearly to 0 after this fraction of the run; default: 1 (never), points 0.5
LINEAR_DECAY: float | None = None
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

WIDTHS = {"mlp": (128, 128), "dense": (512, 240), "conv": (40, 16)}

# What a flag may be; of several with commas, each.
CHOICES = {
    "ARCHITECTURE": ("dense", "conv", "mlp"),
    "LATENT": ("normal", "uniform"),
    "LOSS": ("non_saturating", "minimax", "pairing"),
    "UPDATE_MODE": ("alternating", "simultaneous"),
    "OPTIMIZER": ("adam", "sgd"),
    "AUGMENT": ("color", "translation", "cutout"),
}


class Shrink(RateSchedule):
    """Divides every player's learning rate by a factor each step, as the official code does."""

    def __init__(self, factor, minimum=1e-6):
        super().__init__()
        self.factor, self.minimum = factor, minimum

    def rate(self, initial, step):
        if step * math.log(self.factor) > 500.0:  # no float holds much larger powers
            return self.minimum
        return max(initial / self.factor**step, self.minimum)


def defaults(options, data):
    """Values for the kind of data, the architecture and the optimizer."""
    points = len(data.shape) == 1
    architecture = options.architecture
    if architecture is None:
        architecture = "mlp" if points else "dense"
    width, discriminator_width = WIDTHS.get(architecture, (1, 1))
    return {
        "steps": 8000 if points else 15000,
        "batch": 256 if points else 100,
        "architecture": architecture,
        "width": width,
        "discriminator_width": discriminator_width,
        "latent_dim": 2 if points else 64,
        "latent": "normal" if points else "uniform",
        "learning_rate": 0.1 if options.optimizer == "sgd" else 1e-3 if points else 2e-4,
        "linear_decay": 0.5 if points else 1.0,
    }


def make_optimizer(options, learning_rate):
    """A new optimizer of the kind that the flags ask for."""
    if options.optimizer == "sgd":
        return keras.optimizers.SGD(learning_rate, momentum=options.momentum)
    if options.optimizer != "adam":
        raise InputError(f"--optimizer is {options.optimizer!r}; it must be adam or sgd")
    return FusedAdam(learning_rate, options.beta_1)


def batches_per_step(options):
    """One for every update of the discriminator."""
    return options.discriminator_steps


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    game = gan.GAN(
        gan.build_generator(data.shape, o.architecture, o.width, o.latent_dim, o.latent),
        gan.build_discriminator(data.shape, o.architecture, o.discriminator_width),
        loss=o.loss,
        discriminator_steps=o.discriminator_steps,
        update_mode=o.update_mode,
        max_norm=o.max_norm,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=make_optimizer(o, o.learning_rate),
        discriminator=make_optimizer(o, opponent_learning_rate(o)),
    )
    return game


def make_callbacks(options, data, game):
    """Learning-rate decay: the official code's, or linear."""
    if options.shrink < 1.0:
        raise InputError(f"--shrink is {options.shrink}; it must be 1 (off) or more")
    if options.shrink > 1.0:
        return [Shrink(options.shrink)]
    return launch.make_callbacks(options, data, game)


if __name__ == "__main__":
    launch.main(globals())
