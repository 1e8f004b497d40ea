"""A recipe that trains a tiny translator on tiny pairs of images, for tests.

The world: grey images, and their negatives as the true answers.
"""

import keras
import numpy as np
import tensorflow as tf

from tfgan_suite import data
from tfgan_suite.core.translation_game import TranslationGame, from_image
from tfgan_suite.training import launch
from tfgan_suite.training.optimizers import FusedAdam

DATA = "negatives"
STEPS = 2
BATCH = 4
EXPORT = "none"
WAYS = 1  # directions of the game
LOG_EVERY = 1
CHECKPOINT_EVERY = 2
SHAPE = (12, 8, 1)


class Negatives(data.ArraySource):
    """Pairs `source` and `target`, of which the second is the first's negative."""

    def __init__(self, count=24):
        super().__init__("negatives", self.pixels(count, 0), key="source", report=self.read)

    @staticmethod
    def pixels(count, seed):
        return np.random.RandomState(seed).randint(0, 256, (count, *SHAPE)).astype("u1")

    def _to_float(self, examples):
        examples = super()._to_float(examples)
        return {**examples, "target": -examples["source"]}

    def held_out(self, count):
        source = self.pixels(6, 1)[:count] / np.float32(127.5) - 1.0
        return {"source": source, "target": -source}

    def read(self, examples, outputs):
        return {"l1": float(np.mean(np.abs(outputs - examples["target"]))), "told": "nothing"}


class Tiny(TranslationGame):
    """One or two generators that halve and double images, and a discriminator."""

    loss_names = ("generator/l1", "discriminator/real", "discriminator/fake")

    def __init__(self, ways=1, seed=0):
        super().__init__(seed=seed)
        self.generators = [network() for _ in range(ways)]
        self.discriminator = keras.Sequential(
            [keras.Input((None, None, 2)), keras.layers.Conv2D(1, 3, dtype="float32")]
        )

    def players(self):
        return {"generator": self.generators, "discriminator": [self.discriminator]}

    def signatures(self):
        names = ("serving_default", "b_to_a")
        return {n: from_image(g, 2) for n, g in zip(names, self.ema("generator"))}

    def train_step(self, batch):
        source, target = batch["source"], batch["target"]

        def discriminator_terms():
            fake = self.generators[0](source, training=True)
            real = self.discriminator(tf.concat([source, target], -1))
            fake = self.discriminator(tf.concat([source, fake], -1))
            return {
                "real": tf.reduce_mean(tf.nn.softplus(-real)),
                "fake": tf.reduce_mean(tf.nn.softplus(fake)),
            }

        def generator_terms():
            pairs = zip(self.generators, ((source, target), (target, source)))
            errors = [tf.reduce_mean(tf.abs(net(x, training=True) - y)) for net, (x, y) in pairs]
            return {"l1": tf.add_n(errors)}

        self.update("discriminator", discriminator_terms)
        self.update("generator", generator_terms)
        return self.logs()


def network(channels=1):
    """Half the size and back, any even size."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, None, channels)),
            layers.Conv2D(4, 4, 2, "same", activation="relu"),
            layers.Conv2DTranspose(channels, 4, 2, "same", activation="tanh", dtype="float32"),
        ]
    )


def load_data(options):
    return Negatives()


def make_game(options, data):
    assert data.shape == SHAPE
    game = Tiny(options.ways, options.seed)
    game.compile(generator=FusedAdam(1e-3), discriminator=FusedAdam(1e-3))
    return game


if __name__ == "__main__":
    launch.main(globals())
