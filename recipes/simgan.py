"""SimGAN: simulated eyes that look real and keep their gaze (Shrivastava et al. 2017).

    python recipes/simgan.py                                 the embedded eyes, grey 35x55
    python recipes/simgan.py --data EYES                     your own folder, see below
    python recipes/simgan.py --data SIMULATED,REAL           any two folders of images
    python recipes/gaze.py runs/simgan_eyes                  what it is worth: a gaze predictor
    python -m tfgan_suite translate runs/simgan_eyes EYES/synthetic refined

EYES holds `synthetic/` with a file of labels, `real/` without labels and, to measure with,
`real_test/` with labels. The last command refines a folder and keeps the names of the files, so
that their labels still apply.

The grids in `samples/` show rows of simulated | refined | real. refiner/change says how much a
refined image differs from its simulated one; it should leave zero after pre-training, and
discriminator/accuracy (patches of refined images that the discriminator names) stay near .5 to .7. Images
that equal their inputs ask for a smaller regularisation, images that lose their gaze for a larger
one. Choose it by the grids and these two numbers, never by the labels of real images.
The paper's network and rates are

    --width 64 --blocks 4 --batch 512 --optimizer sgd --learning-rate 0.001 --ema-decay 0 --linear-decay 1
    --pretrain-refiner 1000 --pretrain-discriminator 200 (--refiner-steps 50 in the later version)

and for its hands --setting hand --kernel 7 --blocks 10. Paper: with predictors trained on refined
eyes 7.8 degrees of error on MPIIGaze, on simulated ones 11.2.
"""

import keras

from tfgan_suite import InputError, data
from tfgan_suite.features import extractors
from tfgan_suite.games import simgan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "eyes"  # eyes, a folder with synthetic/ and real/, or SIMULATED_FOLDER,REAL_FOLDER
RUN = ""
STEPS = 1000
BATCH = 32  # images of each kind in one update, over all devices
SIZE = 0  # height of the images; 0: 35, or as the data have them
COLUMNS = 0  # width of the images in pixels; 0: 55 with size 0, else as the size
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
WIDTH = 16  # channels of the refiner; paper 64
BLOCKS = 3  # residual blocks of the refiner; paper 4 (gaze), 10 (hand)
KERNEL = 3  # first convolution of the refiner; paper 3 (gaze), 7 (hand)
SETTING = "gaze"  # the discriminator's patches: gaze (23x23 pixels) or hand (71x71)
DISCRIMINATOR_WIDTH = 32  # channels of the discriminator's last layers; paper 32
PSI = "identity"  # what stays alike: identity, gradient, channel_mean or features
FEATURES = ""  # with psi features: a network and its layer, e.g. vgg16:block1_conv2
REGULARISATION = 4.0  # lambda, weight of the mean |psi(R(x)) - psi(x)|
REFINER_STEPS = 2  # updates of the refiner in a step; paper 2, later 50
DISCRIMINATOR_STEPS = 1  # updates of the discriminator in a step
HISTORY = 50  # batches of refined images that are kept; 0: none
HISTORY_DTYPE = "float32"  # float32, or uint8 for a quarter of the memory
PRETRAIN_REFINER = 300  # first steps, of the refiner alone: it learns to change nothing
PRETRAIN_DISCRIMINATOR = 50  # steps after them, of the discriminator alone
OPTIMIZER = "adam"  # adam, or sgd (paper)
LEARNING_RATE = 1e-3  # learning rate, both players
BETA_1 = 0.5  # Adam's beta 1
EMA_DECAY = 0.99  # decay of an averaged refiner to refine with; 0 is the paper
LINEAR_DECAY = 0.6  # share of the run after which the rates fall in a line to 0; 1: never
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 200  # steps between checkpoints


def load_data(options):
    """Simulated images with labels, and real ones."""
    size = (options.size, options.columns or options.size) if options.size else None
    return data.load_simulated(options.data, size=size)


def optimizer(options):
    """A new optimizer for one player."""
    if options.optimizer == "sgd":
        return keras.optimizers.SGD(options.learning_rate)
    if options.optimizer == "adam":
        return FusedAdam(options.learning_rate, options.beta_1, 0.99)
    raise InputError(f"--optimizer is {options.optimizer!r}; it must be adam or sgd")


def psi(options):
    """What the refiner has to keep alike: a name, or a feature network."""
    if (options.psi == "features") != bool(options.features):
        raise InputError(
            "--psi features needs --features NETWORK:LAYER (see tfgan_suite.features.extractors.load), and"
            " the other way round"
        )
    if options.psi != "features":
        return options.psi
    return extractors.load(options.features, pool="none")


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    shape = data.image_shape
    game = simgan.SimGAN(
        simgan.build_refiner(shape[2], options.width, options.blocks, options.kernel),
        simgan.build_discriminator(shape[2], options.discriminator_width, options.setting),
        shape=shape,
        psi=psi(options),
        regularisation=options.regularisation,
        refiner_steps=options.refiner_steps,
        discriminator_steps=options.discriminator_steps,
        history=options.history * options.batch,
        history_dtype=options.history_dtype,
        pretrain_refiner=options.pretrain_refiner,
        pretrain_discriminator=options.pretrain_discriminator,
        ema_decay=options.ema_decay,
        seed=options.seed,
    )
    game.compile(refiner=optimizer(options), discriminator=optimizer(options))
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
