"""WGAN-GP on pictures or points (Gulrajani et al. 2017).

    python recipes/wgan_gp.py                                the ring of 8 Gaussians
    python recipes/wgan_gp.py --data PICTURES --size 32      your own folder of pictures

On points the paper's toy setting is used (MLPs, lambda 0.1, batches of 256), on pictures the
small convolutional nets, or with `--architecture resnet` the paper's ResNets. A zero below means
the paper's value for the kind of data at hand, with widths fit for a CPU; the paper's CIFAR-10 net:

    --data tfds:cifar10 --architecture resnet --width 128 --latent-dim 128 --rate 0.0002

-critic/wasserstein is the estimate of the earth mover's distance: it should fall; critic/slope
should be near 1. Paper: Inception score 7.86 +- .07 on CIFAR-10 with the ResNet, no labels.
"""

from tfgan_suite import launch
from tfgan_suite.games import wgan_gp
from tfgan_suite.optimizers import FusedAdam

DATA = "ring"
RUN = ""
STEPS = 4000
BATCH = 64  # examples in one critic step, over all devices; the toy problems' paper value is 256
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
ARCHITECTURE = ""  # resnet, conv or mlp; empty: mlp for points, conv for pictures
WIDTH = 0  # channels or hidden units; 0: 128 for points (paper 512), 32 for pictures (paper 128)
LATENT_DIM = 0  # length of z; 0: 2 for points, 128 for pictures
CRITIC_STEPS = 5  # critic updates per generator update
PENALTY = 0.0  # lambda; 0: 0.1 for points, 10 for pictures
RATE = 0.0001  # Adam's learning rate, both players
BETA_1 = -1.0  # Adam's beta 1; -1: 0.5 for points, 0 for pictures
AVERAGE = 0.0  # decay of an averaged generator to draw with; 0 is the paper
MIRROR = False  # show every picture mirrored half of the time
REPORT = 250  # steps between log lines, sample sheets and health checks
SAVE = 500  # steps between checkpoints


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    points = len(data.shape) == 1
    architecture = options.architecture or ("mlp" if points else "conv")
    width = options.width or (128 if points else 32)
    latent_dim = options.latent_dim or (2 if points else 128)
    beta_1 = options.beta_1 if options.beta_1 >= 0 else (0.5 if points else 0.0)
    game = wgan_gp.WGANGP(
        wgan_gp.build_generator(data.shape, architecture, width, latent_dim),
        wgan_gp.build_critic(data.shape, architecture, width),
        penalty=options.penalty or (0.1 if points else 10.0),
        critic_steps=options.critic_steps,
        average=options.average,
        seed=options.seed,
    )
    game.compile(
        generator=FusedAdam(options.rate, beta_1, 0.9),
        critic=FusedAdam(options.rate, beta_1, 0.9),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
