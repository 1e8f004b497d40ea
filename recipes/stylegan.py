"""StyleGAN and StyleGAN2 on images (Karras et al. 2019, 2020): styles for every layer.

    python recipes/stylegan.py                               coloured shapes, 32x32
    python recipes/stylegan.py --data /usr/share/datasets/fashion-mnist --size 32
    python recipes/stylegan.py --data IMAGES --size 64       your own folder of images
    python recipes/stylegan.py --labels                      the class as an input of both networks
    python recipes/stylegan.py --version 1                   adaptive instance norm, growing

The size is 4 times a power of 2. The trained run draws with less spread, and mixes styles:

    python -m tfgan_suite sample runs/stylegan_shapes --psi 0.7 --psi-cutoff 8
    python -m tfgan_suite sample runs/stylegan_shapes --mix 1.2

The defaults are made for two CPU cores: after 9,000 steps (14 to 18 minutes of both, 23 of one
beside another run) 91, 87 and 89% of the samples are one clean shape, and all 18 kinds appear
(seeds 0 to 2; 7,000 steps: 87, 81 and 79%), where `recipes/dcgan.py` has 82 to 89%. They replace
the paper's loss by pairs with R1 and R2, of weight 2 (0.5 and 7,000 steps: 78, 77 and 82%), drop
the path length, as StyleGAN2-ADA does for images this small, let the mapping learn as fast as the
rest, the demodulated convolutions six times as fast, give the discriminator twice the generator's
channels, without which it does not see that circles and squares blend, and decay all rates to 0;
each has a flag. The paper's configuration F for faces at 1024 pixels, 25 million images of FFHQ
(FID 2.84; 781,250 steps of 32 images on 8 GPUs), is

    --data FFHQ --size 1024 --horizontal-flip --channel-base 16384 --channel-max 512
    --discriminator-width 1 --latent-dim 512 --style-dim 512 --mapping-layers 8
    --mapping-multiplier 0.01 --convolution-multiplier 1 --learning-rate 0.002
    --discriminator-learning-rate 0.002 --batch 32 --pairing no --gamma 10 --r2-weight 0
    --r1-every 16 --path-weight 2 --path-every 4 --mixing 0.9 --linear-decay 1 --ema-images 10000
    --ema-rampup 0 --steps 781250
"""

from __future__ import annotations

from tfgan_suite.core import labels
from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.errors import InputError
from tfgan_suite.games import stylegan, stylegan2
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate
from tfgan_suite.utils.schedules import HalfLifeDecay, LinearRamp

DATA = "shapes"
VERSION = 2  # 1: adaptive instance norm in networks that grow (2019); 2: StyleGAN2 (2020)
STEPS = 9000  # total number of training steps
BATCH = 16  # images in one step
LABELS = False  # give both networks the class of the images, too
# maps of side s have 2 * this / s channels; default: 256, above 32 pixels and version 1 512; paper
# 16384
CHANNEL_BASE: int | None = None
CHANNEL_MAX: int | None = None  # but at most these; default: 64, version 1 32; paper 512
# channels of the discriminator for each of the generator's, limits too; default: 2, version 1 1;
# paper 1
DISCRIMINATOR_WIDTH: int | None = None
LATENT_DIM = 8  # dimension of z; paper 512
STYLE_DIM: int | None = None  # dimension of w; default: 128, version 1 16; paper 512
MAPPING_LAYERS: int | None = None  # dense layers from z to w; default: 4, version 1 2; paper 8
# of the learning rate of these layers; default: 1, version 1 0.01 (paper), with which they hardly
# move in a few thousand steps
MAPPING_MULTIPLIER: float | None = None
# of the learning rate of the demodulated convolutions; default: 6; paper 1; not of version 1
CONVOLUTION_MULTIPLIER: float | None = None
MIXING = 0.5  # probability that a batch mixes the styles of two z; paper 0.9
# softplus of each real image's score less that of its partner, in place of the paper's loss
PAIRING = True
# weight of R1, which grows with the number of pixels; default: 2, version 1 0.5; paper 10 at 1024
# pixels
GAMMA: float | None = None
# weight of the same penalty on generated images; default: that of --gamma; paper 0
R2_WEIGHT: float | None = None
R1_EVERY = 8  # apply R1 and R2 every N steps; paper 16
PATH_WEIGHT = 0.0  # weight of the path length penalty, 0: none; paper 2
PATH_EVERY = 4  # apply it every N steps
# version 1: images between two fades; default: an eighth of the run, paper 600000
STABLE_IMAGES: int | None = None
# version 1: images of a fade; default: an eighth of the run, paper 600000
FADE_IMAGES: int | None = None
# DiffAugment: any of color,translation,cutout; or ada, whose strength follows the overfitting
AUGMENT = ""
ADA_TARGET = 0.6  # overfitting at which the strength of ada rests: mean sign of D(x), or of pairs
ADA_IMAGES = 500_000  # real images in which the strength of ada could go from 0 to 1
# Adam's; default: 0.005 for the generator, version 1 0.008 for both players; paper 0.002 for both
LEARNING_RATE: float | None = None
# the discriminator's; default: twice --learning-rate, version 1 all of it
DISCRIMINATOR_LEARNING_RATE: float | None = None
BETA_1 = 0.0  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
# learning rates decay linearly to 0 after this fraction of the run; paper 1
LINEAR_DECAY = 0.25
# half-life, in images, of the averaged generator that draws samples
EMA_IMAGES = 10_000
EMA_RAMPUP = 0.05  # that half-life is at most this share of the images so far; 0: no limit
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "AUGMENT": ("color", "translation", "cutout", "ada"),
}


FIRST = {
    "channel_base": 512, "channel_max": 32, "discriminator_width": 1, "style_dim": 16,
    "mapping_layers": 2, "mapping_multiplier": 0.01, "convolution_multiplier": 1.0,
    "gamma": 0.5, "learning_rate": 0.008,
}  # fmt: skip
SECOND = {
    "channel_base": 256, "channel_max": 64, "discriminator_width": 2, "style_dim": 128,
    "mapping_layers": 4, "mapping_multiplier": 1.0, "convolution_multiplier": 6.0,
    "gamma": 2.0, "learning_rate": 0.005,
}  # fmt: skip


def defaults(options, data):
    """Values of a version; of version 1, 32 pixels have grown from 8 after half of the run."""
    form = FIRST if options.version == 1 else SECOND
    own = {"r2_weight": form["gamma"] if options.gamma is None else options.gamma}
    if options.version == 1:
        images = max(1, options.steps * options.batch // 8)
        return {**FIRST, **own, "stable_images": images, "fade_images": images}
    rate = SECOND["learning_rate"] if options.learning_rate is None else options.learning_rate
    if data.shape[0] > 32:
        own["channel_base"] = 2 * SECOND["channel_base"]
    return {**SECOND, **own, "discriminator_learning_rate": 2 * rate}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    if o.batch < 2:
        raise InputError(
            f"--batch is {o.batch}, but the discriminator compares the images of a batch (minibatch"
            " deviation); it must be at least 2"
        )
    if o.version not in (1, 2):
        raise InputError(f"--version is {o.version}; it must be 1 (growing, AdaIN) or 2")
    game = _first_version(o, data) if o.version == 1 else _second_version(o, data)
    game.compile(
        generator=_adam(o, o.learning_rate), discriminator=_adam(o, opponent_learning_rate(o))
    )
    return game


def _first_version(options, data):
    """Adaptive instance norm in networks that grow from 8 pixels."""
    o = options
    if o.path_weight:
        raise InputError("--path-weight is of version 2; version 1 has no such penalty: omit it")
    if o.convolution_multiplier not in (None, 1.0):
        raise InputError(
            "--convolution-multiplier is of version 2; version 1 does not demodulate: omit it"
        )
    generator, discriminator, common = _parts(stylegan, o, data)
    return stylegan.StyleGAN(
        generator,
        discriminator,
        stable_images=o.stable_images,
        fade_images=o.fade_images,
        **common,
    )


def _second_version(options, data):
    """Demodulation, skips and residuals; all sizes at once."""
    o = options
    if o.stable_images is not None or o.fade_images is not None:
        raise InputError("version 2 does not grow; omit --stable-images and --fade-images")
    generator, discriminator, common = _parts(
        stylegan2, o, data, convolution_multiplier=o.convolution_multiplier
    )
    return stylegan2.StyleGAN2(
        generator, discriminator, path_weight=o.path_weight, path_every=o.path_every, **common
    )


def _parts(game, options, data, **others):
    """Generator, discriminator and the arguments that both versions have.

    `others` are the generator's.
    """
    o, shape = options, tuple(data.shape)
    classes = labels.class_count(data) if o.labels else None
    widths = (o.channel_base, o.channel_max)
    sizes = (o.latent_dim, o.style_dim, o.mapping_layers)
    half_life = o.ema_images / o.batch
    common = {
        "mixing": o.mixing,
        "classes": classes,
        "ema_decay": HalfLifeDecay(
            LinearRamp(o.ema_rampup, half_life) if o.ema_rampup else half_life
        ),
        "seed": o.seed,
        **regularization_options(o),
        "r1_weight": o.gamma,
    }
    generator = game.build_generator(
        shape,
        *sizes,
        *widths,
        classes=classes,
        mapping_multiplier=o.mapping_multiplier,
        **others,
    )
    if o.discriminator_width < 1:
        raise InputError(
            f"--discriminator-width is {o.discriminator_width}; the discriminator has that many"
            " channels for each of the generator's: pass 1 or more"
        )
    wider = (width * o.discriminator_width for width in widths)
    return generator, game.build_discriminator(shape, *wider, classes=classes), common


def _adam(options, learning_rate):
    return FusedAdam(learning_rate, beta_1=options.beta_1, beta_2=options.beta_2, epsilon=1e-8)


if __name__ == "__main__":
    launch.main(globals())
