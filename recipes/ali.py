"""ALI, or BiGAN, on images or points (Dumoulin et al.; Donahue et al. 2017).

    python recipes/ali.py                                    coloured shapes, 32x32
    python recipes/ali.py --data ring                        the ring of 8 Gaussians; or grid
    python recipes/ali.py --data /usr/share/datasets/fashion-mnist
    python recipes/ali.py --data IMAGES --size 64            your own folder of images
    python recipes/ali.py --variant bigan                    an encoder without noise

An encoder is trained along with the generator: the run folder's `reconstructions/` shows rows of
real images with G(E(x)) below them, the export has `encode` and `reconstruct`. Expect
reconstructions of the same kind, not the same pixels, and closer to their own image than to
another one. discriminator/real + discriminator/fake near 1.39 is a draw; the discriminator should
not win for long. The paper's CIFAR-10 setting is

    --data tfds:cifar10 --architecture paper --width 32 --latent-dim 64 --batch 100 --dropout 0.5
    --learning-rate 0.0001 --beta-2 0.999 --ema-decay 0 --r1-weight 0 --linear-decay 1
    --steps 3237500

Paper: Inception score 5.34 +- .05 on CIFAR-10; of 25 Gaussians 13.4 +- 5.8 covered.
"""

from __future__ import annotations

from pathlib import Path

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import ali
from tfgan_suite.training import launch, sample_grids
from tfgan_suite.training.optimizers import FusedAdam, opponent_learning_rate

DATA = "shapes"
STEPS: int | None = None  # training steps; default: 6000 for images, 8000 for points
BATCH: int | None = None  # examples in one batch, over all devices; default: 32, points 256
VARIANT = "ali"  # ali (stochastic encoder) or bigan (deterministic)
ARCHITECTURE: str | None = None  # paper, conv or mlp; default: conv for images, mlp for points
WIDTH: int | None = None  # channels or units; default: 32 for images, 128 for points
# units of a hidden dense layer of the decoder, 0: none (paper); on Fashion-MNIST 512 harm
HIDDEN_UNITS = 0
LATENT_DIM: int | None = None  # dimension of z; default: 32 for images, 2 for points
LATENT = "normal"  # distribution of z: normal (ALI) or uniform (BiGAN's paper)
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares, wasserstein or pairing
DROPOUT = 0.0  # dropout rate of the discriminator's features; paper 0.5
EMA_DECAY = 0.998  # decay of the averaged decoder and encoder that draw samples; 0: none (paper)
LEARNING_RATE: float | None = None  # Adam's, all networks; default: 0.0005, for points 0.001
DISCRIMINATOR_LEARNING_RATE: float | None = None  # the discriminator's; default: --learning-rate
BETA_1 = 0.5  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.5  # learning rates decay linearly to 0 after this fraction of the run; 1: never
LABEL_SMOOTHING = 0.0  # the label of encoder pairs is 1 minus this
INSTANCE_NOISE = 0.0  # standard deviation of the noise on all inputs of the discriminator
R1_WEIGHT: float | None = None  # of the R1 penalty on real examples; default: 0.2, points 0 (paper)
R2_WEIGHT = 0.0  # weight of the same penalty on generated examples (R2)
R1_EVERY = 4  # apply R1 and R2 every N steps
AUGMENT = ""  # DiffAugment: any of color,translation,cutout
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5

# What a flag may be; of several with commas, each.
CHOICES = {
    "VARIANT": ("ali", "bigan"),
    "ARCHITECTURE": ("paper", "conv", "mlp"),
    "LATENT": ("normal", "uniform"),
    "LOSS": ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "pairing"),
    "AUGMENT": ("color", "translation", "cutout"),
}


def defaults(options, data):
    """Values for the kind of data."""
    if len(data.shape) == 1:
        return {
            "steps": 8000,
            "batch": 256,
            "architecture": "mlp",
            "width": 128,
            "latent_dim": 2,
            "learning_rate": 1e-3,
            "r1_weight": 0.0,
        }
    return {
        "steps": 6000,
        "batch": 32,
        "architecture": "conv",
        "width": 32,
        "latent_dim": 32,
        "learning_rate": 5e-4,
        "r1_weight": 0.2,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    net = {
        "shape": data.shape,
        "architecture": o.architecture,
        "width": o.width,
        "latent_dim": o.latent_dim,
    }
    game = ali.ALI(
        ali.build_decoder(**net, hidden_units=o.hidden_units),
        ali.build_encoder(**net, variant=o.variant),
        ali.build_discriminator(**net, dropout=o.dropout),
        loss=o.loss,
        latent=o.latent,
        ema_decay=o.ema_decay,
        seed=o.seed,
        **regularization_options(o),
    )
    game.compile(
        generator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
        discriminator=FusedAdam(opponent_learning_rate(o), o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """Grids of reconstructions, and learning-rate decay."""
    examples = data.take(256, options.seed)
    real = examples["point"] if "point" in examples else examples["image"][:32]
    grid = sample_grids.SampleGrid(
        Path(options.run) / "reconstructions",
        options.log_every,
        lambda game: sample_grids.reconstructions(game, real),
    )
    return [grid, *launch.make_callbacks(options, data, game)]


if __name__ == "__main__":
    launch.main(globals())
