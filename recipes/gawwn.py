"""GAWWN: images of what a sentence says, where a box or key points say (Reed et al. 2016).

    python recipes/gawwn.py                                    shapes with sentences, 32x32, boxes
    python recipes/gawwn.py --condition keypoints              at nine key points
    python recipes/gawwn.py --data BIRDS --size 64             your own images, captions and boxes
    python recipes/gawwn.py --data BIRDS --size 64 --condition keypoints
    python -m tfgan_suite sample runs/gawwn_captions --text "a red circle" --box 0.1,0.2,0.4,0.4
    python -m tfgan_suite sample runs/gawwn_keypoints_captions --text "a small red circle"

docs/captions.md shows the layouts with boxes and key points; data without them are refused. With
key points a generator of points is trained along: it completes those that are placed by hand, and
a sentence alone draws at generated ones. `--known-share` is the probability with which it is shown
a point in training. Sentences become vectors as in `recipes/gan_cls.py` (`--encoder`).

The defaults are made for two CPU cores: R1 in place of batch norm in the discriminator, points that
keep their place within a cell, an averaged generator, and learning rates that decay to 0. The
paper's setting is

    --paper --size 128 --random-crop 22 --fit stretch --horizontal-flip --num-captions 4

Embedded sentences, 3 to 8 minutes of one core, seeds 0 to 2: boxes overlap with what is drawn by
0.90, 0.89 and 0.90 in the mean (those of other images by 0.10), and a box that moves on moves it
0.94, 0.93 and 0.93 times as far; the shape is as the sentence says in 82, 90 and 86%, colour, size
and position in all. Key points are 0.42, 0.43 and 0.38 pixels from what is drawn (those of other
images 12.9, 12.8 and 12.9), and 100% of the generated sets of points are those of a shape. The
paper shows images, no score.
"""

from __future__ import annotations

from tfgan_suite.errors import InputError
from tfgan_suite.games import gawwn
from tfgan_suite.networks import gawwn as networks
from tfgan_suite.training import launch, naming, text_encoders
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "captions"  # captions, a folder or file of images with captions, or tfds:NAME
CONDITION = "box"  # where to draw: box or keypoints
STEPS = 4000  # total number of training steps; data of your own: the least, see --epochs
EPOCHS = 100  # passes over data of your own; paper 600
BATCH = 16  # images in a step
PAPER = False  # the paper's form: other defaults, see PLAIN
ENCODER = "words"  # words, a run of recipes/text_encoder.py, or an .npz file of vectors
NUM_CAPTIONS = 1  # captions of an image whose vectors are averaged; paper 4
RANDOM_CROP = 0  # pixels by which images are enlarged before a random crop; paper 22
FIT = "crop"  # part of an image: crop (a square), stretch (all of it), object (around its box)
HORIZONTAL_FLIP = False  # flip images left to right, unless a caption says left or right
WIDTH: int | None = None  # base number of channels of both networks; default: 16; --paper 128
# cells on which the global and local roads meet, 8 or 16; default: 8, from 128 pixels 16
GRID: int | None = None
LATENT_DIM: int | None = None  # dimension of z; default: 16; --paper 100
LOCAL_MODE = "warp"  # local features are pasted into the box (warp), or cut off outside (mask)
# key points in cells: floor, round (official code) or bilinear; default: bilinear; --paper floor
PLACEMENT: str | None = None
POINTS: int | None = None  # number of key points; default: as many as the data have
KNOWN_SHARE = 0.1  # probability with which the generator of points is shown a point
POINT_WIDTH: int | None = None  # a quarter of its units; default: 32; --paper 128
MISMATCH_WEIGHT = 0.5  # weight of the pairs with a sentence that does not fit, of 1
# adversarial loss: pairing, non_saturating, minimax, hinge, least_squares or wasserstein; default:
# non_saturating, from 64 pixels pairing; --paper non_saturating
LOSS: str | None = None
NORM: str | None = None  # in the discriminators: batch or none; default: none; --paper batch
# weight of the R1 penalty on real images; default: 0.25, from 64 pixels 1; --paper 0
R1_WEIGHT: float | None = None
# weight of R2, on generated images; default: 0, from 64 pixels 1; --paper 0
R2_WEIGHT: float | None = None
R1_EVERY = 8  # apply R1 and R2 every N steps
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this
AUGMENT = ""  # DiffAugment: color or cutout; translation would move what has to stay in place
# decay of the averaged generators that draw samples, 0: none; default: 0.998; --paper 0
EMA_DECAY: float | None = None
# Adam's, all players; default: 0.001, from 64 pixels 0.0005; --paper 0.0002
LEARNING_RATE: float | None = None
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1: float | None = None  # Adam's beta 1; default: 0; --paper 0.5
BETA_2: float | None = None  # Adam's beta 2; default: 0.99; --paper 0.999
# learning rates decay linearly to 0 after this fraction of the run; default: 0.25; --paper 1
LINEAR_DECAY: float | None = None

REGULARIZED = {
    "width": 16, "latent_dim": 16, "placement": "bilinear", "point_width": 32, "norm": "none",
    "loss": "non_saturating", "r1_weight": 0.25, "r2_weight": 0.0, "ema_decay": 0.998,
    "learning_rate": 0.001, "beta_1": 0.0, "beta_2": 0.99, "linear_decay": 0.25,
}  # fmt: skip
# With the values above the discriminator of real faces of 64 pixels stayed blind.
LARGE = {"loss": "pairing", "learning_rate": 0.0005, "r1_weight": 1.0, "r2_weight": 1.0}
PLAIN = {
    "width": 128, "latent_dim": 100, "placement": "floor", "point_width": 128, "norm": "batch",
    "loss": "non_saturating", "r1_weight": 0.0, "r2_weight": 0.0, "ema_decay": 0.0,
    "learning_rate": 0.0002, "beta_1": 0.5, "beta_2": 0.999, "linear_decay": 1.0,
}  # fmt: skip

# What a flag may be; of several with commas, each.
CHOICES = {
    "CONDITION": ("box", "keypoints"),
    "FIT": ("crop", "stretch", "object"),
    "LOCAL_MODE": ("warp", "mask"),
    "PLACEMENT": ("floor", "round", "bilinear"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "NORM": ("batch", "none"),
    "AUGMENT": ("color", "cutout"),
}


def load_data(options):
    """The images with captions, their vectors and places.

    Raises:
        InputError: the data have no boxes, or no key points.
    """
    # Networks for boxes and for key points are no versions of one another.
    recipe = "gawwn" if options.condition == "box" else "gawwn_keypoints"
    source = text_encoders.load_data(
        options,
        recipe,
        random_crop=options.random_crop,
        fit=options.fit,
        num_captions=options.num_captions,
    )
    if options.condition not in source.shapes:
        raise InputError(
            f"{source.name} has captions, but no {options.condition} for its images, which"
            f" --condition {options.condition} needs; docs/captions.md shows where to write them"
        )
    if options.condition == "keypoints":
        options.points = source.shapes["keypoints"][0]
        options.run = options.run or naming.default_run(recipe, source.name)
        options.name = options.name or f"{recipe}_{source.name}"
    return source


def defaults(options, data):
    """Values of the form that is trained."""
    values = PLAIN if options.paper else REGULARIZED
    if data.shape[0] >= 64 and not options.paper:
        values = {**values, **LARGE}
    return {**values, "grid": 16 if data.shape[0] >= 128 else 8, "points": 0}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, size = options, data.square_image_shape[0]
    encoder = text_encoders.encoder_of(o)
    form = {"size": size, "text_dim": encoder.dim, "grid": o.grid, "width": o.width}
    points = None if o.condition == "box" else o.points
    if points is None:
        generator = networks.build_box_generator(
            **form, latent_dim=o.latent_dim, local_mode=o.local_mode
        )
        point_networks = ()
    else:
        generator = networks.build_keypoint_generator(
            **form, points=points, latent_dim=o.latent_dim, placement=o.placement
        )
        shape = {"points": points, "text_dim": encoder.dim, "width": o.point_width}
        point_networks = (
            networks.build_point_generator(**shape, latent_dim=o.latent_dim),
            networks.build_point_discriminator(**shape, norm=o.norm),
        )
    game = gawwn.GAWWN(
        generator,
        networks.build_discriminator(**form, points=points, norm=o.norm, placement=o.placement),
        *point_networks,
        encoder=encoder,
        mismatch_weight=o.mismatch_weight,
        known_share=o.known_share,
        loss=o.loss,
        label_smoothing=o.label_smoothing,
        r1_weight=o.r1_weight,
        r2_weight=o.r2_weight,
        r1_every=o.r1_every,
        augment=o.augment,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    rates = {player: o.learning_rate for player in game.players()}
    rates["discriminator"] = opponent_learning_rate(o)
    game.compile(**{player: FusedAdam(rate, o.beta_1, o.beta_2) for player, rate in rates.items()})
    return game


def make_callbacks(options, data, game):
    """Keeps the encoder with the run; learning-rate decay."""
    text_encoders.keep(options, game.encoder, data)
    return launch.make_callbacks(options, data, game)


if __name__ == "__main__":
    launch.main(globals())
