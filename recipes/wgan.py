"""WGAN with weight clipping on points or images (Arjovsky, Chintala, Bottou 2017).

    python recipes/wgan.py                                    the ring of 8 Gaussians
    python recipes/wgan.py --data /usr/share/datasets/fashion-mnist
    python recipes/wgan.py --data IMAGES --size 64 --architecture constant
    python recipes/curves.py --run-folder runs/wgan_ring      the estimate of the distance

Images use DCGAN's networks; `--architecture constant` is the paper's hard case without batch norm,
`dense` are MLPs. Points use MLPs. The paper's setting is

    --size 64 --width 64 --latent-dim 100 --clip 0.01 --learning-rate 0.00005 --critic-steps 5
    --warm-up 25 --refresh 500 --batch 64 --ema-decay 0 --linear-decay 1

-critic/wasserstein is the estimate of the earth mover's distance up to an unknown factor, which is
small if the weights are clipped to a small box. It should fall as samples get better. One step is
one update of the generator after CRITIC_STEPS of the critic; during a warm-up some steps update
the critic alone.
"""

from __future__ import annotations

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import wgan
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import opponent_learning_rate

import keras

DATA = "ring"
STEPS = 8000
BATCH: int | None = None  # examples in one critic step, over all devices; default: 32, points 256
ARCHITECTURE: str | None = None  # dcgan, constant, dense or mlp; default: dcgan, points mlp
WIDTH: int | None = None  # channels of the outer layers, or units; default: 32, points 128
# units of a hidden dense layer in both networks, 0: none (paper);
# default: 16 * --width up to 28 pixels, else 0
HIDDEN_UNITS: int | None = None
LATENT_DIM: int | None = None  # dimension of z; default: 64 for images, 2 for points
NORM = "batch"  # normalization in the critic: batch, layer, instance or none
CLIP: float | None = None  # c: critic weights are clipped to [-c, c]; default: 0.01, points 0.1
CLIP_NORMS = True  # clip scale and offset of the critic's normalization layers too
CRITIC_STEPS = 5  # critic updates per generator update
WARM_UP = 0  # first generator updates that wait for 100 critic updates; official code 25
REFRESH = 0  # repeat that wait every N generator updates; 0: never; official code 500
LEARNING_RATE = 0.0005  # RMSProp's learning rate, both players; paper 0.00005
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the critic's; default: --learning-rate
RHO = 0.99  # RMSProp's decay of the mean square, as in the official code
LABEL_SMOOTHING = 0.0  # must be 0: this loss has no labels to smooth
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the critic
PAIRING = False  # the relativistic pairing loss in place of the paper's
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 1  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
EMA_DECAY = 0.999  # decay of the averaged generator that draws samples; 0: none (paper)
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "ARCHITECTURE": ("dcgan", "constant", "dense", "mlp"),
    "NORM": ("batch", "layer", "instance", "none"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def defaults(options, data):
    """Values for the kind of data."""
    if len(data.shape) == 1:
        return {
            "batch": 256,
            "architecture": "mlp",
            "width": 128,
            "hidden_units": 0,
            "latent_dim": 2,
            "clip": 0.1,
        }
    return {
        "batch": 32,
        "architecture": "dcgan",
        "width": 32,
        "hidden_units": _hidden_units(options, data.shape),
        "latent_dim": 64,
        "clip": 0.01,
    }


def _hidden_units(options, shape):
    """The paper's hard case, `constant`, is left as it is; `dense` has hidden layers."""
    if options.architecture not in (None, "dcgan"):
        return 0
    return blocks.hidden_units(shape, 32 if options.width is None else options.width)


def make_optimizer(learning_rate, rho):
    """PyTorch's RMSProp, as in the official code: its epsilon 1e-8 is outside the square root.

    The gradients of clipped critics are tiny; Keras's 1e-7 inside the root would swamp them.
    """
    return keras.optimizers.RMSprop(learning_rate, rho, epsilon=1e-16)


def batches_per_step(options):
    """One for every update of the critic."""
    return options.critic_steps


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    game = wgan.WGAN(
        wgan.build_generator(data.shape, o.architecture, o.width, o.latent_dim, o.hidden_units),
        wgan.build_critic(data.shape, o.architecture, o.width, o.norm, o.hidden_units),
        clip=o.clip,
        clip_norms=o.clip_norms,
        critic_steps=o.critic_steps,
        warm_up=o.warm_up,
        refresh=o.refresh,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=make_optimizer(o.learning_rate, o.rho),
        critic=make_optimizer(opponent_learning_rate(o), o.rho),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
