"""SimGAN: simulated eyes that look real and keep their gaze (Shrivastava et al. 2017).

    python recipes/simgan.py                                 the embedded eyes, grey 35x55
    python recipes/simgan.py --data EYES                     your own folder, see below
    python recipes/simgan.py --data SIMULATED,REAL           any two folders of pictures
    python recipes/gaze.py runs/simgan_eyes                  what it is worth: a gaze predictor
    python -m tfgan_suite translate runs/simgan_eyes EYES/synthetic refined

EYES holds `synthetic/` with a file of labels, `real/` without labels and, to measure with,
`real_test/` with labels. The last command refines a folder and keeps the names of the files, so
that their labels still apply.

The sheets in `samples/` show rows of simulated | refined | real. refiner/change says how much a
refined picture differs from its simulated one; it should leave zero after pre-training, and
critic/accuracy (patches of refined pictures that the critic names) stay near .5 to .7. Pictures
that equal their inputs ask for a smaller regularisation, pictures that lose their gaze for a larger
one. Choose it by the sheets and these two numbers, never by the labels of real pictures.
The paper's network and rates are

    --width 64 --blocks 4 --batch 512 --optimizer sgd --rate 0.001 --average 0 --decay 1
    --pretrain-refiner 1000 --pretrain-critic 200 (--refiner-steps 50 in the later version)

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
BATCH = 32  # pictures of each kind in one update, over all devices
SIZE = 0  # height of the pictures; 0: 35, or as the data have them
COLUMNS = 0  # width of the pictures in pixels; 0: 55 with size 0, else as the size
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
WIDTH = 16  # channels of the refiner; paper 64
BLOCKS = 3  # residual blocks of the refiner; paper 4 (gaze), 10 (hand)
KERNEL = 3  # first convolution of the refiner; paper 3 (gaze), 7 (hand)
SETTING = "gaze"  # the critic's patches: gaze (23x23 pixels) or hand (71x71)
CRITIC_WIDTH = 32  # channels of the critic's last layers; paper 32
PSI = "identity"  # what stays alike: identity, gradient, channel_mean or features
FEATURES = ""  # with psi features: a network and its layer, e.g. vgg16:block1_conv2
REGULARISATION = 4.0  # lambda, weight of the mean |psi(R(x)) - psi(x)|
REFINER_STEPS = 2  # updates of the refiner in a step; paper 2, later 50
CRITIC_STEPS = 1  # updates of the critic in a step
HISTORY = 50  # batches of refined pictures that are kept; 0: none
HISTORY_DTYPE = "float32"  # float32, or uint8 for a quarter of the memory
PRETRAIN_REFINER = 300  # first steps, of the refiner alone: it learns to change nothing
PRETRAIN_CRITIC = 50  # steps after them, of the critic alone
OPTIMIZER = "adam"  # adam, or sgd (paper)
RATE = 1e-3  # learning rate, both players
BETA_1 = 0.5  # Adam's beta 1
AVERAGE = 0.99  # decay of an averaged refiner to refine with; 0 is the paper
DECAY = 0.6  # share of the run after which the rates fall in a line to 0; 1: never
REPORT = 100  # steps between log lines, sample sheets and health checks
SAVE = 200  # steps between checkpoints


def load_data(options):
    """Simulated pictures with labels, and real ones."""
    size = (options.size, options.columns or options.size) if options.size else None
    return data.load_simulated(options.data, size=size)


def optimizer(options):
    """A new optimizer for one player."""
    if options.optimizer == "sgd":
        return keras.optimizers.SGD(options.rate)
    if options.optimizer == "adam":
        return FusedAdam(options.rate, options.beta_1, 0.99)
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
    shape = data.picture_shape
    game = simgan.SimGAN(
        simgan.build_refiner(shape[2], options.width, options.blocks, options.kernel),
        simgan.build_critic(shape[2], options.critic_width, options.setting),
        shape=shape,
        psi=psi(options),
        regularisation=options.regularisation,
        refiner_steps=options.refiner_steps,
        critic_steps=options.critic_steps,
        history=options.history * options.batch,
        history_dtype=options.history_dtype,
        pretrain_refiner=options.pretrain_refiner,
        pretrain_critic=options.pretrain_critic,
        average=options.average,
        seed=options.seed,
    )
    game.compile(refiner=optimizer(options), critic=optimizer(options))
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.falling(options.decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
