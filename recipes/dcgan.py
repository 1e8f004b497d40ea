"""DCGAN on pictures (Radford, Metz, Chintala 2016).

    python recipes/dcgan.py                                  coloured shapes, 32x32, under 4 minutes
    python recipes/dcgan.py --data PICTURES --size 64        your own folder of pictures

The defaults are made for two CPU cores and the embedded shapes. The paper's plain form at this
size collapses there, so three stabilisers are on, each a flag: R1 instead of batch norm in the
critic, and an averaged generator to draw with. The paper's form:

    --norm batch --r1 0 --average 0 --critic-rate 0.0002 --width 128 --batch 128 --size 64

The paper shows pictures, no score; its figures are about features (see the README).
"""

from tfgan_suite import launch
from tfgan_suite.games import dcgan
from tfgan_suite.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 1500
BATCH = 64
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
WIDTH = 32  # channels of the generator's last hidden and the critic's first layer; paper 128
KERNEL = 4  # kernel size: 5 is the paper, 4 avoids checkerboards
LATENT_DIM = 100  # length of z
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares or wasserstein
NORM = "none"  # normalisation in the critic: batch (paper), layer, instance or none
R1 = 1.0  # weight of the R1 penalty on real pictures; 0 is the paper
AVERAGE = 0.995  # decay of the averaged generator that draws the pictures; 0 is the paper
GENERATOR_RATE = 0.0002  # Adam's learning rate of the generator
CRITIC_RATE = 0.0002  # Adam's learning rate of the critic
BETA_1 = 0.5  # Adam's beta 1, both players
MIRROR = False  # show every picture mirrored half of the time
REPORT = 100  # steps between log lines, sample sheets and health checks
SAVE = 250  # steps between checkpoints


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    size, _, channels = data.picture_shape
    shared = {"size": size, "channels": channels, "width": options.width, "kernel": options.kernel}
    game = dcgan.DCGAN(
        dcgan.build_generator(**shared, latent_dim=options.latent_dim),
        dcgan.build_critic(**shared, norm=options.norm),
        loss=options.loss,
        r1=options.r1,
        average=options.average,
        seed=options.seed,
    )
    game.compile(
        generator=FusedAdam(options.generator_rate, options.beta_1),
        critic=FusedAdam(options.critic_rate, options.beta_1),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
