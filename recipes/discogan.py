"""DiscoGAN between two sets of images or points, without pairs (Kim et al. 2017).

    python recipes/discogan.py                               small red shapes to blue ones, 32x32
    python recipes/discogan.py --data modes                  the toy: 5 Gaussians to 10
    python recipes/discogan.py --data modes --model gan      the plain GAN (or recongan) on it
    python recipes/discogan.py --data FOLDER --size 64       FOLDER holds trainA trainB testA testB
    python recipes/discogan.py --data BAGS,SHOES --size 64   any two folders of images
    python -m tfgan_suite translate runs/discogan_FOLDER IMAGES OUTPUT [--direction BtoA]

On images expect the place of a shape to survive the translation ("centroid_correlation" above
0.9). On the toy expect most of the 10 modes ("modes_found") and points that come back. Which
relation is found is free: it is one-to-one, not the one you have in mind. A zero (or -1) below
means a value for the kind of data at hand. The official code's setting for shoes and bags is

    --size 64 --width 64 --batch 200 --steps 100000 --curriculum 3333 --ema-decay 0 --linear-decay 1

A step moves the discriminators once and the generators twice, each time on examples of its own: the data
must hold three batches. The paper gives no figures to compare with.
"""

from tfgan_suite import InputError, data
from tfgan_suite.games import discogan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "hues"  # hues, colours, outlines, modes, a folder with trainA trainB, ONE,OTHER, tfds:NAME
RUN = ""
STEPS = 1500
BATCH = 32  # examples of each domain in one update, over all devices; paper 200, at least 16
SIZE = 0  # height and width of the images; 0: 32 for the embedded ones, 64 for folders
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
JITTER = 0  # pixels by which images are larger before the random crop; paper 0
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
MODEL = "discogan"  # discogan, recongan (reconstruction of A alone) or gan (A to B alone)
WIDTH = 0  # channels or hidden units; 0: 128 for points, 64 (paper), below 64 pixels 16
BOTTLENECK = 0  # channels of one more layer in the middle; 0: none; paper 100 for cars and faces
ADVERSARIAL = 0.1  # weight of the adversarial term
FEATURES = 0.9  # weight of the match of the discriminators' features
RECONSTRUCTION = 0.5  # weight of the reconstruction; the other two count 1 minus it
START = 0.01  # that weight in the first steps
CURRICULUM = -1  # how many steps that are; -1: a tenth of the run, for points none; paper 3333
WEIGHT_DECAY = 1e-5  # weight of the squared weights
LEARNING_RATE = 0.0  # Adam's learning rate, all networks; 0: 0.0002 (paper), for points 0.001
BETA_1 = 0.5  # Adam's beta 1
EMA_DECAY = 0.99  # decay of averaged generators to translate with; 0 is the paper
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never (paper)
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints

MODELS = ("discogan", "recongan", "gan")


def load_data(options):
    """Both domains."""
    return data.load_unpaired(options.data, size=options.size or None, random_crop=options.jitter)


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, points = options, len(data.shape) == 1
    if o.model not in MODELS:
        raise InputError(f"--model is {o.model!r}; it must be one of {', '.join(MODELS)}")
    architecture = "mlp" if points else "conv"
    width = o.width or (128 if points else 16 if data.shape[0] < 64 else 64)

    def generator():
        return discogan.build_generator(data.shape, architecture, width, o.bottleneck)

    def discriminator():
        return discogan.build_discriminator(data.shape, architecture, width)

    game = discogan.DiscoGAN(
        generator(),
        None if o.model == "gan" else generator(),
        discriminator() if o.model == "discogan" else None,
        discriminator(),
        adversarial=o.adversarial,
        features=o.features,
        rate=o.reconstruction,
        start_rate=o.start,
        curriculum=o.curriculum if o.curriculum >= 0 else 0 if points else o.steps // 10,
        weight_decay=o.weight_decay,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    rate = o.learning_rate or (1e-3 if points else 2e-4)
    game.compile(generators=FusedAdam(rate, o.beta_1), discriminators=FusedAdam(rate, o.beta_1))
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
