"""pix2pix: a translator trained on pairs of images (Isola et al. 2017).

    python recipes/pix2pix.py                                    flat maps to stripes, 32x32
    python recipes/pix2pix.py --data outlines --size 64          outlines to filled shapes
    python recipes/pix2pix.py --data FOLDER --size 128           train/ and test/ hold A|B pairs
    python recipes/pix2pix.py --data FOLDER --direction BtoA     the right half to the left
    python recipes/pix2pix.py --data A,B --size 64               two folders, files of equal names
    python -m tfgan_suite translate runs/pix2pix_FOLDER IMAGES OUTPUT

The embedded textures take minutes on a CPU: stripes have a random phase, so that each map has many
correct images. Data of your own train for 100 epochs at batch 1, averaged, with nearest-neighbour
upsampling: the paper's transposed convolutions need its many steps to lose their lattice. With
`--adversarial-weight 0` (L1 alone) "l1" is smallest and the stripes are pale: "sharpness", the mean
difference of neighbouring pixels over that of the true images, stays below 0.9. The discriminator
restores them, at an l1 up to a tenth larger. The paper's setting is

    --paper --size 256 --random-crop 30 --horizontal-flip

(facades: 400 pairs, direction BtoA where A are the photos). The grids in `samples/` show rows of
source | translation | target. generator/l1 is 100 times the mean error: it falls fast at first and
then slowly; the discriminator's two terms add up to 0.69 at a draw. Paper, labels to photos of
Cityscapes read by an FCN: 66% of the pixels correct, L1 alone 42%, real photos 80%.
"""

from __future__ import annotations

from tfgan_suite import data
from tfgan_suite.games import pix2pix
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

# textures, outlines, a folder of pairs, a folder with A and B, ONE,OTHER, .npz, tfds:NAME
DATA = "textures"
STEPS = 1500  # total number of training steps; data of your own: the least, see --epochs
EPOCHS: int | None = None  # passes over data of your own; default: 100; --paper 200
BATCH: int | None = None  # pairs in a step; default: 4, data of your own and --paper 1
PAPER = False  # the paper's form: other defaults, see PLAIN
DIRECTION = "AtoB"  # AtoB: A (the left half) is translated to B; or BtoA
CHANNELS = 3  # of the source: 3 (colour) or 1 (grey)
TARGET_CHANNELS = 3  # of the target
RANDOM_CROP = 0  # pixels by which images are enlarged before a random crop; paper 30 at 256
HORIZONTAL_FLIP = False  # flip each pair left to right with probability 0.5
HOLD_OUT = 0  # pairs to set aside as a test split, if a folder has none
ARCHITECTURE = "unet"  # unet, encoder_decoder or resnet
WIDTH: int | None = None  # channels of both networks; default: 64 (paper), below 64 pixels 16
# transposed, nearest, bilinear or subpixel; default: nearest, textures and --paper transposed
UPSAMPLING: str | None = None
NORM: str | None = None  # batch, instance or none; default: batch (paper) at batch 1, else instance
DROPOUT = 0.5  # dropout rate in the decoder's first layers
KEEP_DROPOUT = False  # also export translations with dropout, as in the paper ("varied")
# 0, 1, 3, 5: patches of 1, 16, 70, 286 pixels; default: 3, below 128 pixels 2
DISCRIMINATOR_LAYERS: int | None = None
CONDITIONAL = True  # the discriminator sees the source
LOSS = "non_saturating"  # non_saturating, minimax, least_squares, hinge or wasserstein
ADVERSARIAL_WEIGHT = 1.0  # weight of the adversarial loss; 0: pixel loss only
PIXEL_WEIGHT = 100.0  # weight of the pixel loss (lambda); 0: adversarial loss only
PIXEL_LOSS = "l1"  # l1 or l2
AUGMENT = ""  # DiffAugment of the discriminator's pairs: any of color,translation,cutout
LABEL_SMOOTHING = 0.0  # the label of real pairs is 1 minus this
LEARNING_RATE = 2e-4  # Adam's learning rate, both players
BETA_1 = 0.5  # Adam's beta 1
# decay of the averaged generator that translates, 0: none; default: 0.995, textures and --paper 0
EMA_DECAY: float | None = None
# learning rates decay linearly to 0 after this fraction of the run; default: 0.5 (the authors'
# later code), textures and --paper 1 (never)
LINEAR_DECAY: float | None = None
LOG_EVERY = 250  # steps between log lines, sample grids and health checks

TEXTURES = {"batch": 4, "upsampling": "transposed", "ema_decay": 0.0, "linear_decay": 1.0}
OWN = {"epochs": 100, "batch": 1, "upsampling": "nearest", "ema_decay": 0.995, "linear_decay": 0.5}
PLAIN = {
    "epochs": 200, "batch": 1, "upsampling": "transposed", "ema_decay": 0.0, "linear_decay": 1.0,
    "width": 64, "norm": "batch", "discriminator_layers": 3,
}  # fmt: skip

# What a flag may be; of several with commas, each.
CHOICES = {
    "DIRECTION": ("AtoB", "BtoA"),
    "ARCHITECTURE": ("unet", "encoder_decoder", "resnet"),
    "UPSAMPLING": ("transposed", "nearest", "bilinear", "subpixel"),
    "NORM": ("batch", "instance", "none"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein"),
    "PIXEL_LOSS": ("l1", "l2"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def load_data(options):
    """The pairs."""
    return data.load_pairs(
        options.data,
        size=options.size,
        direction=options.direction,
        channels=options.channels,
        target_channels=options.target_channels,
        random_crop=options.random_crop,
        hold_out=options.hold_out,
        bit_depth=options.bit_depth,
    )


def defaults(options, data):
    """Values of the form that is trained, for the size of the images and the batch."""
    if options.paper:
        return PLAIN
    side = min(data.shape[:2])
    form = TEXTURES if data.embedded else OWN
    batch = form["batch"] if options.batch is None else options.batch
    return {
        **form,
        "width": 16 if side < 64 else 64,
        "norm": "batch" if batch == 1 else "instance",
        "discriminator_layers": 2 if side < 128 else 3,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    shared = {"width": o.width, "norm": o.norm, "affine": o.norm != "none"}
    generator = pix2pix.build_generator(
        data.shape,
        o.target_channels,
        o.architecture,
        dropout=o.dropout,
        upsampling=o.upsampling,
        **shared,
    )
    discriminator = None
    if o.adversarial_weight:
        discriminator = pix2pix.build_discriminator(
            data.shape, o.target_channels, o.conditional, layers=o.discriminator_layers, **shared
        )
    game = pix2pix.Pix2Pix(
        generator,
        discriminator,
        loss=o.loss,
        adversarial_weight=o.adversarial_weight,
        pixel_weight=o.pixel_weight,
        pixel_loss=o.pixel_loss,
        conditional=o.conditional,
        keep_dropout=o.keep_dropout,
        label_smoothing=o.label_smoothing,
        augment=o.augment,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(**{player: FusedAdam(o.learning_rate, o.beta_1) for player in game.players()})
    return game


if __name__ == "__main__":
    launch.main(globals())
