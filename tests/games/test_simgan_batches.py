"""Which images each of SimGAN's updates sees: its own, and half of them from the history."""

import numpy as np
import tensorflow as tf
from small_simgan import SHAPE, compiled, with_networks

from tfgan_suite.games import simgan


class Spy(simgan.SimGAN):
    """Remembers the images that each update saw, by their first pixel."""

    checks_examples = False  # its images are numbered, not in [-1, 1]

    def refiner_terms(self, simulated):
        self.__dict__.setdefault("seen", []).append(("refiner", first(simulated)))
        return super().refiner_terms(simulated)

    def pretraining_terms(self, simulated):
        self.__dict__.setdefault("seen", []).append(("pretraining", first(simulated)))
        return super().pretraining_terms(simulated)

    def discriminator_terms(self, real, refined, earlier=None):
        shown = [first(x) for x in (real, refined, earlier) if x is not None]
        self.__dict__.setdefault("seen", []).append(("discriminator", *shown))
        return super().discriminator_terms(real, refined, earlier)


def first(images):
    return [round(float(x)) for x in images[:, 0, 0, 0]]


def numbered(count):
    """Simulated images 1, 2, ... and real ones -1, -2, ..."""
    numbers = np.arange(1, count + 1, dtype="f4")[:, None, None, None] * np.ones((1, *SHAPE), "f4")
    return {"simulated": numbers, "real": -numbers}


def spied(steps, batch=4, **arguments):
    game = compiled(0.0, eagerly=True, **arguments)
    game.__class__ = Spy
    with_networks(game, refiner=lambda x: x, discriminator=None)
    count = batch * game.batches_per_step
    data = tf.data.Dataset.from_tensor_slices(numbered(count * steps)).batch(count)
    # The refiner is the identity, so that images can be told; its weights get no gradient.
    game.__dict__["update"] = lambda player, terms, tape=None: [
        game.record(f"{player}/{name}", found) for name, found in terms().items()
    ]
    game.fit(data, verbose=0, shuffle=False)
    return game.seen


def test_every_update_sees_images_of_its_own():
    seen = spied(1, refiner_steps=2, discriminator_steps=2)
    assert seen == [
        ("refiner", [1, 5, 9, 13]),
        ("refiner", [2, 6, 10, 14]),
        # Half of the batch is refined anew; the history is empty, so it stands in for it.
        ("discriminator", [-3, -7, -11, -15], [3, 11], [3, 11]),
        ("discriminator", [-4, -8, -12, -16], [4, 12], seen[3][3]),
    ]
    assert sorted(seen[3][3]) == [3, 11]


def test_half_of_what_the_discriminator_sees_comes_from_earlier_steps():
    seen = [entry for entry in spied(8, history_size=6) if entry[0] == "discriminator"]
    stored = set()
    for step, (_, real, new, old) in enumerate(seen):
        assert len(real) == 4 and len(new) == len(old) == 2
        assert all(12 * step < tag <= 12 * (step + 1) for tag in new)
        if step:
            assert set(old) <= stored and len(set(old)) == 2
        stored |= set(new)


def test_without_a_history_the_discriminator_sees_a_whole_new_batch():
    (entry,) = [entry for entry in spied(1, history_size=0) if entry[0] == "discriminator"]
    assert entry == ("discriminator", [-3, -6, -9, -12], [3, 6, 9, 12])
