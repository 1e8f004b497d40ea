"""The suite's games as they are measured: networks, options and optimizers of each."""

from __future__ import annotations

import keras

from tfgan_suite.games import (
    cgan,
    cyclegan,
    dcgan,
    gan_cls,
    infogan,
    pix2pix,
    sngan,
    srgan,
    stylegan2,
    wav2lip,
    wgan_gp,
)
from tfgan_suite.networks import talking
from tfgan_suite.training.optimizers import FusedAdam
from tfgan_suite.utils.schedules import HalfLifeDecay, LinearRamp

SCALE = 4  # of srresnet
TEXT_DIM = 1024  # of gan_cls
CLASSES = 18  # of cgan


def make_game(game: str, **network: int) -> keras.Model:
    """A compiled game.

    Args:
        game: a key of `BUILDERS`.
        **network: its setting, by the names of `speed.py`'s flags.
    """
    built, adam = BUILDERS[game](**network)
    built.compile(**{player: FusedAdam(*adam) for player in built.players()})
    return built


def _dcgan(size: int, width: int, kernel: int) -> tuple[keras.Model, tuple[float, ...]]:
    shared = {"size": size, "width": width, "kernel": kernel}
    built = dcgan.DCGAN(dcgan.build_generator(**shared), dcgan.build_discriminator(**shared))
    return built, (2e-4, 0.5)


def _wgan_gp(size: int, width: int, kernel: int) -> tuple[keras.Model, tuple[float, ...]]:
    shared = {"shape": (size, size, 3), "architecture": "conv", "width": width}
    built = wgan_gp.WGANGP(wgan_gp.build_generator(**shared), wgan_gp.build_critic(**shared))
    return built, (2e-4, 0.0, 0.9)


def _sngan(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    # The recipe's setting for its ResNet; the paper's width is 128.
    shape = (size, size, 3)
    built = sngan.SNGAN(
        sngan.build_generator(shape, "resnet", 2 * width),
        sngan.build_discriminator(shape, "resnet", width),
        discriminator_steps=5,
        generator_batches=2,
    )
    return built, (2e-4, 0.0, 0.9)


def _infogan(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    # The recipe's networks and losses; a code of 10 values and two continuous ones.
    built = infogan.InfoGAN(
        infogan.build_generator(size, 3, width, latent_dim=32 + 10 + 2),
        infogan.build_discriminator(size, 3, width, norm="none"),
        infogan.build_recognition(16 * width, width=2 * width, norm="none"),
        lambda_continuous=0.1,
        ema_decay=0.998,
        r1_weight=0.25,
        r1_every=8,
    )
    return built, (1e-3, 0.0, 0.99)


def _pix2pix(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    shared = {"shape": (size, size, 3), "width": width}
    networks = pix2pix.build_generator(**shared), pix2pix.build_discriminator(**shared)
    return pix2pix.Pix2Pix(*networks), (2e-4, 0.5)


def _cyclegan(
    size: int, width: int, blocks: int, pool: int
) -> tuple[keras.Model, tuple[float, ...]]:
    shape = (size, size, 3)
    generators = [cyclegan.build_generator(shape, width, blocks) for _ in range(2)]
    discriminators = [cyclegan.build_discriminator(3, width) for _ in range(2)]
    built = cyclegan.CycleGAN(*generators, *discriminators, pool_size=pool, image_size=(size, size))
    if pool:
        for each in (built.pool_a, built.pool_b):  # full, as in most of a run
            each.filled.assign(pool)
    return built, (2e-4, 0.5)


def _srresnet(size: int, width: int, blocks: int) -> tuple[keras.Model, tuple[float, ...]]:
    # It takes images of any size.
    return srgan.SRResNet(srgan.build_generator(3, SCALE, width, blocks)), (1e-4,)


def _cgan(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    # The recipe's networks and losses.
    form = (size, size, 3), CLASSES, "concat", "conv", width
    built = cgan.CGAN(
        cgan.build_generator(*form, latent_dim=32),
        cgan.build_discriminator(*form, norm="none"),
        classes=CLASSES,
        ema_decay=0.998,
        r1_weight=0.25,
        r1_every=8,
    )
    return built, (2e-3, 0.0, 0.99)


def _gan_cls(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    shape = (size, size, 3)
    networks = (
        gan_cls.build_generator(shape, TEXT_DIM, 2 * width),
        gan_cls.build_discriminator(shape, TEXT_DIM, width),
    )
    return gan_cls.GANCLS(*networks), (2e-4, 0.5)


def _wav2lip(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    expert = wav2lip.FrozenExpert(
        talking.build_sync_face_encoder(size, width), talking.build_sync_audio_encoder(width)
    )
    built = wav2lip.Wav2Lip(
        wav2lip.build_lip_generator(size, width),
        wav2lip.build_quality_discriminator(size, width),
        expert=expert,
        sync_from_start=True,  # the part of a run that costs most
    )
    return built, (1e-4, 0.5)


def _stylegan2(size: int, width: int) -> tuple[keras.Model, tuple[float, ...]]:
    # The recipe's networks and losses; `width` is that of the generator's largest maps.
    shape, base, most = (size, size, 3), width * size // 2, 4 * width
    generator = stylegan2.build_generator(
        shape,
        latent_dim=8,
        style_dim=128,
        mapping_layers=4,
        channel_base=base,
        channel_max=most,
        mapping_multiplier=1.0,
        convolution_multiplier=6.0,
    )
    built = stylegan2.StyleGAN2(
        generator,
        stylegan2.build_discriminator(shape, 2 * base, 2 * most),
        path_weight=0.0,
        mixing=0.5,
        ema_decay=HalfLifeDecay(LinearRamp(0.05, 10_000 / 32)),
        pairing=True,
        r1_weight=0.5,
        r2_weight=0.5,
        r1_every=8,
    )
    return built, (5e-3, 0.0, 0.99, 1e-8)


BUILDERS = {
    "dcgan": _dcgan,
    "wgan_gp": _wgan_gp,
    "sngan": _sngan,
    "infogan": _infogan,
    "pix2pix": _pix2pix,
    "cyclegan": _cyclegan,
    "srresnet": _srresnet,
    "cgan": _cgan,
    "gan_cls": _gan_cls,
    "stylegan2": _stylegan2,
    "wav2lip": _wav2lip,
}
