"""WGAN-GP on images or points (Gulrajani et al. 2017).

    python recipes/wgan_gp.py                                the ring of 8 Gaussians
    python recipes/wgan_gp.py --data IMAGES --size 32      your own folder of images

On images the small convolutional nets play, or with `--architecture resnet` the paper's ResNets;
on points MLPs. A zero (or -1) below means a value for the kind of data at hand. For points these
are not the paper's toy setting (lambda 0.1, rate 0.0001, no decay, 100,000 steps, width 512) but
one that settles in minutes; the paper's CIFAR-10 net is

    --data tfds:cifar10 --architecture resnet --width 128 --learning-rate 0.0002 --linear-decay 0 --batch 64
    --steps 100000

-critic/wasserstein is the estimate of the earth mover's distance: it should fall; critic/slope
should be near 1. Expect 8 of 8 modes and at least 90% of the points within 3 standard deviations
of one. Paper: Inception score 7.86 +- .07 on CIFAR-10 with the ResNet, no labels.
"""

from tfgan_suite.games import wgan_gp
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "ring"
RUN = ""
STEPS = 8000
BATCH = 0  # examples in one critic step, over all devices; 0: 64 for points, 32 for images
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # resnet, conv or mlp; empty: mlp for points, conv for images
WIDTH = 0  # channels or hidden units; 0: 256 for points (paper 512), 32 for images (paper 128)
LATENT_DIM = 0  # length of z; 0: 2 for points, 128 for images
CRITIC_STEPS = 5  # critic updates per generator update
GP_WEIGHT = 0.0  # lambda; 0: 1 for points, 10 for images
LEARNING_RATE = 0.0  # Adam's learning rate, both players; 0: 0.001 for points, 0.0005 for images
BETA_1 = -1.0  # Adam's beta 1; -1: 0.5 for points, 0 for images
EMA_DECAY = 0.999  # decay of an averaged generator to draw with; 0 is the paper
LINEAR_DECAY = -1.0  # share of the run after which the rates fall to 0; -1: 0 for points, else 0.5
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def defaults(data):
    """Values for the kind of data at hand."""
    if len(data.shape) == 1:
        return {
            "batch": 64,
            "architecture": "mlp",
            "width": 256,
            "latent_dim": 2,
            "gp_weight": 1.0,
            "learning_rate": 1e-3,
            "beta_1": 0.5,
            "linear_decay": 0.0,
        }
    return {
        "batch": 32,
        "architecture": "conv",
        "width": 32,
        "latent_dim": 128,
        "gp_weight": 10.0,
        "learning_rate": 5e-4,
        "beta_1": 0.0,
        "linear_decay": 0.5,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    game = wgan_gp.WGANGP(
        wgan_gp.build_generator(data.shape, o.architecture, o.width, o.latent_dim),
        wgan_gp.build_critic(data.shape, o.architecture, o.width),
        gp_weight=o.gp_weight,
        critic_steps=o.critic_steps,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, 0.9),
        critic=FusedAdam(o.learning_rate, o.beta_1, 0.9),
    )
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
