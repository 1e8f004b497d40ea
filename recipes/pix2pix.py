"""pix2pix: a translator learnt from pairs of images (Isola et al. 2017).

    python recipes/pix2pix.py                                    flat maps to stripes, 32x32
    python recipes/pix2pix.py --data FOLDER --size 128           train/ and test/ hold A|B pairs
    python recipes/pix2pix.py --data FOLDER --direction BtoA     the right half to the left
    python recipes/pix2pix.py --data A,B --size 64               two folders, files of equal names
    python -m tfgan_suite translate runs/pix2pix_FOLDER IMAGES OUTPUT

The embedded textures take minutes on a CPU: stripes stand at a random phase, so that each map has
many right images. With `--adversarial 0` (L1 alone) "l1" is the least and the stripes are pale:
"sharpness", the change from pixel to pixel over that of the true images, stays below 0.9. The
discriminator brings them back, at an l1 up to a tenth larger. A zero (or an empty word) below means a
value for the size at hand; the paper's setting is

    --size 256 --jitter 30 --horizontal-flip --batch 1 --norm batch --steps 80000

(facades, 200 epochs of 400 pairs, direction BtoA where A are the photos). The grids in `samples/`
show rows of source | translation | target. generator/l1 is 100 times the mean error: it falls
early and then slowly; the discriminator's two terms together are 0.69 at a draw. Paper, labels to photos
of Cityscapes read by an FCN: 66% of the pixels right, L1 alone 42%, real photos 80%.
"""

from tfgan_suite import data
from tfgan_suite.games import pix2pix
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "textures"  # textures, a folder of pairs, a folder with A and B, ONE,OTHER, .npz, tfds:NAME
RUN = ""
STEPS = 1500
BATCH = 4  # pairs in a step, over all devices; paper 1
SIZE = 0  # height and width of the images; 0: 32 for the embedded ones, 64 for folders
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
DIRECTION = "AtoB"  # AtoB: A (the left half) is translated to B; BtoA
CHANNELS = 3  # of the source: 3 (colour) or 1 (grey)
TARGET_CHANNELS = 3  # of the target
JITTER = 0  # pixels by which images are larger before the random crop; paper 30 at 256
HORIZONTAL_FLIP = False  # flip each pair left to right with probability 0.5
HOLD_OUT = 0  # pairs of a folder without a test split that are set aside as one
ARCHITECTURE = "unet"  # unet, encoder_decoder or resnet
WIDTH = 0  # channels of generator and discriminator; 0: 64 (paper), below 64 pixels 16
NORM = ""  # batch, instance or none; empty: batch (paper) at batch 1, else instance
DROPOUT = 0.5  # share of features dropped in the decoder's first layers
KEEP_DROPOUT = False  # also offer translations with dropout, as the paper makes them ("varied")
DISCRIMINATOR_LAYERS = -1  # 0, 1, 3, 5: patches of 1, 16, 70, 286 pixels; -1: 3, below 128 pixels 2
CONDITIONAL = True  # the discriminator sees the source
LOSS = "non_saturating"  # non_saturating, minimax, least_squares, hinge or wasserstein
ADVERSARIAL = 1.0  # weight of the adversarial loss; 0: the pixel loss alone
PIXEL = 100.0  # weight of the pixel loss (lambda); 0: the adversarial loss alone
PIXEL_LOSS = "l1"  # l1 or l2
LABEL_SMOOTHING = 0.0  # the discriminator is asked for 1 minus this on real pairs
LEARNING_RATE = 2e-4  # Adam's learning rate, both players
BETA_1 = 0.5  # Adam's beta 1
EMA_DECAY = 0.0  # decay of an averaged generator to translate with; 0 is the paper
LINEAR_DECAY = (
    1.0  # share of the run after which the rates fall in a line to 0; 1: never (the paper)
)
LOG_EVERY = 250  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def load_data(options):
    """The pairs."""
    return data.load_pairs(
        options.data,
        size=options.size or None,
        direction=options.direction,
        channels=options.channels,
        target_channels=options.target_channels,
        random_crop=options.jitter,
        hold_out=options.hold_out,
    )


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, side = options, min(data.shape[:2])
    width = o.width or (16 if side < 64 else 64)
    norm = o.norm or ("batch" if o.batch == 1 else "instance")
    shared = {"width": width, "norm": norm, "affine": norm != "none"}
    generator = pix2pix.build_generator(
        data.shape, o.target_channels, o.architecture, dropout=o.dropout, **shared
    )
    discriminator = None
    if o.adversarial:
        layers = o.discriminator_layers if o.discriminator_layers >= 0 else (2 if side < 128 else 3)
        discriminator = pix2pix.build_discriminator(
            data.shape, o.target_channels, o.conditional, layers=layers, **shared
        )
    game = pix2pix.Pix2Pix(
        generator,
        discriminator,
        loss=o.loss,
        adversarial_weight=o.adversarial,
        pixel_weight=o.pixel,
        pixel_loss=o.pixel_loss,
        conditional=o.conditional,
        keep_dropout=o.keep_dropout,
        label_smoothing=o.label_smoothing,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(**{player: FusedAdam(o.learning_rate, o.beta_1) for player in game.players()})
    return game


def make_callbacks(options, data, game):
    """The fall of the learning rates."""
    return callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
