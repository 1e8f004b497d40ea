"""SimGAN: simulated eyes that look real and keep their gaze (Shrivastava et al. 2017).

    python recipes/simgan.py                                 the embedded eyes, grey 35x55
    python recipes/simgan.py --data EYES                     your own folder, see below
    python recipes/simgan.py --data SIMULATED,REAL           any two folders of images
    python recipes/gaze.py runs/simgan_eyes                  its value for a gaze predictor
    python -m tfgan_suite translate runs/simgan_eyes EYES/synthetic refined

EYES holds `synthetic/` with a file of labels, `real/` without labels and, for measuring,
`real_test/` with labels. The last command refines a folder and keeps the file names, so that the
labels still apply.

The grids in `samples/` show rows of simulated | refined | real. refiner/change says how much a
refined image differs from its simulated one; it should leave zero after pre-training, and
discriminator/accuracy (the fraction of patches classified correctly) should stay near .5 to .7.
Images that equal their inputs need a smaller regularization, images that lose their gaze a larger
one. Choose it by the grids and these two numbers, never by the labels of real images. The paper's
network and learning rates are

    --width 64 --blocks 4 --batch 512 --optimizer sgd --learning-rate 0.001 --ema-decay 0
    --linear-decay 1 --pretrain-refiner 1000 --pretrain-discriminator 200
    (--refiner-steps 50 in the later version)

and for its hands --setting hand --kernel 7 --blocks 10. Paper: with predictors trained on refined
eyes 7.8 degrees of error on MPIIGaze, on simulated ones 11.2.
"""

from __future__ import annotations

from tfgan_suite import InputError, data
from tfgan_suite.features import extractors
from tfgan_suite.games import simgan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

import keras

DATA = "eyes"  # eyes, a folder with synthetic/ and real/, or SIMULATED_FOLDER,REAL_FOLDER
STEPS = 1000
BATCH = 32  # images of each kind in one update, over all devices
SIZE: int | None = None  # height of the images; default: that of the data (eyes 35)
COLUMNS: int | None = None  # width of the images; default: that of the data, or --size
WIDTH = 16  # channels of the refiner; paper 64
BLOCKS = 3  # residual blocks of the refiner; paper 4 (gaze), 10 (hand)
KERNEL = 3  # first convolution of the refiner; paper 3 (gaze), 7 (hand)
SETTING = "gaze"  # the discriminator's patches: gaze (23x23 pixels) or hand (71x71)
DISCRIMINATOR_WIDTH = 32  # channels of the discriminator's last layers; paper 32
PSI = "identity"  # features to preserve: identity, gradient, channel_mean or features
FEATURES: str | None = None  # for psi features: network and layer, e.g. vgg16:block1_conv2
REGULARIZATION_WEIGHT = 4.0  # lambda, weight of the mean |psi(R(x)) - psi(x)|
REFINER_STEPS = 2  # updates of the refiner in a step; paper 2, later 50
DISCRIMINATOR_STEPS = 1  # updates of the discriminator in a step
HISTORY = 50  # batches of refined images in the buffer; 0: no buffer
HISTORY_DTYPE = "float32"  # float32, or uint8 for a quarter of the memory
PRETRAIN_REFINER = 300  # first steps, of the refiner alone, towards the identity
PRETRAIN_DISCRIMINATOR = 50  # steps after these, of the discriminator alone
OPTIMIZER = "adam"  # adam, or sgd (paper)
LEARNING_RATE = 1e-3  # learning rate, both players
BETA_1 = 0.5  # Adam's beta 1
EMA_DECAY = 0.99  # decay of the averaged refiner that refines images; 0: none (paper)
LINEAR_DECAY = 0.6  # learning rates decay linearly to 0 after this fraction of the run; 1: never
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 200  # steps between checkpoints

# What a flag may be.
CHOICES = {
    "SETTING": ("gaze", "hand"),
    "PSI": ("identity", "gradient", "channel_mean", "features"),
    "HISTORY_DTYPE": ("float32", "uint8"),
    "OPTIMIZER": ("adam", "sgd"),
}


def load_data(options):
    """Simulated images with labels, and real ones."""
    size = None
    if options.size is not None:
        size = (options.size, options.size if options.columns is None else options.columns)
    elif options.columns is not None:
        raise InputError(f"--columns is {options.columns} without --size; pass both")
    return data.load_simulated(options.data, size=size, bit_depth=options.bit_depth)


def optimizer(options):
    """A new optimizer for one player."""
    if options.optimizer == "sgd":
        return keras.optimizers.SGD(options.learning_rate)
    if options.optimizer == "adam":
        return FusedAdam(options.learning_rate, options.beta_1, 0.99)
    raise InputError(f"--optimizer is {options.optimizer!r}; it must be adam or sgd")


def psi(options):
    """The features that the refiner has to preserve: a name, or a feature network."""
    if (options.psi == "features") != (options.features is not None):
        raise InputError(
            "--psi features needs --features NETWORK:LAYER (see tfgan_suite.features.extractors"
            ".load), and the other way round"
        )
    if options.psi != "features":
        return options.psi
    return extractors.load(options.features, pool="none")


def batches_per_step(options):
    """One for every update of either network."""
    return options.refiner_steps + options.discriminator_steps


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    shape = data.image_shape
    game = simgan.SimGAN(
        simgan.build_refiner(shape[2], options.width, options.blocks, options.kernel),
        simgan.build_discriminator(shape[2], options.discriminator_width, options.setting),
        shape=shape,
        feature_transform=psi(options),
        regularization_weight=options.regularization_weight,
        refiner_steps=options.refiner_steps,
        discriminator_steps=options.discriminator_steps,
        history_size=options.history * options.batch,
        history_dtype=options.history_dtype,
        pretrain_refiner=options.pretrain_refiner,
        pretrain_discriminator=options.pretrain_discriminator,
        ema_decay=options.ema_decay,
        seed=options.seed,
    )
    game.compile(refiner=optimizer(options), discriminator=optimizer(options))
    return game


if __name__ == "__main__":
    launch.main(globals())
