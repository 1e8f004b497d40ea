"""SRResNet: super-resolution with the least error (Ledig et al. 2017).

    python recipes/srresnet.py                                   the embedded scenes, minutes
    python recipes/srresnet.py --data IMAGES                     your own folder, any sizes
    python -m tfgan_suite measure sr runs/srresnet_IMAGES SET5   PSNR and SSIM on luma
    python -m tfgan_suite upscale runs/srresnet_IMAGES IN OUT    your images, upscaled

The defaults are a small network that trains in minutes on a CPU: no batch norm, the residual to
bicubic upscaling, mean absolute error, a single sub-pixel convolution at the end. The paper's form
is

    --width 64 --blocks 16 --norm batch --skip none --upsampling subpixel --kernel 9
    --pixel-loss mse --learning-rate 0.0001 --linear-decay 1 --steps 1000000

(350,000 images of ImageNet; 1,550,659 weights). `--variant paper` selects this form of network and
loss, but not its width, blocks, learning rate and steps. Paper, Set5 x4: bicubic 28.43 dB, SRCNN
30.07, SRResNet 32.05. Sample grids show nearest | bicubic | the network | the original. On scenes
expect "gain" over bicubic to be above 0.2 dB within 500 steps.
"""

from __future__ import annotations

from tfgan_suite import data
from tfgan_suite.games import srgan
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "scenes"  # scenes, a folder of images, a folder with HR and LR, or HIGH,LOW
# training steps; default: 2000 for scenes, 10000 for images of your own; paper 1000000
STEPS: int | None = None
BATCH = 16  # crops in a step, over all devices
SIZE = 96  # side of the high-resolution crops; paper 96
SCALE = 4  # upscaling factor: 2, 3, 4 or 8
CHANNELS = 3  # 3 (colour) or 1 (grey)
HORIZONTAL_FLIP = True  # use all eight positions of a crop: flips and quarter turns
DOWNSCALE_FACTORS = ""  # of additional smaller copies of the images, such as 0.9,0.8,0.7,0.6
VARIANT = "small"  # small, or paper: batch norm, no skip, kernel 9, mean squared error
WIDTH = 32  # channels of the hidden layers; paper 64
BLOCKS = 8  # residual blocks; paper 16
NORM: str | None = None  # none or batch; default: the variant's
SKIP: str | None = None  # bicubic or none; default: the variant's
UPSAMPLING: str | None = None  # direct, icnr, subpixel, nearest, transposed; default: the variant's
KERNEL: int | None = None  # kernel size of the first and last convolution; default: the variant's
OUTPUT = "linear"  # linear or tanh
PIXEL_LOSS: str | None = None  # l1 or mse; default: the variant's
LEARNING_RATE = 1e-3  # Adam's learning rate; paper 0.0001
LINEAR_DECAY = 0.3  # learning rates decay linearly to 0 after this fraction; paper 1 (never)
EMA_DECAY = 0.0  # decay of the averaged generator that upscales; 0: none (paper)
LOG_EVERY = 250  # steps between log lines, sample grids and health checks

VARIANTS = {
    "small": {
        "norm": "none", "skip": "bicubic", "upsampling": "direct", "kernel": 3, "pixel_loss": "l1",
    },
    "paper": {
        "norm": "batch", "skip": "none", "upsampling": "subpixel", "kernel": 9,
        "pixel_loss": "mse",
    },
}  # fmt: skip

# What a flag may be.
CHOICES = {
    "SCALE": (2, 3, 4, 8),
    "VARIANT": ("small", "paper"),
    "NORM": ("batch", "none"),
    "SKIP": ("none", "bicubic"),
    "UPSAMPLING": ("subpixel", "icnr", "nearest", "transposed", "direct"),
    "OUTPUT": ("linear", "tanh"),
    "PIXEL_LOSS": ("mse", "l1"),
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
    """Values of the variant and for the kind of data."""
    srgan.check_choices(variant=(options.variant, tuple(VARIANTS)))
    return {**VARIANTS[options.variant], "steps": 2000 if data.embedded else 10_000}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    generator = srgan.build_generator(
        data.shape[2], o.scale, o.width, o.blocks, o.norm, o.upsampling, o.skip, o.kernel, o.output
    )
    game = srgan.SRResNet(generator, pixel_loss=o.pixel_loss, ema_decay=o.ema_decay, seed=o.seed)
    game.compile(generator=FusedAdam(o.learning_rate))
    return game


if __name__ == "__main__":
    launch.main(globals())
