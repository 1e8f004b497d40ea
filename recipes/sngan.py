"""SN-GAN on images or points (Miyato et al. 2018).

    python recipes/sngan.py                                  coloured shapes, 32x32
    python recipes/sngan.py --data /usr/share/datasets/fashion-mnist
    python recipes/sngan.py --data IMAGES --size 64          your own folder of images
    python recipes/sngan.py --data ring                      8 Gaussians; grid: 25

Images use small convolutional networks, or the ResNets with `--architecture resnet`; points use
MLPs of spectrally normalized dense layers. The paper's settings for CIFAR-10 (CNN, setting C;
ResNet) are

    --data tfds:cifar10 --width 64 --latent-dim 128 --learning-rate 0.0002 --beta-1 0.5
    --beta-2 0.999 --ema-decay 0 --linear-decay 0 --batch 64 --discriminator-steps 1 --steps 100000

    --data tfds:cifar10 --architecture resnet --width 128 --generator-width 256 --latent-dim 128
    --learning-rate 0.0002 --beta-1 0 --beta-2 0.9 --ema-decay 0 --linear-decay 0 --batch 64
    --discriminator-steps 5 --generator-batches 2 --steps 50000

discriminator/real + discriminator/fake starts near 2 and stays above 0: the discriminator's slope
is bounded, so it cannot win outright. Paper: Inception score 7.58 +- .12 and FID 25.5 (CNN, hinge),
8.22 +- .05 and 21.7 (ResNet) on CIFAR-10, over 5,000 samples.
"""

from __future__ import annotations

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import sngan
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "shapes"
STEPS = 6000
BATCH: int | None = None  # examples in a discriminator step; default: 32 for images, points 128
ARCHITECTURE: str | None = None  # conv, resnet or mlp; default: conv for images, mlp for points
WIDTH: int | None = None  # discriminator's channels, units; default: 16 (paper 64), points 128
GENERATOR_WIDTH: int | None = None  # the generator's; default: the discriminator's
# units of a hidden dense layer of the generator, 0: none (paper);
# default: 16 * --generator-width up to 28 pixels, else 0
HIDDEN_UNITS: int | None = None
LATENT_DIM: int | None = None  # dimension of z; default: 32 (paper 128), points 2
LOSS = "hinge"  # hinge (paper), non_saturating or pairing
DISCRIMINATOR_STEPS: int | None = None  # updates per generator update; default: 1, points 5
GENERATOR_BATCHES = 1  # the generator's batch size, in batches of the discriminator
SLOPE: float | None = None  # bound of the discriminator's slope; default: 1 (paper), points 30
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this; non_saturating only
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 1  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
LEARNING_RATE: float | None = None  # Adam's, both players; default: 0.0005, for points 0.001
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.9  # Adam's beta 2
EMA_DECAY = 0.999  # decay of the averaged generator that draws samples; 0: none (paper)
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "ARCHITECTURE": ("conv", "resnet", "mlp"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def defaults(options, data):
    """Values for the kind of data."""
    points = len(data.shape) == 1
    width = 128 if points else 16
    generator_width = width if options.width is None else options.width
    if options.generator_width is not None:
        generator_width = options.generator_width
    return {
        "batch": 128 if points else 32,
        "architecture": "mlp" if points else "conv",
        "width": width,
        "generator_width": generator_width,
        "hidden_units": blocks.hidden_units(data.shape, generator_width),
        "latent_dim": 2 if points else 32,
        "discriminator_steps": 5 if points else 1,
        "slope": 30.0 if points else 1.0,
        "learning_rate": 1e-3 if points else 5e-4,
    }


def batches_per_step(options):
    """One for every update of the discriminator."""
    return options.discriminator_steps


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, tuple(data.shape)
    game = sngan.SNGAN(
        sngan.build_generator(
            shape, o.architecture, o.generator_width, o.latent_dim, o.hidden_units
        ),
        sngan.build_discriminator(shape, o.architecture, o.width, o.slope),
        loss=o.loss,
        discriminator_steps=o.discriminator_steps,
        generator_batches=o.generator_batches,
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
