"""SRGAN: a trained SRResNet, sharpened by features and a discriminator (Ledig et al. 2017).

    python recipes/srresnet.py --data IMAGES                          the first stage
    python recipes/srgan.py --data IMAGES --start runs/srresnet_IMAGES
    python -m tfgan_suite measure sr runs/srgan_IMAGES SET5 --features vgg19:phi_5,4

The generator has the form of the one it starts from. The feature network's weights are those of
keras.applications, which are downloaded once; without internet give a file, as

    --network squeezenet10.npz --layer fire4 --feature-scale 0.003

The scale makes the feature loss some tens of times the weighted adversarial one, as the paper's
does with VGG: other networks' maps are of other sizes. Read "generator/features" (about 0.1) and
"generator/adversarial" (about 0.005) in the first lines; a discriminator that has no say changes little.
The paper's setting is `--network vgg19 --layer phi_5,4 --batch 16 --learning-rate 0.0001 --steps 200000`
with the rate at a tenth after half of the run. Expect PSNR to fall by one or two dB, the distance
in features to fall, and the gradient energy (`measure sr`) to come nearer to 1. Paper, Set5 x4:
SRResNet 32.05 dB and a mean opinion of 3.37, SRGAN 29.40 dB and 3.58. The discriminator's two terms are
1.39 together at a draw.
"""

from tfgan_suite import data
from tfgan_suite.features import extractors
from tfgan_suite.games import srgan
from tfgan_suite.training import callbacks, launch, warm_start
from tfgan_suite.training.optimizers import FusedAdam

DATA = "scenes"  # scenes, a folder of images, a folder with HR and LR, or HIGH,LOW
RUN = ""
STEPS = 1000
BATCH = 16  # crops in a step, over all devices
SIZE = 0  # side of the large crops; 0: 96 (paper)
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
START = ""  # run folder of recipes/srresnet.py; none: random weights
SCALE = 4  # how many times larger, as in the start
CHANNELS = 3  # 3 (colour) or 1 (grey)
HORIZONTAL_FLIP = True  # use all eight positions of a crop: flips and quarter turns
SMALLER = ""  # factors by which images also appear smaller, such as 0.9,0.8,0.7,0.6
WIDTH = 0  # of the generator; 0: the start's. So are the next six
BLOCKS = 0
NORM = ""
SKIP = ""
UPSAMPLING = ""
KERNEL = 0
OUTPUT = ""
DISCRIMINATOR_WIDTH = 32  # channels of the discriminator's first convolution; paper 64
DISCRIMINATOR_HIDDEN = 256  # units of the discriminator's dense layer; paper 1024
DISCRIMINATOR_HEAD = "dense"  # dense (the paper) or pool
DISCRIMINATOR_NORM = "batch"  # batch (the paper) or none
NETWORK = "vgg19"  # feature network: vgg19, vgg16, squeezenet, mobilenet_v2, or a file
LAYER = "phi_5,4"  # its layer, or several separated by spaces; paper phi_5,4 (VGG54), phi_2,2
WEIGHTS = "imagenet"  # of a network named by a word: imagenet, or a file
BEFORE_ACTIVATION = False  # features before the ReLU (ESRGAN); the paper's are after it
FEATURE_WEIGHT = 1.0  # of the feature loss; 0: none
FEATURE_SCALE = 1 / 12.75  # factor of the features; the paper's for VGG
FEATURE_REDUCE = "mean"  # mean, or sum_channels (the paper's formula)
PIXEL_WEIGHT = 0.0  # of the pixel loss
PIXEL_LOSS = "mse"  # mse or l1
ADVERSARIAL = 1e-3  # weight of the adversarial loss
LOSS = "non_saturating"  # non_saturating, minimax, least_squares, hinge or wasserstein
LABEL_SMOOTHING = 0.0  # the discriminator is asked for 1 minus this on originals
LEARNING_RATE = 1e-4  # Adam's learning rate, both players
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never
EMA_DECAY = 0.0  # decay of an averaged generator to enlarge with; 0 is the paper
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 250  # steps between checkpoints

SHAPED = (
    "scale", "channels", "width", "blocks", "norm", "skip", "upsampling", "kernel", "output"
)  # fmt: skip


def load_data(options):
    """The images."""
    return data.load_super_resolution(
        options.data,
        scale=options.scale,
        crop=options.size or 96,
        channels=options.channels,
        downscale_factors=options.smaller,
    )


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    warm_start.adopt(o, SHAPED, "srresnet")
    generator = srgan.build_generator(
        data.shape[2], o.scale, o.width, o.blocks, o.norm, o.upsampling, o.skip, o.kernel, o.output
    )
    large = tuple(side * o.scale for side in data.shape[:2])
    discriminator = srgan.build_discriminator(
        (*large, data.shape[2]),
        o.discriminator_width,
        o.discriminator_hidden,
        o.discriminator_head,
        o.discriminator_norm,
    )
    game = srgan.SRGAN(
        generator,
        discriminator,
        loss=o.loss,
        adversarial_weight=o.adversarial,
        label_smoothing=o.label_smoothing,
        pixel_loss=o.pixel_loss,
        pixel_weight=o.pixel_weight,
        feature_weight=o.feature_weight,
        feature_scale=o.feature_scale,
        feature_reduce=o.feature_reduce,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(generator=FusedAdam(o.learning_rate), discriminator=FusedAdam(o.learning_rate))
    return game


def make_callbacks(options, data, game):
    """The feature network, the first stage's weights, the fall of the learning rates."""
    o, found = options, []
    if o.feature_weight:
        # Here and not in make_game: a trained run opens where the network's weights are missing.
        given = {"weights": o.weights, "before_activation": o.before_activation}
        game.build_features(lambda: extractors.taps(o.network, o.layer.split(), **given))
        found.append(callbacks.Frozen(lambda: game.features.checksum(), "feature network"))
    if o.start != warm_start.NOTHING:
        found.append(warm_start.StartFrom(o.start, precision=o.precision))
    return found + callbacks.linear_decay_callbacks(o.linear_decay, o.steps)


if __name__ == "__main__":
    launch.main(globals())
