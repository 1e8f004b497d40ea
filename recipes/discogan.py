"""DiscoGAN between two sets of images or points, without pairs (Kim et al. 2017).

    python recipes/discogan.py                               small red shapes to blue ones, 32x32
    python recipes/discogan.py --data modes                  the toy: 5 Gaussians to 10
    python recipes/discogan.py --data modes --model gan      the plain GAN (or recongan) on it
    python recipes/discogan.py --data FOLDER --size 64       FOLDER holds trainA trainB testA testB
    python recipes/discogan.py --data BAGS,SHOES --size 64   any two folders of images
    python -m tfgan_suite translate runs/discogan_FOLDER IMAGES OUTPUT [--direction BtoA]

On images expect a shape to keep its position in translation ("centroid_correlation" above 0.9). On
the toy expect most of the 10 modes ("modes_found") and points that return to where they were. The
relation between the domains is learned freely: it is one-to-one, not necessarily the one you have
in mind. Images of your own train for 200 epochs, with nearest-neighbour upsampling against patterns
of small squares. The official code's setting for shoes and bags is

    --paper --size 64 --steps 100000

A step updates the discriminators once and the generators twice, each time on new examples: the
data must hold three batches. The paper reports no figures to compare with.
"""

from __future__ import annotations

from tfgan_suite import InputError, data
from tfgan_suite.errors import must_be
from tfgan_suite.games import discogan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "hues"  # hues, colours, outlines, modes, a folder with trainA trainB, ONE,OTHER, tfds:NAME
STEPS = 1500  # total number of training steps; data of your own: the least, see --epochs
# passes over data of your own; default: 200; the paper's code stops after 5000 at the latest
EPOCHS: int | None = None
# examples of each domain in one update, over all devices, at least 16; default: 32; --paper 200
BATCH: int | None = None
PAPER = False  # the official code's setting: other defaults, see PLAIN
RANDOM_CROP = 0  # pixels by which images are enlarged before a random crop; paper 0
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
MODEL = "discogan"  # discogan, recongan (reconstruction of A alone) or gan (A to B alone)
WIDTH: int | None = None  # channels, units; default: 64 (paper), below 64 pixels 16, points 128
# transposed, nearest, bilinear or subpixel; default: nearest, embedded data and --paper transposed
UPSAMPLING: str | None = None
BOTTLENECK = 0  # channels of an extra middle layer; 0: no layer; paper 100 for cars, faces
ADVERSARIAL_WEIGHT = 0.1  # weight of the adversarial term
FEATURE_WEIGHT = 0.9  # weight of the feature-matching term
RECONSTRUCTION_WEIGHT = 0.5  # weight of the reconstruction; the other two terms count 1 minus it
INITIAL_RECONSTRUCTION_WEIGHT = 0.01  # that weight during the first steps
CURRICULUM_STEPS: int | None = None  # number of them; default: steps / 10, points 0; --paper 3333
WEIGHT_DECAY = 1e-5  # weight of the L2 penalty on the weights
LEARNING_RATE: float | None = None  # Adam's, all networks; default: 0.0002 (paper), points 0.001
BETA_1 = 0.5  # Adam's beta 1
# decay of the averaged generators that translate, 0: none; default: 0.99; --paper 0
EMA_DECAY: float | None = None
# learning rates decay linearly to 0 after this fraction of the run; default: 0.5; --paper 1 (never)
LINEAR_DECAY: float | None = None
LOG_EVERY = 100  # steps between log lines, sample grids and health checks

MODELS = ("discogan", "recongan", "gan")
AVERAGED = {"epochs": 200, "batch": 32, "ema_decay": 0.99, "linear_decay": 0.5}
PLAIN = {
    "epochs": 200, "batch": 200, "ema_decay": 0.0, "linear_decay": 1.0, "width": 64,
    "curriculum_steps": 3333, "upsampling": "transposed", "learning_rate": 2e-4,
}  # fmt: skip

# What a flag may be.
CHOICES = {
    "MODEL": ("discogan", "recongan", "gan"),
    "UPSAMPLING": ("transposed", "nearest", "bilinear", "subpixel"),
}


def batches_per_step(options):
    """One for the discriminators and two for the generators."""
    return 3


def load_data(options):
    """Both domains."""
    return data.load_unpaired(
        options.data,
        size=options.size,
        random_crop=options.random_crop,
        bit_depth=options.bit_depth,
    )


def defaults(options, data):
    """Values of the form that is trained, for the kind of data and the size of the images."""
    if options.paper:
        return PLAIN
    if len(data.shape) == 1:
        points = {"upsampling": "transposed", "curriculum_steps": 0, "learning_rate": 1e-3}
        return {**AVERAGED, "width": 128, **points}
    return {
        **AVERAGED,
        "upsampling": "transposed" if data.embedded else "nearest",
        "width": 16 if data.shape[0] < 64 else 64,
        "curriculum_steps": options.steps // 10,
        "learning_rate": 2e-4,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    if o.model not in MODELS:
        raise InputError(f"--model is {o.model!r}; {must_be(o.model, MODELS)}")
    architecture = "mlp" if len(data.shape) == 1 else "conv"

    def generator():
        return discogan.build_generator(
            data.shape, architecture, o.width, o.bottleneck, upsampling=o.upsampling
        )

    def discriminator():
        return discogan.build_discriminator(data.shape, architecture, o.width)

    game = discogan.DiscoGAN(
        generator(),
        None if o.model == "gan" else generator(),
        discriminator() if o.model == "discogan" else None,
        discriminator(),
        adversarial_weight=o.adversarial_weight,
        feature_weight=o.feature_weight,
        reconstruction_weight=o.reconstruction_weight,
        initial_reconstruction_weight=o.initial_reconstruction_weight,
        curriculum_steps=o.curriculum_steps,
        weight_decay=o.weight_decay,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(
        generators=FusedAdam(o.learning_rate, o.beta_1),
        discriminators=FusedAdam(o.learning_rate, o.beta_1),
    )
    return game


if __name__ == "__main__":
    launch.main(globals())
