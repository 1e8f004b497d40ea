"""InfoGAN on images: codes that can be read from the image (Chen et al. 2016).

    python recipes/infogan.py                                coloured shapes, 32x32
    python recipes/infogan.py --data /usr/share/datasets/fashion-mnist
    python recipes/infogan.py --data IMAGES --size 64        your own folder of images
    python recipes/infogan.py --lambda-categorical 0 --lambda-continuous 0    control: a plain GAN

The run folder's `codes/` shows one code after the other traversing its values while everything
else is fixed. discriminator/mi_cat is the information about the categorical codes in nats: it
should approach log CLASSES (2.30 for 10) for each of them, and stay low in the control. Codes are
found without labels: what a value means depends on the seed, one value may merge several kinds, and
none need be a class. The paper's MNIST setting is

    --width 64 --noise-dim 62 --batch 128 --norm batch --learning-rate 0.001
    --discriminator-learning-rate 0.0002 --beta-1 0.5 --beta-2 0.999 --ema-decay 0 --r1-weight 0
    --linear-decay 1 --steps 5000

Paper: with the best matching of values to classes, the categorical code errs on about 5% of MNIST.
"""

from __future__ import annotations

from pathlib import Path

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import infogan
from tfgan_suite.training import launch, sample_grids
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
STEPS = 5000
BATCH = 32
WIDTH = 24  # channels of the last hidden and the discriminator's first layer; paper 64
NOISE_DIM = 32  # dimension of z without the codes; paper 62
CATEGORICAL = 1  # number of categorical codes
CLASSES = 10  # values of each of them
CONTINUOUS = 2  # number of continuous codes
LAMBDA_CATEGORICAL = 1.0  # weight of the categorical codes' information
LAMBDA_CONTINUOUS = 0.1  # weight of the continuous codes' information; official code 1
LEARNED_DEVIATION = False  # Q also predicts the deviation of continuous codes; paper: always 1
LATENT = "uniform"  # distribution of z: uniform (paper) or normal
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares, wasserstein or pairing
NORM = "none"  # normalization in discriminator and Q: batch (paper), layer or none
EMA_DECAY = 0.998  # decay of the averaged generator that draws samples; 0: none (paper)
LEARNING_RATE = 0.001  # Adam's learning rate of the generator
DISCRIMINATOR_LEARNING_RATE = 0.0005  # that of discriminator and Q; paper 0.0002
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
R1_WEIGHT = 0.25  # weight of the R1 penalty on real images; 0: none (paper)
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 8  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "LATENT": ("normal", "uniform"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "NORM": ("batch", "layer", "instance", "none"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    size, _, channels = data.square_image_shape
    codes = {"categorical": o.categorical, "classes": o.classes, "continuous": o.continuous}
    latent_dim = o.noise_dim + o.categorical * o.classes + o.continuous
    game = infogan.InfoGAN(
        infogan.build_generator(size, channels, o.width, latent_dim),
        infogan.build_discriminator(size, channels, o.width, o.norm),
        infogan.build_recognition(
            16 * o.width,
            **codes,
            width=2 * o.width,
            learned_deviation=o.learned_deviation,
            norm=o.norm,
        ),
        **codes,
        lambda_categorical=o.lambda_categorical,
        lambda_continuous=o.lambda_continuous,
        loss=o.loss,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(o.discriminator_learning_rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """Grids of the codes, and learning-rate decay."""
    folder = Path(options.run) / "codes"
    grid = sample_grids.SampleGrid(folder, options.log_every, sample_grids.traversal)
    return [grid, *launch.make_callbacks(options, data, game)]


if __name__ == "__main__":
    launch.main(globals())
