"""WGAN-GP on images or points (Gulrajani et al. 2017).

    python recipes/wgan_gp.py                                the ring of 8 Gaussians
    python recipes/wgan_gp.py --data IMAGES --size 32        your own folder of images

Images use small convolutional networks, or the paper's ResNets with `--architecture resnet`;
points use MLPs. The defaults for points are not the paper's toy setting (lambda 0.1, learning rate
0.0001, no decay, 100,000 steps, width 512) but one that converges in minutes. Those for images
update the critic twice, not five times, for each update of the generator: Fashion-MNIST's FID
after five minutes is 0.65 and 0.82 (two seeds), with five updates 1.25, and 2.03 at half the rate.
The paper's CIFAR-10 setting is

    --data tfds:cifar10 --architecture resnet --width 128 --learning-rate 0.0002 --linear-decay 0
    --batch 64 --critic-steps 5 --steps 100000

-critic/wasserstein is the estimate of the earth mover's distance and should fall; critic/slope
should be near 1. Expect 8 of 8 modes and at least 90% of the points within 3 standard deviations
of one. Paper: Inception score 7.86 +- .07 on CIFAR-10 with the ResNet, without labels.
"""

from __future__ import annotations

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import wgan_gp
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "ring"
STEPS = 8000
BATCH: int | None = None  # examples in one critic step, over all devices; default: 32, points 64
ARCHITECTURE: str | None = None  # resnet, conv or mlp; default: conv for images, mlp for points
WIDTH: int | None = None  # channels or units; default: 32 (paper 128), points 256 (paper 512)
# units of a hidden dense layer of the generator, 0: none (paper);
# default: 16 * --width up to 28 pixels, else 0
HIDDEN_UNITS: int | None = None
LATENT_DIM: int | None = None  # dimension of z; default: 128 for images, 2 for points
# critic updates per generator update; default: 2 for images, points 5 (paper)
CRITIC_STEPS: int | None = None
GP_WEIGHT: float | None = None  # lambda; default: 10 for images, 1 for points
LEARNING_RATE = 0.001  # Adam's, both players; paper 0.0001, ResNets 0.0002
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the critic's; default: --learning-rate
PAIRING = False  # the relativistic pairing loss in place of the distance
R1_WEIGHT = 0.0  # weight of the R1 penalty on real examples
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 1  # apply R1 and R2 every N steps
BETA_1: float | None = None  # Adam's beta 1; default: 0 for images, 0.5 for points
EMA_DECAY = 0.999  # decay of the averaged generator that draws samples; 0: none (paper)
# learning rates decay linearly to 0 after this fraction of the run; default: 0.5, for points 0
LINEAR_DECAY: float | None = None
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be.
CHOICES = {
    "ARCHITECTURE": ("resnet", "conv", "mlp"),
}


def defaults(options, data):
    """Values for the kind of data."""
    if len(data.shape) == 1:
        return {
            "batch": 64,
            "architecture": "mlp",
            "width": 256,
            "hidden_units": 0,
            "latent_dim": 2,
            "critic_steps": 5,
            "gp_weight": 1.0,
            "beta_1": 0.5,
            "linear_decay": 0.0,
        }
    return {
        "batch": 32,
        "architecture": "conv",
        "width": 32,
        "hidden_units": blocks.hidden_units(
            data.shape, 32 if options.width is None else options.width
        ),
        "latent_dim": 128,
        "critic_steps": 2,
        "gp_weight": 10.0,
        "beta_1": 0.0,
        "linear_decay": 0.5,
    }


def batches_per_step(options):
    """One for every update of the critic."""
    return options.critic_steps


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    game = wgan_gp.WGANGP(
        wgan_gp.build_generator(data.shape, o.architecture, o.width, o.latent_dim, o.hidden_units),
        wgan_gp.build_critic(data.shape, o.architecture, o.width),
        gp_weight=o.gp_weight,
        critic_steps=o.critic_steps,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, 0.9),
        critic=FusedAdam(opponent_learning_rate(o), o.beta_1, 0.9),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
