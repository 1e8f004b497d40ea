"""InfoGAN on images: codes that can be read off the image (Chen et al. 2016).

    python recipes/infogan.py                                coloured shapes, 32x32
    python recipes/infogan.py --data /usr/share/datasets/fashion-mnist
    python recipes/infogan.py --data IMAGES --size 64      your own folder of images
    python recipes/infogan.py --lambda-categorical 0 --lambda-continuous 0    control: a plain GAN

The run folder's `codes/` shows one code after the other running through its values while all else
stays. discriminator/mi_cat is the information about the categorical codes in nats: it should come near
log CLASSES (2.30 for 10) for each of them, and stay low in the control. Codes are found without
labels: which value means what hangs on the seed, one may merge kinds, and none need mean a class.
The paper's MNIST setting is

    --width 64 --noise-dim 62 --batch 128 --norm batch --learning-rate 0.001 --discriminator-learning-rate 0.0002
    --beta-1 0.5 --beta-2 0.999 --ema-decay 0 --r1-weight 0 --linear-decay 1 --steps 5000

Paper: read as a class by the best matching, the categorical code is wrong for about 5% of MNIST.
"""

from pathlib import Path

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import infogan
from tfgan_suite.training import callbacks, launch, sample_grids
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 5000
BATCH = 32
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
WIDTH = 24  # channels of the last hidden and the discriminator's first layer; paper 64
NOISE_DIM = 32  # length of z without the codes; paper 62
CATEGORICAL = 1  # categorical codes
CLASSES = 10  # values of each of them
CONTINUOUS = 2  # continuous codes
LAMBDA_CATEGORICAL = 1.0  # weight of the categorical codes' information
LAMBDA_CONTINUOUS = 0.1  # weight of the continuous codes' information; official code 1
LEARNED_DEVIATION = False  # Q also tells how sure continuous codes are; paper: always 1
LATENT = "uniform"  # distribution of z: uniform (paper) or normal
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares or wasserstein
NORM = "none"  # normalisation in discriminator and Q: batch (paper), layer or none
EMA_DECAY = 0.998  # decay of an averaged generator to draw with; 0 is the paper
LEARNING_RATE = 0.001  # Adam's learning rate of the generator
DISCRIMINATOR_LEARNING_RATE = 0.0005  # that of discriminator and Q; paper 0.0002
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this
INSTANCE_NOISE = 0.0  # deviation of the noise on all images the discriminator sees
R1_WEIGHT = 0.25  # weight of the R1 penalty on real images; 0: none (paper)
R1_EVERY = 8  # steps between two that compute it
AUGMENT = ""  # changes of what the discriminator sees: color,translation,cutout
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    size, _, channels = data.image_shape
    codes = {"categorical": o.categorical, "classes": o.classes, "continuous": o.continuous}
    latent_dim = o.noise_dim + o.categorical * o.classes + o.continuous
    game = infogan.InfoGAN(
        infogan.build_generator(size, channels, o.width, latent_dim),
        infogan.build_discriminator(size, channels, o.width, o.norm),
        infogan.build_recognition(
            16 * o.width,
            **codes,
            width=2 * o.width,
            learned_deviation=o.learned_deviation,
            norm=o.norm,
        ),
        **codes,
        lambda_categorical=o.lambda_categorical,
        lambda_continuous=o.lambda_continuous,
        loss=o.loss,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(o.discriminator_learning_rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """Sample grids of the codes, and the fall of the learning rates."""
    folder = Path(options.run or f"runs/infogan_{data.name}") / "codes"
    made = [sample_grids.SampleGrid(folder, options.log_every, sample_grids.traversal)]
    return made + callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
