"""CycleGAN between two sets of images, without pairs (Zhu et al. 2017).

    python recipes/cyclegan.py                               red shapes to blue ones, 32x32
    python recipes/cyclegan.py --data outlines               outlines to filled shapes
    python recipes/cyclegan.py --data FOLDER --size 128      FOLDER holds trainA trainB testA testB
    python recipes/cyclegan.py --data DAY,NIGHT --size 128   any two folders of images
    python -m tfgan_suite translate runs/cyclegan_FOLDER IMAGES OUTPUT [--direction BtoA]

The embedded colours take minutes on a CPU: expect a mean absolute error of at most 0.05 against
the true images (untranslated ones: "unchanged"), and 0.08 beyond the brightness of training.
A zero below means a value for the size at hand; from 64 pixels on it is the paper's:

    --size 256 --jitter 30 --horizontal-flip --batch 1 --steps 200000

The grids in `samples/` show rows of a | G(a) | b | F(b). The adversarial losses go up and down
and do not say how good the images are. Colours turned around, which shows early: start again with
another seed, or --identity 0.5. Outputs that equal the inputs: a smaller --identity. A pattern of
small squares: --upsampling nearest. Paper: 26.8% of its aerial photos, made of maps, passed for
real ones; of the best method before it 2.1%.
"""

from tfgan_suite import data
from tfgan_suite.games import cyclegan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "colours"  # colours, outlines, hues, a folder with trainA trainB, ONE,OTHER or tfds:NAME
RUN = ""
STEPS = 600
BATCH = 4  # images of each domain in a step, over all devices; paper 1
SIZE = 0  # height and width of the images; 0: 32 for the embedded ones, 64 for folders
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
JITTER = 0  # pixels by which images are larger before the random crop; paper 30 at 256
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
WIDTH = 0  # channels of the generators and the discriminators; 0: 64 (paper), below 64 pixels 16
BLOCKS = 0  # residual blocks; 0: 9 from 256 pixels on, 6 (paper), below 64 pixels 2
DISCRIMINATOR_LAYERS = (
    0  # halvings of the discriminators; 0: 3 (paper, patches of 70 pixels), below 64 pixels 2
)
UPSAMPLING = "transposed"  # transposed (paper) or nearest
LOSS = "least_squares"  # least_squares, non_saturating, hinge or wasserstein
CYCLE_A = 10.0  # weight of A to B to A; paper 10
CYCLE_B = 10.0  # weight of B to A to B; paper 10
IDENTITY = 0.0  # weight of the identity loss, in cycles; paper 0.5 for paintings, code always 0.5
POOL = 50  # images in the pool of each domain; 0: none
LEARNING_RATE = 0.0  # Adam's learning rate, all networks; 0: 0.0002 (paper), below 64 pixels 0.0005
BETA_1 = 0.5  # Adam's beta 1
EMA_DECAY = 0.0  # decay of averaged generators to translate with; 0 is the paper
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 200  # steps between checkpoints


def load_data(options):
    """Both domains."""
    return data.load_unpaired(options.data, size=options.size or None, random_crop=options.jitter)


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, small = options, min(data.shape[:2]) < 64
    width = o.width or (16 if small else 64)
    blocks = o.blocks or (2 if small else None)
    layers = o.discriminator_layers or (2 if small else 3)

    def generator():
        return cyclegan.build_generator(data.shape, width, blocks, upsampling=o.upsampling)

    def discriminator():
        return cyclegan.build_discriminator(data.shape[2], width, layers)

    game = cyclegan.CycleGAN(
        generator(),
        generator(),
        discriminator(),
        discriminator(),
        loss=o.loss,
        cycle_weight_a=o.cycle_a,
        cycle_weight_b=o.cycle_b,
        identity_weight=o.identity,
        pool_size=o.pool,
        image_size=data.shape[:2],
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    rate = o.learning_rate or (5e-4 if small else 2e-4)
    game.compile(generators=FusedAdam(rate, o.beta_1), discriminators=FusedAdam(rate, o.beta_1))
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
