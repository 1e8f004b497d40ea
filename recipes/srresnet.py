"""SRResNet: images made larger, with the least error (Ledig et al. 2017).

    python recipes/srresnet.py                                   the embedded scenes, minutes
    python recipes/srresnet.py --data IMAGES                   your own folder, any sizes
    python -m tfgan_suite measure sr runs/srresnet_IMAGES SET5     PSNR and SSIM on luma
    python -m tfgan_suite upscale runs/srresnet_IMAGES IN OUT      your images, larger

The defaults are a small network for minutes on a CPU: no batch norm, what bicubic lacks, mean
absolute error, one sub-pixel convolution at the end. The paper's own form is

    --width 64 --blocks 16 --norm batch --skip none --upsampling subpixel --kernel 9
    --pixel-loss mse --learning-rate 0.0001 --linear-decay 1 --steps 1000000

(350,000 images of ImageNet; 1,550,659 weights). `--variant paper` takes this form of the
network and its loss; width, blocks, rate and steps stay as they are given. Paper, Set5 x4: bicubic
28.43 dB, SRCNN 30.07, SRResNet 32.05. Grids show nearest | bicubic | the network | the original.
On scenes expect "gain" over bicubic to be above 0.2 dB within 500 steps.
"""

from tfgan_suite import data
from tfgan_suite.games import srgan
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "scenes"  # scenes, a folder of images, a folder with HR and LR, or HIGH,LOW
RUN = ""
STEPS = 2000
BATCH = 16  # crops in a step, over all devices
SIZE = 0  # side of the large crops; 0: 96 (paper)
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
SCALE = 4  # how many times larger: 2, 3, 4 or 8
CHANNELS = 3  # 3 (colour) or 1 (grey)
HORIZONTAL_FLIP = True  # use all eight positions of a crop: flips and quarter turns
SMALLER = ""  # factors by which images also appear smaller, such as 0.9,0.8,0.7,0.6
VARIANT = "small"  # small, or paper: batch norm, no skip, kernel 9, mean squared error
WIDTH = 32  # channels of the inner maps; paper 64
BLOCKS = 8  # residual blocks; paper 16
NORM = ""  # none or batch; empty: the variant's
SKIP = ""  # bicubic or none; empty: the variant's
UPSAMPLING = ""  # direct, icnr, subpixel, nearest, transposed; empty: the variant's
KERNEL = 0  # side of the first and last convolution; 0: the variant's
OUTPUT = "linear"  # linear or tanh
PIXEL_LOSS = ""  # l1 or mse; empty: the variant's
LEARNING_RATE = 1e-3  # Adam's learning rate; paper 0.0001
LINEAR_DECAY = (
    0.3  # share of the run after which the rate falls in a line to 0; 1: never (the paper)
)
EMA_DECAY = 0.0  # decay of an averaged generator to enlarge with; 0 is the paper
LOG_EVERY = 250  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints

VARIANTS = {
    "small": {
        "norm": "none", "skip": "bicubic", "upsampling": "direct", "kernel": 3, "pixel_loss": "l1",
    },
    "paper": {
        "norm": "batch", "skip": "none", "upsampling": "subpixel", "kernel": 9,
        "pixel_loss": "mse",
    },
}  # fmt: skip


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
    srgan.check_choices(variant=(o.variant, tuple(VARIANTS)))
    for name, value in VARIANTS[o.variant].items():
        # What the run keeps is what was used.
        setattr(o, name, getattr(o, name) or value)
    generator = srgan.build_generator(
        data.shape[2], o.scale, o.width, o.blocks, o.norm, o.upsampling, o.skip, o.kernel, o.output
    )
    game = srgan.SRResNet(generator, pixel_loss=o.pixel_loss, ema_decay=o.ema_decay, seed=o.seed)
    game.compile(generator=FusedAdam(o.learning_rate))
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rate."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
