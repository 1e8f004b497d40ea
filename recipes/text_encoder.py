"""A char-CNN-RNN that reads sentences, trained beside an image network (Reed et al. 2016).

    python recipes/text_encoder.py                              shapes with sentences
    python recipes/text_encoder.py --data BIRDS --size 64
    python recipes/gan_cls.py --data BIRDS --encoder runs/text_encoder_BIRDS

Both networks learn vectors whose product is largest for an image and its own sentence. The run
keeps the text network as `text_encoder.npz`, which GAN-CLS, GAWWN and StackGAN take as above. The
measure is retrieval: how often a sentence of the test split finds its image among 64, and an image
its sentence (chance: 1.6%). On the embedded sentences it is 99% both ways at seeds 0 to 2 (2.7
minutes of one core). After 1,500 steps it was 94 and 93%, but of the shape, which tells few of 64
images apart, the vectors said too little. With these vectors GAN-CLS draws after 8,000 steps the
right shape for 93, 93 and 92% of the test sentences, with a bag of words for 95, 93 and 93%. What
the encoder does not learn is to combine: where a combination of colour and shape was never shown,
the colour is right in 27, 77 and 41% of the images, with a bag of words in all.

Where your data have classes, images of one class count as one, as in the paper; `--classes no`
tells each image from every other. `--image-side` takes a frozen network in place of the image
network, as the paper does: of it only a linear layer is trained. The paper's setting is

    --text-dim 1024 --width 512 --first-width 384 --length 201 --learning-rate 0.0007
"""

from __future__ import annotations

from pathlib import Path

from tfgan_suite import data
from tfgan_suite.errors import InputError
from tfgan_suite.games import text_encoder
from tfgan_suite.networks.text import build_char_cnn_rnn, encode_characters
from tfgan_suite.training import callbacks, image_sides, launch, text_encoders
from tfgan_suite.training.optimizers import FusedAdam

DATA = "captions"  # captions, a folder or file of images with captions, or tfds:NAME
STEPS = 6000  # total number of training steps; data of your own: the least, see --epochs
EPOCHS = 50  # passes over data of your own
BATCH = 64  # images in a step, each with one of its sentences
TEXT_DIM: int | None = None  # length of a vector; default: 64, own data 256; paper 1024
WIDTH: int | None = None  # channels and units of the text network; default: 64, own data 128
FIRST_WIDTH: int | None = None  # channels of its first layer; default: three quarters of --width
LENGTH: int | None = None  # characters that are read; default: 96, own data 201 (paper)
POOLING = "mean"  # of the states of the recurrent layer: mean or last
DROPOUT = 0.0  # dropout rate before the text network's last layer
# learned, or frozen features: inception_v3 or mobilenet_v2 (weights are downloaded), a run with a
# discriminator, or a .keras file, such as recipes/classifier.py writes; paper GoogLeNet
IMAGE_SIDE = "learned"
IMAGE_WIDTH = 16  # channels of the first layer of an image network that is learned
CLASSES: bool | None = None  # images of a class count as one; default: own data with classes True
FIT = "crop"  # part of an image: crop (a square), stretch (all of it), object (around its box)
HORIZONTAL_FLIP = False  # flip images left to right, unless a caption says left or right
LEARNING_RATE = 0.002  # Adam's; paper 0.0007
LINEAR_DECAY = 0.5  # the learning rate decays linearly to 0 after this fraction of the run
LOG_EVERY = 250  # steps between log lines and retrievals

# What a flag may be.
CHOICES = {"POOLING": ("mean", "last"), "FIT": ("crop", "stretch", "object")}


def load_data(options):
    """The images, each with the indices of its sentence's characters."""
    source = data.load_captions(
        options.data,
        size=options.size,
        fit=options.fit,
        mismatched=False,
        bit_depth=options.bit_depth,
    )
    length = options.length or (96 if data.is_embedded(options.data) else 201)
    source.use_embedding(lambda texts: encode_characters(texts, length).astype("float32"))
    source.report = None  # the world's oracle reads images
    return source


def defaults(options, data):
    """Sizes for the data."""
    width = options.width or (64 if data.embedded else 128)
    return {
        "text_dim": 64 if data.embedded else 256,
        "width": width,
        "first_width": max(3 * width // 4, 1),
        "length": 96 if data.embedded else 201,
        "classes": bool(getattr(data, "classes", None)) and not data.embedded,
    }


def make_game(options, data):
    """The compiled game for the recipe's constants and the data's shape."""
    o = options
    form = {
        "text_dim": o.text_dim, "width": o.width, "first_width": o.first_width,
        "length": o.length, "pooling": o.pooling, "dropout": o.dropout,
    }  # fmt: skip
    if o.classes and not data.classes:
        raise InputError("--classes is set, but the data have none; leave it out")
    if o.image_side == image_sides.LEARNED:
        image_network = text_encoder.build_image_network(
            data.image_shape, o.text_dim, o.image_width
        )
    else:
        image_network = image_sides.build(o, data.image_shape, o.text_dim)
    game = text_encoder.TextEncoder(
        build_char_cnn_rnn(**form),
        image_network,
        form=form,
        classes=o.classes,
        seed=o.seed,
    )
    game.compile(embedding=FusedAdam(o.learning_rate))
    return game


def make_callbacks(options, data, game):
    """Retrieval, the kept encoder, learning-rate decay."""

    def measure(game):
        return game.held_out_measures(data)

    # --measure-every measures the same.
    every = [] if options.measure_every else [options.log_every]
    folder = Path(options.run)
    if options.image_side != image_sides.LEARNED:
        image_sides.keep(options, game.image_network)
    return [
        *(callbacks.MeasureEvery(measure, steps, folder / "measures.jsonl") for steps in every),
        text_encoders.KeepTrained(folder, data, measure),
        *launch.make_callbacks(options, data, game),
    ]


if __name__ == "__main__":
    launch.main(globals())
