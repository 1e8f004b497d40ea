"""StackGAN: a sentence to a small image, and both to one four times as large (Zhang et al. 2017).

    python recipes/stackgan.py                                  stage 1: shapes, 16x16
    python recipes/stackgan.py --stage 2 --start runs/stackgan_stage1_captions            64x64
    python recipes/stackgan.py --data BIRDS                     your own images: 64x64, then
    python recipes/stackgan.py --stage 2 --data BIRDS --start runs/stackgan_stage1_BIRDS  256x256
    python -m tfgan_suite sample runs/stackgan_captions --text "a small red circle at the top left"

docs/captions.md shows how captions are laid out, `recipes/gan_cls.py` which encoders there are;
stage 2 uses that of stage 1. Stage 2 keeps stage 1 as it is, inside its run and its export, which
draws from a sentence to the large image in one call. It refuses to start from a stage 1 that
does not draw what it is told (`--least-accuracy`).

The defaults are made for two CPU cores: the relativistic pairing loss with R1 and R2 in place of
batch norm in the discriminators, averaged generators, a hidden dense layer below 64 pixels, a weak
KL term, and learning rates that decay to 0. The paper's setting, for birds cropped around their
boxes, is

    --paper --fit object --horizontal-flip --num-captions 4 --random-crop 12 (stage 2: 48)

Embedded sentences, seeds 0 to 2: after stage 1 (2 minutes) colour, size and position of all images
are as the sentence says, the shape of 88, 87 and 87%. The last lines of stage 2 (13 minutes beside
another run) compare it with stage 1 and with stage 1's images enlarged by bicubic interpolation:
all is right in 93, 90 and 87% (enlarged 85, 87 and 86%), and edges rise by 0.37, 0.36 and 0.37 per
pixel (enlarged 0.17, real 0.47). Stage 2 corrects shapes that it has been taught; of combinations
never shown 48, 75 and 60% are right (stage 1: 75, 79 and 76%). Paper: an inception score of 3.70
on birds, where GAN-INT-CLS has 2.88.
"""

from __future__ import annotations

from tfgan_suite.games import stackgan
from tfgan_suite.training import first_stage, launch, naming, text_encoders
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "captions"  # captions, a folder or file of images with captions, or tfds:NAME
STAGE = 1  # 1: small images from sentences; 2: large ones from those of a trained stage 1
START: str | None = None  # stage 2: run folder of stage 1
STEPS: int | None = None  # total number of training steps; default: 10000, stage 2 6000
EPOCHS = 100  # passes over data of your own; paper 600
BATCH: int | None = None  # images in a step; default: 16, embedded stage 2 8; --paper 64
PAPER = False  # the paper's form: other defaults, see PLAIN
SCALE = 4  # side of stage 2's images divided by that of stage 1's: 2, 4 or 8
# least share of stage 1's images that are as told, for stage 2 to start, 0: any; default: 0.9 with
# the colour that is named, own data 0.6 that fit their own sentence better than another
LEAST_ACCURACY: float | None = None
ENCODER = "words"  # of stage 1: words, a run of recipes/text_encoder.py, or an .npz file of vectors
NUM_CAPTIONS = 1  # captions of an image whose vectors are averaged; paper 4
RANDOM_CROP = 0  # pixels by which images are enlarged before a random crop; paper 12, stage 2 48
FIT = "crop"  # part of an image: crop (a square), stretch (all of it), object (around its box)
HORIZONTAL_FLIP = False  # flip images left to right, unless a caption says left or right
# the generator's channels: of stage 1 those of its last maps, of stage 2 its first; default: 32,
# embedded stage 2 16; --paper 128
WIDTH: int | None = None
# channels of its first layer; default: 16; --paper 64
DISCRIMINATOR_WIDTH: int | None = None
# networks of stage 1: residual (official TensorFlow code) or plain (PyTorch); default: plain;
# --paper residual
ARCHITECTURE: str | None = None
# of a dense layer in stage 1's networks and in stage 2's discriminator, 0: none; default: 256 below
# 64 pixels (discriminator: to 64); --paper 0
HIDDEN_UNITS: int | None = None
RESIDUAL_BLOCKS: int | None = None  # of stage 2's generator; default: 2; --paper 4
# stage 2 halves stage 1's image so often before the sentence joins it, 0 to 2; default: down to 16
# pixels (paper)
HALVINGS: int | None = None
SKIP: bool | None = None  # stage 2 starts from stage 1's image; default: True; --paper False
LATENT_DIM: int | None = None  # dimension of z; default: 8, own data 32; --paper 100
CONDITION_DIM: int | None = None  # length of the conditioning variable; default: 32; --paper 128
CA_ACTIVATION = "linear"  # of mu and log sigma: linear, leaky_relu or relu; official leaky_relu
# of conditioning augmentation; default: 0.05, stage 2 0.001, since it has an image to rely on and
# would give up the sentence; --paper 2
KL_WEIGHT: float | None = None
KL_REDUCTION = "mean"  # of the KL divergence over the units: mean (official) or sum (paper: 1)
MISMATCH_WEIGHT = 0.5  # weight of the pairs that do not fit, of 1
STAGE1_WIDTH: int | None = None  # stage 2: stage 1's --width; default: the start's
STAGE1_HIDDEN_UNITS: int | None = None  # stage 2: stage 1's --hidden-units; default: the start's
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
# Adam's, both players; default: 0.002, from 64 pixels 0.0005 (embedded 0.001); --paper 0.0002
LEARNING_RATE: float | None = None
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1: float | None = None  # Adam's beta 1; default: 0; --paper 0.5
BETA_2: float | None = None  # Adam's beta 2; default: 0.99; --paper 0.999
# learning rates decay linearly to 0 after this fraction of the run; default: 0.25; --paper 1
LINEAR_DECAY: float | None = None

REGULARIZED = {
    "batch": 16, "width": 32, "discriminator_width": 16, "residual_blocks": 2, "skip": True,
    "kl_weight": 0.05, "loss": "pairing", "norm": "none", "r1_weight": 0.25, "r2_weight": 0.25,
    "ema_decay": 0.998, "learning_rate": 0.002, "beta_1": 0.0, "beta_2": 0.99, "linear_decay": 0.25,
}  # fmt: skip
# Larger images need smaller steps and more regularization: with the values above one of three
# stages 2 lost colours that its stage 1 had right.
LARGE = {"learning_rate": 0.0005, "r1_weight": 1.0, "r2_weight": 1.0}
PLAIN = {
    "batch": 64, "width": 128, "discriminator_width": 64, "residual_blocks": 4, "skip": False,
    "kl_weight": 2.0, "loss": "non_saturating", "norm": "batch", "r1_weight": 0.0, "r2_weight": 0.0,
    "ema_decay": 0.0, "learning_rate": 0.0002, "beta_1": 0.5, "beta_2": 0.999, "linear_decay": 1.0,
    "hidden_units": 0,
}  # fmt: skip
# What shapes stage 1's generator: constants of stage 2, and their names in stage 1.
SHAPED = {
    **{name: name for name in ("architecture", "latent_dim", "condition_dim", "ca_activation")},
    "stage1_width": "width",
    "stage1_hidden_units": "hidden_units",
}

# What a flag may be; of several with commas, each.
CHOICES = {
    "STAGE": (1, 2),
    "SCALE": (2, 4, 8),
    "FIT": ("crop", "stretch", "object"),
    "ARCHITECTURE": ("residual", "plain"),
    "CA_ACTIVATION": ("linear", "leaky_relu", "relu"),
    "KL_REDUCTION": ("mean", "sum"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "NORM": ("batch", "none"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def load_data(options):
    """The images with captions and their vectors."""
    o = options
    name = "stackgan" if o.stage == 2 else "stackgan_stage1"
    if o.stage == 2:
        first_stage.use_start(o, "stackgan")
    elif o.size is None and o.data == "captions":
        o.size = 16
    source = text_encoders.load_data(
        o, name, random_crop=o.random_crop, fit=o.fit, num_captions=o.num_captions
    )
    # Stages are runs and exports of their own.
    o.run = o.run or naming.default_run(name, source.name)
    if o.stage == 1:
        o.name = naming.export_name(o, name, source)
    return source


def defaults(options, data):
    """Values of the stage and the form that is trained."""
    first = options.stage == 1
    values = {"steps": 10_000 if first else 6000, "least_accuracy": 0.9 if data.embedded else 0.6}
    latent = {
        "architecture": "residual" if options.paper else "plain",
        "latent_dim": 100 if options.paper else 8 if data.embedded else 32,
        "condition_dim": 128 if options.paper else 32,
    }
    values.update(latent if first else {})  # stage 2 has those of its start
    if options.paper:
        return {**PLAIN, **values}
    small = data.shape[0] < 64 if first else data.shape[0] <= 64
    if not first:
        values["kl_weight"] = 0.001
        if data.embedded:  # 64 pixels on two cores
            values.update(width=16, batch=8, learning_rate=0.001)
    large = LARGE if data.shape[0] >= 64 else {}
    return {**REGULARIZED, **large, "hidden_units": 256 if small else 0, **values}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o, (size, _, channels) = options, data.square_image_shape
    if o.stage == 2:
        first_stage.adopt(o, SHAPED, "stackgan")
    encoder = text_encoders.encoder_of(o)
    shared = {"channels": channels, "condition_dim": o.condition_dim}
    shared["ca_activation"] = o.ca_activation
    discriminator = stackgan.build_discriminator(
        size,
        encoder.dim,
        channels=channels,
        width=o.discriminator_width,
        architecture=o.architecture if o.stage == 1 else "residual",
        norm=o.norm,
        hidden_units=o.hidden_units,
    )
    widths = (o.width, o.hidden_units)
    if o.stage == 2:
        widths = (o.stage1_width, o.stage1_hidden_units)
    stage1 = stackgan.build_stage1_generator(
        size if o.stage == 1 else size // o.scale,
        encoder.dim,
        latent_dim=o.latent_dim,
        width=widths[0],
        hidden_units=widths[1],
        architecture=o.architecture,
        **shared,
    )
    settings = {
        "encoder": encoder,
        "kl_weight": o.kl_weight,
        "kl_reduction": o.kl_reduction,
        "mismatch_weight": o.mismatch_weight,
        "loss": o.loss,
        "label_smoothing": o.label_smoothing,
        "r1_weight": o.r1_weight,
        "r2_weight": o.r2_weight,
        "r1_every": o.r1_every,
        "augment": o.augment,
        "ema_decay": o.ema_decay,
        "seed": o.seed,
    }
    if o.stage == 1:
        game = stackgan.StackGANStage1(stage1, discriminator, **settings)
    else:
        generator = stackgan.build_stage2_generator(
            size // o.scale,
            encoder.dim,
            scale=o.scale,
            width=o.width,
            residual_blocks=o.residual_blocks,
            halvings=o.halvings,
            skip=o.skip,
            **shared,
        )
        game = stackgan.StackGANStage2(generator, discriminator, stage1, **settings)
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(opponent_learning_rate(o), o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """Keeps the encoder with the run, puts stage 1 into stage 2; learning-rate decay."""
    o, extra = options, []
    text_encoders.keep(o, game.encoder, data)
    if o.stage == 2:
        extra = first_stage.callbacks(o, data, game)
    return [*extra, *launch.make_callbacks(o, data, game)]


if __name__ == "__main__":
    launch.main(globals())
