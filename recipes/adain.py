"""AdaIN: any image in the style of any other, in a single pass (Huang and Belongie 2017).

    python recipes/adain.py                                     drawn scenes and patterns, 64x64
    python recipes/adain.py --data FOLDER                       FOLDER holds content/ and style/
    python recipes/adain.py --data PHOTOS,PAINTINGS --network squeezenet.npz
    python -m tfgan_suite stylize runs/adain_FOLDER PHOTO PAINTING OUT.png --alpha 0.8
    python -m tfgan_suite.style.judging runs/adain_FOLDER PHOTOS PAINTINGS

The encoder is frozen; only the decoder is trained. The default encoder is VGG19 with random
weights, which sees colours and textures and needs no download; with trained weights (--weights
imagenet, or a file) content keeps its shapes better. --network squeezenet.npz takes a file in the
layout layer|kernel; --style-weight 2 suits it, and 96x96 crops. The deeper the last map, the less
of the content remains. The paper's setting, which takes hours on a GPU, is

    --weights imagenet --depth 4 --width 64 --size 256 --side 512 --batch 8 --learning-rate 1e-4
    --inverse-decay 5e-5 --reconstruction-weight 0 --steps 160000 --data COCO,WIKIART

The grids in `samples/` show rows of content | style | half of it | all of it. decoder/style falls
first, decoder/content more slowly; grey images mean too few steps. Paper: 0.018 s for 256x256 on
a Titan X; at 512x512 720 times faster than optimizing each image.
"""

from __future__ import annotations

from tfgan_suite.data.content_style import load_content_style
from tfgan_suite.features import named_layers
from tfgan_suite.style.adain import AdaIN
from tfgan_suite.style.callbacks import InverseDecay
from tfgan_suite.style.decoders import build_decoder
from tfgan_suite.style.encoders import load_encoder
from tfgan_suite.training import callbacks, launch
from tfgan_suite.training.optimizers import FusedAdam

import numpy as np

DATA = "paintings"  # paintings, a folder with content and style, CONTENT,STYLE
# training steps; default: 1200 for the embedded images, 10000 for your own; paper 160000
STEPS: int | None = None
BATCH = 4  # pairs of content and style in a batch, over all devices; paper 8
SIZE = 64  # height and width of the random crops; paper 256
SIDE = 96  # images are resized to this shorter side; 0: not resized; paper 512
NETWORK = "vgg19"  # the encoder: vgg19 (paper), squeezenet, an .npz file or a Keras file
WEIGHTS = "none"  # the encoder's: imagenet (paper), a file, or none: random
TAPS: str | None = None  # names of its maps with commas, deepest last; default: VGG19's relu1_1 ..
DEPTH = 3  # of VGG19: the deepest map is relu3_1 (1/4 of the side); paper 4
WIDTH = 32  # channels of the decoder's last layers; paper 64
NORMALIZE = 16  # images used to scale every channel of the maps to mean 1; 0: no scaling
STYLE_WEIGHT = 10.0  # lambda; paper 10
REDUCTION = "mean"  # of the style's squared errors over channels: mean, or sum (official code)
RECONSTRUCTION_WEIGHT = 1.0  # weight of the error of decoding the content itself; paper 0
VARIATION_WEIGHT = 0.0  # weight of the total variation
LEARNING_RATE = 1e-3  # Adam's learning rate; paper 1e-4
INVERSE_DECAY = 5e-4  # the learning rate is divided by 1 + this times the steps; paper 5e-5
EMA_DECAY = 0.0  # decay of the averaged decoder that paints; 0: none (paper)
LOG_EVERY = 100  # steps between log lines, sample grids and health checks
CHECKPOINT_EVERY = 200  # steps between checkpoints

# What a flag may be.
CHOICES = {
    "REDUCTION": ("mean", "sum"),
}


def load_data(options):
    """Content and style images."""
    return load_content_style(
        options.data, crop=options.size, side=options.side, bit_depth=options.bit_depth
    )


def defaults(options, data):
    """The number of steps."""
    return {"steps": 1200 if data.embedded else 10_000}


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    network = o.network
    # A file of a network, or of its weights, brings its own weights.
    own = network.endswith((".npz", ".keras", ".h5"))
    weights = "imagenet" if own else (None if o.weights == "none" else o.weights)
    taps = () if o.taps is None else [name.strip() for name in o.taps.split(",")]
    encoder = load_encoder(network, weights, taps, depth=o.depth, seed=o.seed)
    game = AdaIN(
        encoder,
        build_decoder(encoder.channels[-1], encoder.doublings, o.width),
        style_weight=o.style_weight,
        reduction=o.reduction,
        reconstruction=o.reconstruction_weight,
        variation=o.variation_weight,
        ema_decay=o.ema_decay,
        seed=o.seed,
    )
    game.compile(decoder=FusedAdam(o.learning_rate))
    return game


def make_callbacks(options, data, game):
    """Scales the encoder's maps, decays the learning rate, checks that the encoder is frozen."""
    if options.normalize:
        examples = data.take(min(options.normalize, len(data)), seed=options.seed)
        # A checkpoint keeps the scales.
        game.encoder.normalize(np.concatenate([examples["content"], examples["style"]]))
    frozen = callbacks.Frozen(lambda: named_layers.checksum(game.encoder.network), "encoder")
    return [InverseDecay(options.inverse_decay), frozen]


if __name__ == "__main__":
    launch.main(globals())
