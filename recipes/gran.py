"""GRAN on images: a canvas painted in several strokes (Im et al. 2016).

    python recipes/gran.py                                   coloured shapes, 32x32
    python recipes/gran.py --data /usr/share/datasets/fashion-mnist
    python recipes/gran.py --data IMAGES --size 64           your own folder of images
    python recipes/gran.py --strokes 1                       a single stroke: a DCGAN

The run folder's `strokes/` shows the canvas after every stroke; the export draws them with
`canvases`. Expect early canvases to be grey and the last ones to be the image. Two runs compete in
`tfgan_suite.measures.gam.battle(game_1, game_2, test_images)`. A step takes as many passes through
the decoder as there are strokes. The paper's CIFAR-10 setting is

    --data tfds:cifar10 --strokes 5 --width 256 --discriminator-width 256 --latent-dim 100
    --hidden 100 --batch 100 --norm batch --learning-rate 0.0001
    --discriminator-learning-rate 0.00004 --beta-1 0.5 --beta-2 0.999
    --discriminator-weight-decay 0.000005 --ema-decay 0 --r1-weight 0 --linear-decay 1 --steps 10000

The paper compares its models by GAM alone: 5 strokes win over 3 and 1.
"""

from __future__ import annotations

from pathlib import Path

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import gran
from tfgan_suite.training import launch, sample_grids
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
STEPS = 4000  # total number of training steps; images of your own: the least, see --epochs
EPOCHS = 20  # passes over images of your own; paper 20
BATCH = 16
STROKES = 3  # steps T on the canvas; paper 1, 3 and 5
WIDTH = 24  # channels of the decoder's last hidden and its encoder's first layer; paper 256
DISCRIMINATOR_WIDTH = 24  # channels of the discriminator's last convolution; paper 256
HIDDEN = 64  # dimension of the hidden states; paper 100
LATENT_DIM = 32  # dimension of z; paper 100
LATENT = "normal"  # distribution of z: normal or uniform
NOISE_PER_STEP = False  # new noise for every stroke
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares, wasserstein or pairing
NORM = "none"  # normalization in the discriminator: batch (paper), layer, instance or none
DISCRIMINATOR_WEIGHT_DECAY = 0.0  # weight of the discriminator's L2 penalty; paper 0.000005
EMA_DECAY = 0.998  # decay of the averaged generator that draws samples; 0: none (paper)
LEARNING_RATE = 0.0005  # Adam's learning rate of the generator; paper 0.0001
DISCRIMINATOR_LEARNING_RATE = 0.0005  # the discriminator's (it died at 0.001); paper 0.00004
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
    game = gran.GRAN(
        gran.build_generator(
            size,
            channels,
            o.width,
            o.latent_dim,
            o.strokes,
            o.hidden,
            noise_per_step=o.noise_per_step,
        ),
        gran.build_discriminator(size, channels, o.discriminator_width, o.norm),
        loss=o.loss,
        latent=o.latent,
        weight_decay=o.discriminator_weight_decay,
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
    """Grids of strokes, and learning-rate decay."""
    folder = Path(options.run) / "strokes"
    grid = sample_grids.SampleGrid(folder, options.log_every, sample_grids.strokes)
    return [grid, *launch.make_callbacks(options, data, game)]


if __name__ == "__main__":
    launch.main(globals())
