"""GAN-CLS and GAN-INT-CLS: images of what a sentence says (Reed et al. 2016).

    python recipes/gan_cls.py                                   shapes with sentences, 32x32
    python recipes/gan_cls.py --data BIRDS --size 64            your own images with captions
    python recipes/gan_cls.py --data BIRDS --encoder runs/text_encoder_BIRDS
    python recipes/gan_cls.py --data BIRDS --encoder vectors.npz
    python -m tfgan_suite sample runs/gan_cls_captions --text "a small red circle at the top left"

docs/captions.md shows the layouts. Sentences become vectors by a frozen encoder, which
is kept in the run folder and in the export: the words that occur in the captions (`words`, the
default, which needs no training), a char-CNN-RNN of `recipes/text_encoder.py`, or a file of vectors
from any sentence model, with which only its own sentences can be drawn.

`--interp-weight 1` is GAN-INT, `--cls-weight 0` the plain conditional game. The defaults are made
for two CPU cores: the relativistic pairing loss with R1 and R2 in place of batch norm in the
discriminator, an averaged generator, a hidden dense layer at 32 pixels, and learning rates that
decay to 0. The paper's setting is

    --paper --size 64 --random-crop 12 --fit stretch --horizontal-flip --num-captions 4

Expect, on the embedded sentences, the colour, size and position of nearly all samples to be as the
sentence says within minutes; the shape takes longest. At seeds 0 to 2 (9 to 13 minutes of one core
beside another run) these were right in all of 256 test sentences, the shape in 98, 98 and 98%, and
90, 91 and 84% showed one clean shape. "unseen" are colours of shapes that training never showed:
there the shape was right in 77, 74 and 66%. `--steps 8000` gives 95, 93 and 93% of shapes, clean
78, 80 and 74%, unseen 72, 78 and 57%. Without mismatched pairs, `--cls-weight 0 --steps 8000`,
nothing is lost here, as the pairing loss compares a real and a generated image of one sentence
anyhow: shape 96 and 94%, clean 84 and 77%, unseen 76 and 61% (seeds 0 and 2). With
`--interp-weight 1 --steps 5000` (seed 0) the shares were 80, 61 and 32%. The paper shows images, no
score.

Own data with thousands of different words are learned sooner with an encoder that is trained on
their captions: emoji of 64 pixels with `--width 32 --epochs 90` (25 minutes of one core) have an
R-precision of 0.28 among 100 sentences never shown, real ones 0.14, shuffled sentences 0.01.
"""

from __future__ import annotations

from tfgan_suite.games import gan_cls
from tfgan_suite.networks import blocks
from tfgan_suite.training import launch, text_encoders
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "captions"  # captions, a folder or file of images with captions, or tfds:NAME
# total number of training steps; default: 14000, data of your own at least 8000, see --epochs
STEPS: int | None = None
EPOCHS = 100  # passes over data of your own; paper 600
BATCH: int | None = None  # images in a step; default: 16; --paper 64
PAPER = False  # the paper's form: other defaults, see PLAIN
ENCODER = "words"  # words, a run of recipes/text_encoder.py, or an .npz file of vectors
NUM_CAPTIONS = 1  # captions of an image whose vectors are averaged; paper 4
RANDOM_CROP = 0  # pixels by which images are enlarged before a random crop; paper 12
FIT = "crop"  # part of an image: crop (a square), stretch (all of it), object (around its box)
HORIZONTAL_FLIP = False  # flip images left to right, unless a caption says left or right
# channels of both networks' widest maps; default: 16; --paper 128 (generator) and 64
WIDTH: int | None = None
RESIDUAL: bool | None = None  # residual blocks at 4 and 8 pixels; default: False; --paper True
HIDDEN_UNITS: int | None = None  # of a dense layer in both; default: 16 * --width to 32 pixels
LATENT_DIM: int | None = None  # dimension of z; default: 8, own data 32; --paper 100
PROJ_DIM: int | None = None  # length of a projected sentence; default: 64; --paper 128
MISMATCH = "text"  # the pair that does not fit: text (another sentence) or image (another image)
CLS_WEIGHT = 0.5  # weight of the pairs that do not fit, of 1; 0: none
INTERP_WEIGHT: float | None = None  # weight of interpolated sentences; default: 0; --paper 1
INTERPOLATION = "midpoint"  # midpoint, or random
# adversarial loss: pairing, non_saturating, minimax, hinge, least_squares or wasserstein;
# default: pairing; --paper non_saturating
LOSS: str | None = None
NORM: str | None = None  # in the discriminator: batch or none; default: none; --paper batch
# weight of the R1 penalty on real images; default: 0.25, from 64 pixels 1; --paper 0
R1_WEIGHT: float | None = None
# weight of R2, on generated images; default: 0.25, from 64 pixels 1; --paper 0
R2_WEIGHT: float | None = None
R1_EVERY = 8  # apply R1 and R2 every N steps
LABEL_SMOOTHING = 0.0  # the real label is 1 minus this
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
# decay of the averaged generator that draws samples, 0: none; default: 0.998; --paper 0
EMA_DECAY: float | None = None
# Adam's, both players; default: 0.002, from 64 pixels 0.0005; --paper 0.0002
LEARNING_RATE: float | None = None
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1: float | None = None  # Adam's beta 1; default: 0; --paper 0.5
BETA_2: float | None = None  # Adam's beta 2; default: 0.99; --paper 0.999
# learning rates decay linearly to 0 after this fraction of the run; default: 0.25; --paper 1
LINEAR_DECAY: float | None = None

REGULARIZED = {
    "batch": 16, "width": 16, "residual": False, "proj_dim": 64, "interp_weight": 0.0,
    "loss": "pairing", "norm": "none", "r1_weight": 0.25, "r2_weight": 0.25, "ema_decay": 0.998,
    "learning_rate": 0.002, "beta_1": 0.0, "beta_2": 0.99, "linear_decay": 0.25,
}  # fmt: skip
# Where the values above made training diverge: emoji of 64 pixels with thousands of words.
LARGE = {"learning_rate": 0.0005, "r1_weight": 1.0, "r2_weight": 1.0}
PLAIN = {
    "batch": 64, "width": 128, "residual": True, "proj_dim": 128, "interp_weight": 1.0,
    "loss": "non_saturating", "norm": "batch", "r1_weight": 0.0, "r2_weight": 0.0,
    "ema_decay": 0.0, "learning_rate": 0.0002, "beta_1": 0.5, "beta_2": 0.999, "linear_decay": 1.0,
    "latent_dim": 100, "hidden_units": 0,
}  # fmt: skip

# What a flag may be; of several with commas, each.
CHOICES = {
    "FIT": ("crop", "stretch", "object"),
    "MISMATCH": ("text", "image"),
    "INTERPOLATION": ("midpoint", "random"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "NORM": ("batch", "none"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def load_data(options):
    """The images with captions and their vectors."""
    return text_encoders.load_data(
        options,
        "gan_cls",
        random_crop=options.random_crop,
        fit=options.fit,
        num_captions=options.num_captions,
    )


def defaults(options, data):
    """Values of the form that is trained."""
    steps = 14_000 if data.embedded else 8000
    if options.paper:
        return {**PLAIN, "steps": steps}
    width = options.width or REGULARIZED["width"]
    return {
        **REGULARIZED,
        **(LARGE if data.shape[0] >= 64 else {}),
        "hidden_units": blocks.hidden_units(data.shape, width, at_32=8),
        "latent_dim": 8 if data.embedded else 32,
        "steps": steps,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, shape = options, data.square_image_shape
    encoder = text_encoders.encoder_of(o)
    half = o.width // 2 if o.paper else o.width
    shared = {"proj_dim": o.proj_dim, "residual": o.residual, "hidden_units": o.hidden_units}
    game = gan_cls.GANCLS(
        gan_cls.build_generator(shape, encoder.dim, o.width, o.latent_dim, **shared),
        gan_cls.build_discriminator(shape, encoder.dim, half, norm=o.norm, **shared),
        encoder=encoder,
        mismatch=o.mismatch,
        cls_weight=o.cls_weight,
        interp_weight=o.interp_weight,
        interpolation=o.interpolation,
        loss=o.loss,
        label_smoothing=o.label_smoothing,
        r1_weight=o.r1_weight,
        r2_weight=o.r2_weight,
        r1_every=o.r1_every,
        augment=o.augment,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(opponent_learning_rate(o), o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """Keeps the encoder with the run; learning-rate decay."""
    text_encoders.keep(options, game.encoder, data)
    return launch.make_callbacks(options, data, game)


if __name__ == "__main__":
    launch.main(globals())
