"""LSGAN on images or points (Mao et al. 2017).

    python recipes/lsgan.py                                   coloured shapes, 32x32
    python recipes/lsgan.py --data ring                       the ring of 8 Gaussians
    python recipes/lsgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/lsgan.py --data IMAGES --size 112 --architecture vgg

On images DCGAN's nets play, or with `--architecture vgg` the paper's LSUN nets; on points MLPs.
A zero (or -1) below means a value for the kind of data at hand. The paper's setting for LSUN is

    --size 112 --architecture vgg --width 64 --latent-dim 1024 --learning-rate 0.001 --batch 64 --ema-decay 0
    --linear-decay 1

and for points --layers 2 --activation tanh --latent-dim 256 --discriminator-learning-rate 0.0001 --batch 512. The
discriminator's loss, discriminator/real + discriminator/fake, is 0.25 for a draw with the labels 0, 1, 1, and
generator/adversarial is then 0.125. `--norm none` is the paper's test of stability. Long runs
diverge late: keep an eye on the grids. The paper shows images, no score.
"""

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import lsgan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 0  # 0: 5000 for images, 8000 for points
BATCH = 0  # 0: 32 for images, 256 for points
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # vgg, dcgan or mlp; empty: mlp for points, dcgan for images
WIDTH = 0  # channels of generator's last, discriminator's first layer, or units; 0: 32, points 128
LATENT_DIM = 0  # length of z; 0: 32, points 2
LAYERS = 3  # hidden layers of the MLPs for points; paper 2
ACTIVATION = "relu"  # of the MLPs for points: relu, or tanh as in the paper
LATENT = ""  # distribution of z: normal or uniform; empty: normal for points, else uniform
NORM = "batch"  # normalisation in both nets: batch, layer, instance or none
LABEL_FAKE = 0.0  # a: the discriminator's label of generated examples
LABEL_REAL = 1.0  # b: its label of real ones
LABEL_GOAL = 1.0  # c: the answer that the generator wants; -1, 1, 0: Pearson's divergence
LEARNING_RATE = 0.001  # Adam's learning rate
DISCRIMINATOR_LEARNING_RATE = 0.0  # the discriminator's, where it differs; 0: the same
BETA_1 = 0.5  # Adam's beta 1
LABEL_SMOOTHING = 0.0  # this loss has labels of its own: 0
INSTANCE_NOISE = 0.0  # deviation of noise on all that the discriminator sees
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R1_EVERY = 1  # steps between two that compute it
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
EMA_DECAY = 0.999  # decay of an averaged generator to draw with; 0 is the paper
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def defaults(data):
    """Values for the kind of data at hand."""
    if len(data.shape) == 1:
        return {
            "steps": 8000,
            "batch": 256,
            "architecture": "mlp",
            "width": 128,
            "latent_dim": 2,
            "latent": "normal",
        }
    return {
        "steps": 5000,
        "batch": 32,
        "architecture": "dcgan",
        "width": 32,
        "latent_dim": 32,
        "latent": "uniform",
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    hidden = (o.norm, o.layers, o.activation)
    game = lsgan.LSGAN(
        lsgan.build_generator(data.shape, o.architecture, o.width, o.latent_dim, *hidden),
        lsgan.build_discriminator(data.shape, o.architecture, o.width, *hidden),
        a=o.label_fake,
        b=o.label_real,
        c=o.label_goal,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1),
        discriminator=FusedAdam(o.discriminator_learning_rate or o.learning_rate, o.beta_1),
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
