"""GAN on points or images (Goodfellow et al. 2014).

    python recipes/gan.py                                     the ring of 8 Gaussians
    python recipes/gan.py --data grid --loss minimax          the loss of the paper's theory
    python recipes/gan.py --data /usr/share/datasets/fashion-mnist --steps 15000
    python recipes/gan.py --data IMAGES --size 32 --architecture conv --width 40

On points MLPs play; on images the paper's MNIST nets, at a width for two cores, or with
`--architecture conv` its CIFAR-10 nets. A zero (or -1) below means a value for the kind of data at
hand. The paper's setting for MNIST (its momentum rises to 0.7 over 250 epochs; here it stays) is

    --width 1200 --discriminator-width 240 --latent-dim 100 --optimizer sgd --learning-rate 0.1 --momentum 0.5
    --shrink 1.000004 --batch 100 --ema-decay 0 --linear-decay 1

discriminator/real + discriminator/fake is 1.39 where the discriminator cannot tell; discriminator/jsd, the estimate of the
Jensen-Shannon divergence, is then 0, and 0.69 where it is sure: it says how the match stands, not
how good samples are. Modes of the ring may be lost ("mode collapse"): that is the plain game.
"""

import keras

from tfgan_suite import compat
from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.errors import InputError
from tfgan_suite.games import gan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "ring"
RUN = ""
STEPS = 0  # 0: 15000 for images, 8000 for points
BATCH = 0  # examples in one discriminator step, over all devices; 0: 100 for images, 256 for points
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # dense, conv or mlp; empty: mlp for points, dense for images
WIDTH = 0  # generator: hidden units, or channels; 0: 128 for points, 512 dense, 40 conv
DISCRIMINATOR_WIDTH = (
    0  # discriminator: (maxout) units, or channels; 0: 128 for points, 240 dense, 16 conv
)
LATENT_DIM = 0  # length of z; 0: 2 for points, 64 for images
LATENT = ""  # distribution of z: normal or uniform; empty: normal for points, else uniform
LOSS = "non_saturating"  # non_saturating or minimax
DISCRIMINATOR_STEPS = 1  # k: discriminator updates per generator update
UPDATE_MODE = "alternating"  # alternating, or simultaneous as the official code
MAX_NORM = 0.0  # largest norm of the weights into a unit of the discriminator; 0: none
OPTIMIZER = "adam"  # adam, or sgd as in the paper
LEARNING_RATE = (
    0.0  # learning rate, both players; 0: Adam 0.001 for points, 0.0002 for images, SGD 0.1
)
BETA_1 = 0.5  # Adam's beta 1
MOMENTUM = 0.5  # SGD's momentum
SHRINK = 1.0  # the rates are divided by this after every step, down to 1e-6; paper 1.000004
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this; switches discriminator/jsd off
INSTANCE_NOISE = 0.0  # deviation of noise on all that the discriminator sees
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R1_EVERY = 1  # steps between two that compute it
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
EMA_DECAY = 0.999  # decay of an averaged generator to draw with; 0 is the paper
LINEAR_DECAY = -1.0  # share of the run after which the rates fall to 0; -1: 0.5 for points, else 1
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints

WIDTHS = {"mlp": (128, 128), "dense": (512, 240), "conv": (40, 16)}


class Shrink(keras.callbacks.Callback):
    """Divides every player's rate by a factor a step, as the official code does."""

    def __init__(self, factor, least=1e-6):
        super().__init__()
        self.factor, self.least = factor, least

    def on_train_batch_begin(self, batch, logs=None):
        step = int(self.model.steps.numpy())
        for player, rate in self.model.initial_learning_rates.items():
            now = max(rate / self.factor**step, self.least)
            compat.set_learning_rate(self.model.optimizer_of(player), now)


def defaults(data):
    """Values for the kind of data at hand."""
    if len(data.shape) == 1:
        return {
            "steps": 8000,
            "batch": 256,
            "architecture": "mlp",
            "latent_dim": 2,
            "latent": "normal",
            "linear_decay": 0.5,
        }
    return {
        "steps": 15000,
        "batch": 100,
        "architecture": "dense",
        "latent_dim": 64,
        "latent": "uniform",
        "linear_decay": 1.0,
    }


def make_optimizer(options, points):
    """An optimizer of the kind that the flags ask for."""
    if options.optimizer == "sgd":
        return keras.optimizers.SGD(options.learning_rate or 0.1, momentum=options.momentum)
    if options.optimizer != "adam":
        raise InputError(f"--optimizer is {options.optimizer!r}; it must be adam or sgd")
    return FusedAdam(options.learning_rate or (1e-3 if points else 2e-4), options.beta_1)


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    points, latent = len(data.shape) == 1, options.latent
    widths = WIDTHS.get(options.architecture, (0, 0))
    game = gan.GAN(
        gan.build_generator(
            data.shape,
            options.architecture,
            options.width or widths[0],
            options.latent_dim,
            latent,
        ),
        gan.build_discriminator(
            data.shape, options.architecture, options.discriminator_width or widths[1]
        ),
        loss=options.loss,
        discriminator_steps=options.discriminator_steps,
        update_mode=options.update_mode,
        max_norm=options.max_norm,
        latent=latent,
        ema_decay=options.ema_decay,
        seed=options.seed,
        **regularization_options(options),
    )
    game.compile(
        generator=make_optimizer(options, points), discriminator=make_optimizer(options, points)
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    if options.shrink < 1.0:
        raise InputError(f"--shrink is {options.shrink}; it must be 1 (off) or more")
    if options.shrink > 1.0:
        return [Shrink(options.shrink)]
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
