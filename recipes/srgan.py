"""SRGAN: a trained SRResNet, sharpened by features and a discriminator (Ledig et al. 2017).

    python recipes/srresnet.py --data IMAGES                          the first stage
    python recipes/srgan.py --data IMAGES --start runs/srresnet_IMAGES
    python -m tfgan_suite measure sr runs/srgan_IMAGES SET5 --features vgg19:phi_5,4

The generator has the form of the one it starts from. The feature network's weights are those of
keras.applications, which are downloaded once; without internet pass a file, such as

    --network squeezenet10.npz --layer fire4 --feature-scale 0.003

The scale makes the feature loss some tens of times the weighted adversarial loss, like the paper's
for VGG: feature maps of other networks have other magnitudes. Look at "generator/features" (about
0.1) and "generator/adversarial" (about 0.005) in the first lines; a discriminator of too little
weight changes little. The paper's setting is `--network vgg19 --layer phi_5,4 --batch 16
--learning-rate 0.0001 --steps 200000` with the learning rate at a tenth after half of the run.
Expect PSNR to fall by one or two dB, the feature distance to fall, and the gradient energy
(`measure sr`) to approach 1. Paper, Set5 x4: SRResNet 32.05 dB and a mean opinion score of 3.37,
SRGAN 29.40 dB and 3.58. The discriminator's two terms add up to 1.39 at a draw.
"""

from __future__ import annotations

from tfgan_suite import data
from tfgan_suite.features import extractors
from tfgan_suite.games import srgan
from tfgan_suite.training import callbacks, launch, warm_start
from tfgan_suite.training.optimizers import FusedAdam

DATA = "scenes"  # scenes, a folder of images, a folder with HR and LR, or HIGH,LOW
# training steps; default: 1000 for scenes, 5000 for images of your own; paper 200000
STEPS: int | None = None
BATCH = 16  # crops in a step, over all devices
SIZE = 96  # side of the high-resolution crops; paper 96
START: str | None = None  # run folder of recipes/srresnet.py, or none: random weights
SCALE = 4  # upscaling factor, as in the start
CHANNELS = 3  # 3 (colour) or 1 (grey)
HORIZONTAL_FLIP = True  # use all eight positions of a crop: flips and quarter turns
DOWNSCALE_FACTORS = ""  # of additional smaller copies of the images, such as 0.9,0.8,0.7,0.6
WIDTH: int | None = None  # generator's channels of the hidden layers; default: the start's
BLOCKS: int | None = None  # generator's residual blocks; default: the start's
NORM: str | None = None  # generator's: none or batch; default: the start's
SKIP: str | None = None  # generator's: bicubic or none; default: the start's
UPSAMPLING: str | None = None  # generator's, see recipes/srresnet.py; default: the start's
KERNEL: int | None = None  # generator's first and last kernel size; default: the start's
OUTPUT: str | None = None  # generator's: linear or tanh; default: the start's
DISCRIMINATOR_WIDTH = 32  # channels of the discriminator's first convolution; paper 64
DISCRIMINATOR_HIDDEN = 256  # units of the discriminator's dense layer; paper 1024
DISCRIMINATOR_HEAD = "dense"  # dense (the paper) or pool
DISCRIMINATOR_NORM = "batch"  # batch (the paper) or none
NETWORK = "vgg19"  # feature network: vgg19, vgg16, squeezenet, mobilenet_v2, or a file
LAYER = "phi_5,4"  # its layer, or several separated by spaces; paper phi_5,4 (VGG54), phi_2,2
WEIGHTS = "imagenet"  # weights of a network given by name: imagenet, or a file
BEFORE_ACTIVATION = False  # features before the ReLU (ESRGAN); the paper's are after it
FEATURE_WEIGHT = 1.0  # weight of the feature loss; 0: no feature loss
FEATURE_SCALE = 1 / 12.75  # factor of the features; the paper's for VGG
FEATURE_REDUCTION = "mean"  # mean, or sum_channels (the paper's formula)
PIXEL_WEIGHT = 0.0  # weight of the pixel loss
PIXEL_LOSS = "mse"  # mse or l1
ADVERSARIAL_WEIGHT = 1e-3  # weight of the adversarial loss
LOSS = "non_saturating"  # non_saturating, minimax, least_squares, hinge or wasserstein
LABEL_SMOOTHING = 0.0  # the label of originals is 1 minus this
LEARNING_RATE = 1e-4  # Adam's learning rate, both players
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
EMA_DECAY = 0.0  # decay of the averaged generator that upscales; 0: none (paper)
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 250  # steps between checkpoints

SHAPED = (
    "scale", "channels", "width", "blocks", "norm", "skip", "upsampling", "kernel", "output"
)  # fmt: skip

# What a flag may be.
CHOICES = {
    "SCALE": (2, 3, 4, 8),
    "NORM": ("batch", "none"),
    "SKIP": ("none", "bicubic"),
    "UPSAMPLING": ("subpixel", "icnr", "nearest", "transposed", "direct"),
    "OUTPUT": ("linear", "tanh"),
    "DISCRIMINATOR_HEAD": ("dense", "pool"),
    "DISCRIMINATOR_NORM": ("batch", "none"),
    "FEATURE_REDUCTION": ("mean", "sum_channels"),
    "PIXEL_LOSS": ("mse", "l1"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein"),
}


def load_data(options):
    """The images."""
    return data.load_super_resolution(
        options.data,
        scale=options.scale,
        crop=options.size,
        channels=options.channels,
        downscale_factors=options.downscale_factors,
        bit_depth=options.bit_depth,
    )


def defaults(options, data):
    """The number of steps."""
    return {"steps": 1000 if data.embedded else 5000}


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
        adversarial_weight=o.adversarial_weight,
        label_smoothing=o.label_smoothing,
        pixel_loss=o.pixel_loss,
        pixel_weight=o.pixel_weight,
        feature_weight=o.feature_weight,
        feature_scale=o.feature_scale,
        feature_reduction=o.feature_reduction,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(generator=FusedAdam(o.learning_rate), discriminator=FusedAdam(o.learning_rate))
    return game


def make_callbacks(options, data, game):
    """The feature network, the first stage's weights, learning-rate decay."""
    o, extra = options, []
    if o.feature_weight:
        # Here and not in make_game: a trained run opens even if the network's weights are missing.
        settings = {"weights": o.weights, "before_activation": o.before_activation}
        game.build_features(
            lambda: extractors.feature_network(o.network, o.layer.split(), **settings)
        )
        extra.append(callbacks.Frozen(lambda: game.features.checksum(), "feature network"))
    if o.start != warm_start.RANDOM_WEIGHTS:
        extra.append(warm_start.StartFrom(o.start, precision=o.precision))
    return [*extra, *launch.make_callbacks(options, data, game)]


if __name__ == "__main__":
    launch.main(globals())
