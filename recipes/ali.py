"""ALI, or BiGAN, on images or points (Dumoulin et al.; Donahue et al. 2017).

    python recipes/ali.py                                    coloured shapes, 32x32
    python recipes/ali.py --data ring                        the ring of 8 Gaussians; or grid
    python recipes/ali.py --data /usr/share/datasets/fashion-mnist
    python recipes/ali.py --data IMAGES --size 64          your own folder of images
    python recipes/ali.py --variant bigan                    an encoder without noise

An encoder learns along: the run folder's `reconstructions/` shows rows of real images with
G(E(x)) below them, the export has `encode` and `reconstruct`. Expect reconstructions of the same
kind, not the same pixels, and closer to their own image than to another's. discriminator/real +
discriminator/fake near 1.39 is a draw; the discriminator should not win for long. A zero (or -1) below means a
value for the kind of data at hand. The paper's CIFAR-10 net is

    --data tfds:cifar10 --architecture paper --width 32 --latent-dim 64 --batch 100 --dropout 0.5
    --learning-rate 0.0001 --beta-2 0.999 --ema-decay 0 --r1-weight 0 --linear-decay 1 --steps 3237500

Paper: Inception score 5.34 +- .05 on CIFAR-10; of 25 Gaussians 13.4 +- 5.8 covered.
"""

from pathlib import Path

from tfgan_suite.core.latent_game import regularization_options
from tfgan_suite.games import ali
from tfgan_suite.training import callbacks, launch, sample_grids
from tfgan_suite.training.optimizers import FusedAdam

DATA = "shapes"
RUN = ""
STEPS = 0  # 0: 6000 for images, 8000 for points
BATCH = 0  # 0: 32 for images, 256 for points
SIZE = 0
SEED = 0
STRATEGY = "one"
PRECISION = "float32"
EXPORT = "saved_models"
VARIANT = "ali"  # ali (stochastic encoder) or bigan (deterministic)
ARCHITECTURE = ""  # paper, conv or mlp; empty: mlp for points, conv for images
WIDTH = 0  # channels or hidden units; 0: 32 for images, 128 for points
LATENT_DIM = 0  # length of z; 0: 32 for images, 2 for points
LATENT = "normal"  # distribution of z: normal (ALI) or uniform (BiGAN's paper)
LOSS = "non_saturating"  # non_saturating, minimax, hinge, least_squares or wasserstein
DROPOUT = 0.0  # share of the discriminator's features dropped in training; paper 0.5
EMA_DECAY = 0.998  # decay of averaged decoder and encoder to draw with; 0 is the paper
LEARNING_RATE = 0.0  # Adam's learning rate, all networks; 0: 0.0005 for images, 0.001 for points
BETA_1 = 0.5  # Adam's beta 1
BETA_2 = 0.99  # Adam's beta 2
LINEAR_DECAY = 0.5  # share of the run after which the rates fall in a line to 0; 1: never
LABEL_SMOOTHING = 0.0  # the label of encoder pairs is 1 minus this
INSTANCE_NOISE = 0.0  # deviation of the noise on all examples the discriminator sees
R1_WEIGHT = (
    -1.0
)  # weight of the R1 penalty on real examples; -1: 0.2 for images, 0 (paper) for points
R1_EVERY = 4  # steps between two that compute it
AUGMENT = ""  # changes of what the discriminator sees: color,translation,cutout
HORIZONTAL_FLIP = False  # flip each image left to right with probability 0.5
LOG_EVERY = 500  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 500  # steps between checkpoints


def defaults(data):
    """Values for the kind of data at hand."""
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
        ali.build_decoder(**net),
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
        discriminator=FusedAdam(o.learning_rate, o.beta_1, o.beta_2),
    )
    return game


def make_callbacks(options, data, game):
    """Sample grids of reconstructions, and the fall of the learning rates."""
    found = data.take(256, options.seed)
    real = found["point"] if "point" in found else found["image"][:32]
    folder = Path(options.run or f"runs/ali_{data.name}") / "reconstructions"
    made = [
        sample_grids.SampleGrid(
            folder, options.log_every, lambda g: sample_grids.reconstructions(g, real)
        )
    ]
    return made + callbacks.linear_decay_callbacks(options.linear_decay, options.steps)


if __name__ == "__main__":
    launch.main(globals())
