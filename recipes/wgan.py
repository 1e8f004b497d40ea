"""WGAN with weight clipping on points or images (Arjovsky, Chintala, Bottou 2017).

    python recipes/wgan.py                                    the ring of 8 Gaussians
    python recipes/wgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/wgan.py --data IMAGES --size 64 --architecture constant
    python recipes/curves.py --run-folder runs/wgan_ring      the estimate of the distance

On images DCGAN's nets play, with `--architecture constant` the paper's hard case without batch
norm, with dense MLPs; on points MLPs. A zero below means a value for the kind of data at hand.
The paper's setting is

    --size 64 --width 64 --latent-dim 100 --clip 0.01 --learning-rate 0.00005 --critic-steps 5 --warm-up 25
    --refresh 500 --batch 64 --ema-decay 0 --linear-decay 1

-critic/wasserstein is the estimate of the earth mover's distance up to an unknown factor: with
small boxes of weights it is small. It should fall as samples get better. One step is one update of
the generator after CRITIC_STEPS of the critic; with a warm-up some steps move the critic alone.
"""

import keras

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import wgan
from tfgan_suite.training import callbacks, launch

DATA = "ring"
RUN = ""
STEPS = 8000
BATCH = 0  # examples in one critic step, over all devices; 0: 32 for images, 256 for points
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # dcgan, constant, dense or mlp; empty: mlp for points, dcgan for images
WIDTH = 0  # channels of generator's last, critic's first layer, or units; 0: 32, points 128
LATENT_DIM = 0  # length of z; 0: 2 for points, 64 for images
NORM = "batch"  # normalisation in the critic: batch, layer, instance or none
CLIP = 0.0  # c: weights of the critic are held in [-c, c]; 0: 0.1 for points, 0.01 for images
CLIP_NORMS = True  # hold scale and offset of the critic's norms in that box too
CRITIC_STEPS = 5  # critic updates per generator update
WARM_UP = 0  # first moves of the generator that wait for 100 critic updates; official code 25
REFRESH = 0  # the wait comes back every so many moves; official code 500; 0: never
LEARNING_RATE = 0.0005  # RMSProp's learning rate, both players; paper 0.00005
RHO = 0.99  # RMSProp's memory, as in the official code
LABEL_SMOOTHING = 0.0  # this loss has no labels to smooth: 0
INSTANCE_NOISE = 0.0  # deviation of noise on all that the critic sees
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
            "batch": 256,
            "architecture": "mlp",
            "width": 128,
            "latent_dim": 2,
            "clip": 0.1,
        }
    return {
        "batch": 32,
        "architecture": "dcgan",
        "width": 32,
        "latent_dim": 64,
        "clip": 0.01,
    }


def make_optimizer(options):
    """PyTorch's RMSProp, the official code's: its epsilon 1e-8 stands outside the root.

    Clipped critics have tiny gradients, which Keras's 1e-7 inside the root would drown.
    """
    return keras.optimizers.RMSprop(options.learning_rate, options.rho, epsilon=1e-16)


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    game = wgan.WGAN(
        wgan.build_generator(data.shape, o.architecture, o.width, o.latent_dim),
        wgan.build_critic(data.shape, o.architecture, o.width, o.norm),
        clip=o.clip,
        clip_norms=o.clip_norms,
        critic_steps=o.critic_steps,
        warm_up=o.warm_up,
        refresh=o.refresh,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(generator=make_optimizer(o), critic=make_optimizer(o))
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
