"""AdaIN: its losses by hand, its frozen encoder, its painting and its exports."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_style
from harness import GameChecks, value
from tiny_style import close

from tfgan_suite import compat
from tfgan_suite.data.synthetic import paintings
from tfgan_suite.errors import InputError
from tfgan_suite.export import export, load
from tfgan_suite.features import named_layers
from tfgan_suite.style.adain import AdaIN, both
from tfgan_suite.style.callbacks import InverseDecay
from tfgan_suite.style.decoders import build_decoder
from tfgan_suite.style.encoders import load_encoder
from tfgan_suite.style.judging import judge
from tfgan_suite.style.statistics import adain, statistics
from tfgan_suite.training import callbacks


def signed(pixels):
    return pixels / np.float32(127.5) - 1.0


# ---- the game --------------------------------------------------------------------------------


class TestAdaIN(GameChecks):
    keras_refuses = "encoder"
    batch = 4
    plain_differs = False

    def make_game(self, plain=False):
        return tiny_style.game(style_weight=0.5, reconstruction=0.5, variation=0.1)

    def examples(self, count):
        return tiny_style.examples(count)

    def test_exports_equal_the_game(self, fresh, tmp_path):
        """Both halves give what the whole gives; int8 is not offered."""
        game = self.fit(fresh(), 1)
        examples = self.examples(4)
        result = export(
            game,
            tmp_path,
            name="tiny",
            formats=game.export_formats,
            size=(16, 16),
            representative=game.representative(examples),
            float16_bound=0.02,
        )
        parity = json.loads((result.path / "parity.json").read_text())
        assert parity["ok"] and set(parity["signatures"]) == {
            "serving_default", "statistics", "paint"
        }  # fmt: skip
        exported = load(result.path)
        alpha = np.array([1.0, 0.5, 0.25, 0.0], "f4")
        content, style = examples["content"], examples["style"]
        made = exported(content=content, style=style, alpha=alpha)
        for index in range(4):
            part = slice(index, index + 1)
            close(made[part], game.stylize(content[part], style[part], alpha[index]), 1e-5)
        numbers = exported("statistics", style=style)
        close(exported("paint", content=content, statistics=numbers, alpha=alpha), made, 1e-5)
        # Any size, and different ones.
        odd = exported(content=content[:1, :13, :9], style=style[:1, :12], alpha=alpha[:1])
        close(odd, game.stylize(content[:1, :13, :9], style[:1, :12]), 1e-5)


def test_the_terms_are_those_of_the_paper():
    game = tiny_style.game(style_weight=3.0, variation=2.0, reconstruction=5.0)
    batch = tiny_style.examples(3)
    content, style = both(batch)
    styles = [statistics(maps) for maps in game.encoder(style)]
    maps = game.features(content)
    terms = game.decoder_terms(content, maps, styles)
    wanted = adain(maps, styles[-1])
    made = game.decoder(wanted)
    found = game.encoder(made)
    # The target of the content is t, not f(c).
    close(terms["content"], np.mean((found[-1].numpy() - wanted.numpy()) ** 2))
    total = 0.0
    for one, two in zip(found, game.encoder(style)):
        one, two = one.numpy(), two.numpy()
        total += np.mean((one.mean((1, 2)) - two.mean((1, 2))) ** 2)
        deviations = [np.sqrt(x.var((1, 2)) + 1e-5) for x in (one, two)]
        total += np.mean((deviations[0] - deviations[1]) ** 2)
    close(terms["style"], 3.0 * total)
    again = game.decoder(maps).numpy()
    close(terms["reconstruction"], 5.0 * np.mean((again - batch["content"]) ** 2))
    made = made.numpy()
    change = np.abs(np.diff(made, axis=1)).mean() + np.abs(np.diff(made, axis=2)).mean()
    close(terms["variation"], 2.0 * change)
    assert tuple(f"decoder/{name}" for name in terms) == game.loss_names
    assert tiny_style.game().loss_names == ("decoder/content", "decoder/style")


def frozen(game):
    return callbacks.Frozen(lambda: named_layers.checksum(game.encoder.network), "encoder")


def test_training_leaves_the_encoder_as_it_is():
    game = tiny_style.game()
    game.compile(decoder=keras.optimizers.Adam(1e-3))
    before = named_layers.checksum(game.encoder.network)
    start = [value(variable) for variable in game.decoder.variables]
    data = tf.data.Dataset.from_tensor_slices(tiny_style.examples(8)).batch(4)
    game.fit(data, verbose=0, callbacks=[frozen(game), InverseDecay(0.5)])
    assert named_layers.checksum(game.encoder.network) == before
    assert all((value(v) != old).any() for v, old in zip(game.decoder.variables, start))
    # The second of two steps was made after one: 1e-3 / (1 + 0.5).
    close(compat.get_learning_rate(game.optimizer_of("decoder")), 1e-3 / 1.5, 1e-9)


def test_a_changed_encoder_is_noticed():
    game = tiny_style.game()
    game.compile(decoder=keras.optimizers.SGD(0.0))
    check = frozen(game)
    check.set_model(game)
    check.on_train_begin()
    game.encoder.network.set_weights([2 * one for one in game.encoder.network.get_weights()])
    with pytest.raises(RuntimeError, match="the encoder changed .* frozen"):
        check.on_train_end()


def test_a_checkpoint_keeps_the_scales(tmp_path):
    one, two = tiny_style.game(), tiny_style.game()
    for game in (one, two):
        game.compile(decoder=keras.optimizers.Adam(1e-3))
    one.encoder.normalize(tiny_style.examples(4)["content"])
    path = tf.train.Checkpoint(game=one).save(str(tmp_path / "ckpt"))
    tf.train.Checkpoint(game=two).restore(path).assert_existing_objects_matched()
    examples = tiny_style.examples(2)
    found, expected = (game.stylize(**examples) for game in (two, one))
    np.testing.assert_array_equal(found, expected)
    assert value(two.encoder.scale_1)[0] != 1.0


# ---- painting --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def painted():
    game = tiny_style.game()
    examples = tiny_style.examples(3)
    numbers = game.statistics_of(examples["style"])
    return game, examples["content"], examples["style"], numbers


def test_alpha_0_is_the_content_for_any_style(painted):
    game, content, style, _ = painted
    made = game.stylize(content, style, 0.0)
    close(made, game.stylize(content, style[::-1], 0.0), 1e-6)
    plain = np.clip(game.decoder(game.features(tf.constant(content))), -1, 1)
    close(made, plain, 1e-6)
    assert np.abs(game.stylize(content, style) - made).max() > 1e-3


def test_alpha_is_linear_in_the_maps(painted):
    game, content, style, _ = painted
    maps = game.features(tf.constant(content))
    wanted = adain(maps, statistics(game.encoder(style)[-1]))
    between = np.clip(game.decoder(0.25 * wanted + 0.75 * maps), -1, 1)
    close(game.stylize(content, style, 0.25), between, 1e-5)
    close(game.stylize(content, style, 7.0), game.stylize(content, style), 1e-6)


def test_one_style_for_all_and_a_wrong_number_of_them(painted):
    game, content, style, _ = painted
    made = game.stylize(content, style[:1], batch=2)
    close(made[2:], game.stylize(content[2:], style[:1]), 1e-5)
    with pytest.raises(InputError, match="2 styles for 3"):
        game.stylize(content, style[:2])
    with pytest.raises(InputError, match="stylize"):
        game.translate(content)


@pytest.mark.parametrize("size", [(13, 9), (5, 16), (2, 3)])
def test_any_size_keeps_its_size(painted, size):
    game, content, style, _ = painted
    made = game.stylize(content[:, : size[0], : size[1]], style[:, :11, :14])
    assert made.shape == (3, *size, 3) and np.abs(made).max() <= 1.0 and np.isfinite(made).all()


def test_regions(painted):
    game, content, style, numbers = painted
    whole = game.stylize(content[:1], style[:1])[0]
    everywhere = np.ones((16, 16), bool)
    close(game.stylize_regions(content[0], everywhere, numbers[0], numbers[1]), whole, 1e-4)
    # An empty region gives no NaN: the outside is all.
    close(game.stylize_regions(content[0], ~everywhere, numbers[1], numbers[0]), whole, 1e-4)
    untouched = game.stylize(content[:1], style[:1], 0.0)[0]
    close(game.stylize_regions(content[0], ~everywhere, numbers[1]), untouched, 1e-5)
    half = everywhere.copy()
    half[:, 8:] = False
    both_sides = game.stylize_regions(content[0], half, numbers[0])
    # Two 3x3 convolutions behind the doubling and one before see at most 4 pixels over the border.
    close(both_sides[:, 12:], untouched[:, 12:], 1e-5)
    assert np.abs(both_sides[:, :4] - untouched[:, :4]).max() > 1e-3
    with pytest.raises(InputError, match="mask of"):
        game.stylize_regions(content[0], half[:8], numbers[0])


def test_the_sample_grid_has_four_columns(painted):
    game, content, style, _ = painted
    grid = game.preview({"content": content, "style": style[:2]})
    # 2 rows and 4 columns of 16 pixels and margins of 2, enlarged threefold to 256 or just below.
    assert grid.shape == (3 * (2 * 18 + 2), 3 * (4 * 18 + 2), 3)


def test_bad_values():
    for options, words in (
        ({"style_weight": -1.0}, "style -1.0"),
        ({"variation": float("nan")}, "variation nan"),
        ({"reduction": "max"}, "mean or sum"),
        ({"ema_decay": 1.0}, "ema_decay"),
    ):
        with pytest.raises(InputError, match=words):
            tiny_style.game(**options)
    for batch in ({"image": 1}, np.zeros((2, 8, 8, 3))):
        with pytest.raises(InputError, match="AdaIN learns from"):
            both(batch)


@pytest.mark.large
def test_it_learns_the_paintings():
    """The recipe's setting at 64 pixels: the sheet's bars on scenes and patterns never seen."""
    from tfgan_suite.data.content_style import load_content_style
    from tfgan_suite.training.optimizers import FusedAdam

    def total():
        content, style = both(held_out)
        styles = [statistics(maps) for maps in encoder(style)]
        terms = game.decoder_terms(content, game.features(content), styles)
        return float(terms["content"] + terms["style"])

    keras.utils.set_random_seed(0)
    source = load_content_style("paintings", crop=64, side=96)
    held = source.held_out(5)
    held_out = {key: tf.constant(held[key]) for key in held}
    encoder = load_encoder("vgg19", None, depth=3)
    shown = source.take(16)
    encoder.normalize(np.concatenate([shown["content"], shown["style"]]))
    game = AdaIN(encoder, build_decoder(encoder.channels[-1], 2, 32), reconstruction=1.0)
    game.compile(decoder=FusedAdam(1e-3))
    before = total()
    game.fit(
        source.batches(4, seed=0), steps_per_epoch=600, verbose=0, shuffle=False,
        callbacks=[InverseDecay(5e-4)],
    )  # fmt: skip
    assert total() <= 0.3 * before
    found = judge(game, signed(paintings.scenes(20, 64, 2)), signed(paintings.patterns(5, 64, 2)))
    assert found["nearer"] >= 0.9 and found["falls"]
