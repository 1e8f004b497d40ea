"""EBGAN: the critic is an autoencoder (Zhao, Mathieu, LeCun 2017).

    python recipes/ebgan.py                                  coloured shapes, 32x32
    python recipes/ebgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/ebgan.py --data IMAGES --size 64        your own folder of images
    python recipes/ebgan.py --data ring                      8 Gaussians; grid: 25

The margin is in the energy's units: a good place to start is the energy that fakes would have that
look like the mean of the data, and for the mean square of images in [-1, 1] that is 0.1 to 1.
critic/active is the share of fakes below the margin: near 0 the margin is too small to teach
anything. A zero (or an empty text, or -1) below means a value for the data at hand. The paper's
settings for MNIST and for 64 pixels are

    --architecture dense --width 1024 --generator-width 1600 --code-dim 0 --norm batch --energy l2
    --margin 10 --learning-rate 0.001 --beta-1 0.9 --beta-2 0.999 --ema-decay 0 --linear-decay 1 --batch 128
    --size 64 --width 64 --generator-width 128 --latent-dim 100 --code-dim 0 --norm batch
    --energy l2 --margin 80 --learning-rate 0.001 --beta-1 0.9 --beta-2 0.999 --ema-decay 0 --linear-decay 1

The paper shows images, and no score that was measured here. Expect the sum of critic/real and
critic/fake to come close to the margin, where theory has the equilibrium.
"""

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import ebgan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 0  # 0: 6000 for images, 8000 for points
BATCH = 0  # 0: 32 for images, 256 for points
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # conv, dense or mlp; empty: mlp for points, else conv
WIDTH = 0  # critic's channels or hidden units; 0: 128 for points, 16 for images (paper 64)
GENERATOR_WIDTH = 0  # generator's; 0: 128 for points, 32 for images (paper 128)
LATENT_DIM = 0  # length of z; 0: 2 for points, 32 for images (paper 100)
CODE_DIM = -1  # length of the code; 0: the encoder's last maps (paper); -1: 0 points, 64 images
NORM = "none"  # normalisation in the critic: batch (paper), layer, instance or none
ENERGY = "mse"  # mse, l2 (paper) or sse
MARGIN = 0.0  # in the energy's units; 0: 0.25
PULLING = 0.1  # weight of the pulling-away term; 0: plain EBGAN
LABEL_SMOOTHING = 0.0  # for cross-entropy games only; refused here
INSTANCE_NOISE = 0.0  # deviation of noise on all that the critic sees
R1_WEIGHT = 0.0  # weight of the R1 penalty on the energy of real examples
R1_EVERY = 1  # steps between two that compute it
AUGMENT = ""  # changes of all that the critic sees: color, translation, cutout
LEARNING_RATE = 0.001  # Adam's learning rate, both players
BETA_1 = 0.5  # Adam's beta 1; paper 0.9
BETA_2 = 0.99  # Adam's beta 2
EMA_DECAY = 0.999  # decay of the averaged generator that draws; 0 is the paper
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
            "generator_width": 128,
            "latent_dim": 2,
            "code_dim": 0,
            "margin": 0.25,
        }
    return {
        "steps": 6000,
        "batch": 32,
        "architecture": "conv",
        "width": 16,
        "generator_width": 32,
        "latent_dim": 32,
        "code_dim": 64,
        "margin": 0.25,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, tuple(data.shape)
    game = ebgan.EBGAN(
        ebgan.build_generator(shape, o.architecture, o.generator_width, o.latent_dim),
        ebgan.build_critic(shape, o.architecture, o.width, o.code_dim, o.norm),
        energy=o.energy,
        margin=o.margin,
        pulling_away_weight=o.pulling,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        critic=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
