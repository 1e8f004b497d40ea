"""CycleGAN between two sets of images, without pairs (Zhu et al. 2017).

    python recipes/cyclegan.py                               red shapes to blue ones, 32x32
    python recipes/cyclegan.py --data outlines               outlines to filled shapes
    python recipes/cyclegan.py --data FOLDER --size 128      FOLDER holds trainA trainB testA testB
    python recipes/cyclegan.py --data DAY,NIGHT --size 128   any two folders of images
    python -m tfgan_suite translate runs/cyclegan_FOLDER IMAGES OUTPUT [--direction BtoA]

The embedded colours take minutes on a CPU: expect a mean absolute error of at most 0.05 against
the true images (untranslated ones: "unchanged"), and 0.08 at brightness not seen in training. Data
of your own train for 100 epochs at batch 1, averaged, with nearest-neighbour upsampling against
patterns of small squares. From 64 pixels on, the networks are the paper's, and its setting is

    --paper --size 256 --random-crop 30 --horizontal-flip

Few or large images: crops of 128 pixels from images of 256, which are also measured in crops, and
changes at random of all that the discriminators see (not color, where the domains differ in it):

    --size 128 --random-crop 128 --test-crops --horizontal-flip --augment translation,cutout

The grids in `samples/` show rows of a | G(a) | b | F(b). The adversarial losses oscillate and do
not tell how good the images are. Swapped colours, which show early: restart with another seed, or
--identity-weight 0.5. Outputs that equal the inputs: a smaller --identity-weight. Paper: 26.8% of
its aerial photos, generated from maps, passed for real ones; 2.1% for the best earlier method.
"""

from __future__ import annotations

from tfgan_suite import data
from tfgan_suite.games import cyclegan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "colours"  # colours, outlines, hues, a folder with trainA trainB, ONE,OTHER or tfds:NAME
STEPS = 600  # total number of training steps; data of your own: the least, see --epochs
EPOCHS: int | None = None  # passes over data of your own; default: 100; --paper 200
BATCH: int | None = None  # images of each domain; default: 4, data of your own and --paper 1
PAPER = False  # the paper's form: other defaults, see PLAIN
RANDOM_CROP = 0  # pixels by which images are enlarged before a random crop; paper 30 at 256
TEST_CROPS = False  # measure on crops from the centres of test images, at the scale of training
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
WIDTH: int | None = None  # channels of all networks; default: 64 (paper), below 64 pixels 16
BLOCKS: int | None = None  # residual blocks; default: 9 from 256 pixels, 6 (paper), below 64: 2
DISCRIMINATOR_LAYERS: int | None = None  # strided layers; default: 3 (paper), below 64 pixels 2
# transposed, nearest, bilinear or subpixel; default: nearest, embedded data and --paper transposed
UPSAMPLING: str | None = None
LOSS = "least_squares"  # least_squares, non_saturating, hinge or wasserstein
CYCLE_WEIGHT_A = 10.0  # weight of A to B to A; paper 10
CYCLE_WEIGHT_B = 10.0  # weight of B to A to B; paper 10
IDENTITY_WEIGHT = (
    0.0  # weight of the identity loss, in cycles; paper 0.5 for paintings, code always 0.5
)
POOL_SIZE = 50  # images in the pool of each domain; 0: no pool
AUGMENT = ""  # DiffAugment of the discriminators' images: any of color,translation,cutout
LEARNING_RATE: float | None = None  # Adam's; default: 0.0002 (paper), below 64 pixels 0.0005
BETA_1 = 0.5  # Adam's beta 1
# decay of the averaged generators that translate, 0: none; default: 0.995, embedded data and
# --paper 0
EMA_DECAY: float | None = None
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 200  # steps between checkpoints

EMBEDDED = {"batch": 4, "upsampling": "transposed", "ema_decay": 0.0}
OWN = {"epochs": 100, "batch": 1, "upsampling": "nearest", "ema_decay": 0.995}
PLAIN = {
    "epochs": 200, "batch": 1, "upsampling": "transposed", "ema_decay": 0.0,
    "width": 64, "discriminator_layers": 3, "learning_rate": 2e-4,
}  # fmt: skip

# What a flag may be; of several with commas, each.
CHOICES = {
    "UPSAMPLING": ("transposed", "nearest", "bilinear", "subpixel"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def load_data(options):
    """Both domains."""
    return data.load_unpaired(
        options.data,
        size=options.size,
        random_crop=options.random_crop,
        test_crops=options.test_crops,
        bit_depth=options.bit_depth,
    )


def defaults(options, data):
    """Values of the form that is trained, for the size of the images."""
    side = min(data.shape[:2])
    if options.paper:
        return {**PLAIN, "blocks": 6 if side < 256 else 9}
    small = side < 64
    return {
        **(EMBEDDED if data.embedded else OWN),
        "width": 16 if small else 64,
        "blocks": 2 if small else 6 if side < 256 else 9,
        "discriminator_layers": 2 if small else 3,
        "learning_rate": 5e-4 if small else 2e-4,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options

    def generator():
        return cyclegan.build_generator(data.shape, o.width, o.blocks, upsampling=o.upsampling)

    def discriminator():
        return cyclegan.build_discriminator(data.shape[2], o.width, o.discriminator_layers)

    game = cyclegan.CycleGAN(
        generator(),
        generator(),
        discriminator(),
        discriminator(),
        loss=o.loss,
        cycle_weight_a=o.cycle_weight_a,
        cycle_weight_b=o.cycle_weight_b,
        identity_weight=o.identity_weight,
        pool_size=o.pool_size,
        image_size=data.shape[:2],
        augment=o.augment,
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
