"""SN-GAN on images or points (Miyato et al. 2018).

    python recipes/sngan.py                                  coloured shapes, 32x32
    python recipes/sngan.py --data /usr/share/datasets/fashion-mnist
    python recipes/sngan.py --data IMAGES --size 64        your own folder of images
    python recipes/sngan.py --data ring                      8 Gaussians; grid: 25

On images the small convolutional nets play, or with `--architecture resnet` the ResNets; on
points MLPs with spectral dense layers. A zero (or an empty text, or -1) below means a value for the
kind of data at hand. The paper's settings for CIFAR-10 (CNN, setting C; ResNet) are

    --data tfds:cifar10 --width 64 --latent-dim 128 --learning-rate 0.0002 --beta-1 0.5 --beta-2 0.999
    --ema-decay 0 --linear-decay 0 --batch 64 --discriminator-steps 1 --steps 100000
    --data tfds:cifar10 --architecture resnet --width 128 --generator-width 256 --latent-dim 128
    --learning-rate 0.0002 --beta-1 0 --beta-2 0.9 --ema-decay 0 --linear-decay 0 --batch 64 --discriminator-steps 5
    --generator-batches 2 --steps 50000

The sum of discriminator/real and discriminator/fake starts near 2 and stays above 0: the discriminator is held to a
slope, so it cannot win outright. Paper: Inception score 7.58 +- .12 and FID 25.5 (CNN, hinge), 8.22
+- .05 and 21.7 (ResNet) on CIFAR-10, over 5,000 samples.
"""

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import sngan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 6000
BATCH = 0  # examples in one discriminator step, over all devices; 0: 32 for images, 128 for points
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # conv, resnet or mlp; empty: mlp for points, else conv
WIDTH = 0  # discriminator's channels or hidden units; 0: 128 for points, 16 for images (paper 64)
GENERATOR_WIDTH = 0  # generator's; 0: as the discriminator's
LATENT_DIM = 0  # length of z; 0: 2 for points, 32 for images (paper 128)
LOSS = "hinge"  # hinge or non_saturating
DISCRIMINATOR_STEPS = 0  # discriminator updates per generator update; 0: 5 for points, 1 for images
GENERATOR_BATCHES = 1  # the generator's batch in discriminator's batches
SLOPE = 0.0  # slope that the discriminator may have; 0: 30 for points, 1 (paper) for images
LABEL_SMOOTHING = 0.0  # real labels are 1 minus this; non_saturating only
INSTANCE_NOISE = 0.0  # deviation of noise on all that the discriminator sees
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R1_EVERY = 1  # steps between two that compute it
AUGMENT = ""  # changes of all that the discriminator sees: color, translation, cutout
LEARNING_RATE = 0.0  # Adam's learning rate, both players; 0: 0.001 for points, 0.0005 for images
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.9  # Adam's beta 2
EMA_DECAY = 0.999  # decay of the averaged generator that draws; 0 is the paper
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def defaults(data):
    """Values for the kind of data at hand."""
    if len(data.shape) == 1:
        return {
            "batch": 128,
            "architecture": "mlp",
            "width": 128,
            "latent_dim": 2,
            "discriminator_steps": 5,
            "slope": 30.0,
            "learning_rate": 1e-3,
        }
    return {
        "batch": 32,
        "architecture": "conv",
        "width": 16,
        "latent_dim": 32,
        "discriminator_steps": 1,
        "slope": 1.0,
        "learning_rate": 5e-4,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, tuple(data.shape)
    wide = o.generator_width or o.width
    game = sngan.SNGAN(
        sngan.build_generator(shape, o.architecture, wide, o.latent_dim),
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
        discriminator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
