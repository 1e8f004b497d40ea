"""The work of a step, counted by hand: multiply-adds of networks, passes of games."""

import pytest
import tensorflow_side
import work

from tfgan_suite.games import cyclegan, dcgan, pix2pix, srgan, wgan_gp
from tfgan_suite.networks import translators


def test_multiply_adds_of_a_pass():
    generator = dcgan.build_generator(size=16, channels=3, width=4, latent_dim=10, kernel=4)
    discriminator = dcgan.build_discriminator(size=16, channels=3, width=4, kernel=4)
    dense, up, to_image = 10 * 4 * 4 * 8, 4 * 4 * 16 * 8 * 4, 8 * 8 * 16 * 4 * 3
    assert work.network_macs(generator) == (dense + up + to_image, dense)
    first, second, logit = 8 * 8 * 16 * 3 * 4, 4 * 4 * 16 * 4 * 8, 4 * 4 * 8
    assert work.network_macs(discriminator) == (first + second + logit, first)


def test_first_layers_are_those_that_read_an_input():
    made = tensorflow_side.make_game("gan_cls", size=16, width=2)
    text, up = 1024 * 128, 228 * 16 * 32
    total, first = work.network_macs(made.generator)
    assert first == text and total > text + up
    image = 8 * 8 * 16 * 3 * 2
    assert work.network_macs(made.discriminator)[1] == image + 1024 * 128


def test_work_of_a_step():
    """DCGAN: G 3 passes, D twice 3 and 2 more, less the gradients of data and latents."""
    generator = dcgan.build_generator(size=8, width=4, latent_dim=10, kernel=4)
    discriminator = dcgan.build_discriminator(size=8, width=4, kernel=4)
    (g, g1), (d, d1) = work.network_macs(generator), work.network_macs(discriminator)
    assert work.step_flops("dcgan", generator, discriminator, 4) == 2 * 4 * (
        3 * g - g1 + 8 * d - 2 * d1
    )
    generator = wgan_gp.build_generator((8, 8, 3), "conv", 4)
    discriminator = wgan_gp.build_critic((8, 8, 3), "conv", 4)
    (g, g1), (d, d1) = work.network_macs(generator), work.network_macs(discriminator)
    discriminator_update = g + 2 * (3 * d - d1) + 4 * d
    assert work.step_flops("wgan_gp", generator, discriminator, 4) == 2 * 4 * (
        5 * discriminator_update + 3 * g - g1 + 2 * d
    )


def test_work_of_a_spectral_game():
    """SN-GAN: five updates of the discriminator, and one of the generator with twice the batch."""
    made = tensorflow_side.make_game("sngan", size=32, width=2)
    (g, g1), (d, d1) = work.network_macs(made.generator), work.network_macs(made.discriminator)
    # Four channels: shortcuts of kernel size 1 and two convolutions after each doubling.
    up = (8 * 8 + 16 * 16 + 32 * 32) * (1 + 9 + 9) * 4 * 4
    assert (g, g1) == (128 * 64 + up + 32 * 32 * 9 * 4 * 3, 128 * 64)
    image = 32 * 32 * 9 * 3 * 2 + 16 * 16 * 3 * 2
    down = 32 * 32 * 9 * 4 + 16 * 16 * (1 + 9 + 9) * 4 + 8 * 8 * 4 * 9 * 4
    assert (d, d1) == (image + down + 2, image)
    flops = work.step_flops("sngan", made.generator, made.discriminator, 4)
    assert flops == 2 * 4 * (5 * (g + 6 * d - 2 * d1) + 2 * (3 * g - g1 + 2 * d))


def test_work_of_classes():
    """CGAN: maps of 18 codes count as channels; R1 every 8 steps, in the same forward pass."""
    made = tensorflow_side.make_game("cgan", size=16, width=2)
    (g, g1), (d, d1) = work.network_macs(made.generator), work.network_macs(made.discriminator)
    first = (32 + 18) * 32
    up = 4 * 4 * 25 * (4 + 18) * 2 + 8 * 8 * 25 * (2 + 18) * 3
    assert (g, g1) == (first + (32 + 18) * 64 + up, first)
    image, down = 8 * 8 * 25 * (3 + 18) * 2, 4 * 4 * 25 * (2 + 18) * 4
    assert (d, d1) == (image + down + (64 + 18) * 32 + 32 + 18, image)
    flops = work.step_flops("cgan", made.generator, made.discriminator, 4, made=made)
    assert flops == 2 * 4 * (3 * g - g1 + 8 * d - 2 * d1 + 3 * d / 8)


def test_work_of_codes():
    """InfoGAN: as CGAN, and Q forward and back in both updates."""
    made = tensorflow_side.make_game("infogan", size=16, width=2)
    (g, g1), (d, d1) = work.network_macs(made.generator), work.network_macs(made.discriminator)
    first = 44 * 32
    assert (g, g1) == (first + 32 * 64 + 4 * 4 * 16 * 4 * 2 + 8 * 8 * 16 * 2 * 3, first)
    image = 8 * 8 * 16 * 3 * 2
    assert (d, d1) == (image + 4 * 4 * 16 * 2 * 4 + 64 * 32 + 32, image)
    q = 32 * 4 + 4 * 12
    flops = work.step_flops("infogan", made.generator, made.discriminator, 4, made=made)
    assert flops == 2 * 4 * (3 * g - g1 + 8 * d - 2 * d1 + 3 * d / 8 + 5 * q)


def test_work_of_styles():
    """Modulated convolutions count as others; R1 and R2 every 8 steps, in the same forward pass."""
    made = tensorflow_side.make_game("stylegan2", size=8, width=2)
    m, m1 = work.network_macs(made.mapping(made.generator))
    assert (m, m1) == (8 * 128 + 3 * 128 * 128, 8 * 128)
    # Channels: 4 at 4 pixels, 2 at 8; a transposed convolution counts once per pixel of its input.
    styles = 128 * (4 + 4 + 4 + 2 + 2)
    convolutions = 9 * (16 * 4 * 4 + 16 * 4 * 2 + 64 * 2 * 2) + 3 * (16 * 4 + 64 * 2)
    demodulations = 4 * 4 + 4 * 2 + 2 * 2
    synthesis = made.generator.get_layer("synthesis")
    s = styles + convolutions + demodulations
    assert work.network_macs(synthesis)[0] == s
    d, d1 = work.network_macs(made.discriminator)
    down = 64 * 9 * 4 * 4 + 16 * 9 * 4 * 8 + 16 * 4 * 8
    assert d1 == 64 * 3 * 4
    assert d == d1 + down + 16 * 9 * 9 * 8 + 16 * 8 * 8 + 8
    flops = work.step_flops("stylegan2", made.generator, made.discriminator, 3, 8, made)
    drawn = 8 * m - 2 * m1 + 4 * s
    assert flops == 2 * 3 * (drawn + 9 * d - 2 * d1 + 2 * 3 * d / 8)


def test_multiply_adds_of_translators():
    """They take any size, so the size says how often a weight is used."""
    unet = translators.build_unet((32, 32, 3), width=2)
    first = 16 * 16 * 4 * 4 * 3 * 2
    down = [8 * 8 * 2 * 4, 4 * 4 * 4 * 8, 2 * 2 * 8 * 16, 16 * 16]
    up = [16 * 16, 2 * 2 * 32 * 8, 4 * 4 * 16 * 4, 8 * 8 * 8 * 2, 16 * 16 * 4 * 3]
    assert work.network_macs(unet, 32) == (first + 16 * sum(down + up), first)
    resnet = cyclegan.build_generator((32, 32, 3), 2, blocks=1)
    first = 32 * 32 * 7 * 7 * 3 * 2
    strided = 16 * 16 * 2 * 4 + 8 * 8 * 4 * 8
    doubled = 8 * 8 * 8 * 4 + 16 * 16 * 4 * 2
    threes = 9 * (strided + 2 * 8 * 8 * 8 * 8 + doubled)
    assert work.network_macs(resnet, 32) == (2 * first + threes, first)
    discriminator = pix2pix.build_discriminator((32, 32, 3), width=2)
    first = 16 * 16 * 4 * 4 * 6 * 2
    rest = [8 * 8 * 2 * 4, 4 * 4 * 4 * 8, 3 * 3 * 8 * 16, 2 * 2 * 16]
    assert work.network_macs(discriminator, 32) == (first + 16 * sum(rest), first)


def test_work_of_a_translators_step():
    """pix2pix: as DCGAN. CycleGAN: six passes of a generator and of a discriminator."""
    unet = translators.build_unet((32, 32, 3), width=2)
    discriminator = pix2pix.build_discriminator((32, 32, 3), width=2)
    (g, g1), (d, d1) = work.network_macs(unet, 32), work.network_macs(discriminator, 32)
    flops = work.step_flops("pix2pix", unet, discriminator, 3, 32)
    assert flops == 2 * 3 * (3 * g - g1 + 8 * d - 2 * d1)
    resnet = cyclegan.build_generator((32, 32, 3), 2, blocks=1)
    discriminator = cyclegan.build_discriminator(3, 2)
    (g, g1), (d, d1) = work.network_macs(resnet, 32), work.network_macs(discriminator, 32)
    # Six translations; of two of them (those back) the input has a gradient too. Two judgements
    # move generators, four move discriminators.
    flops = work.step_flops("cyclegan", resnet, discriminator, 1, 32)
    assert flops == 2 * (18 * g - 4 * g1 + 2 * 2 * d + 4 * (3 * d - d1))
    with pytest.raises(ValueError, match="'chess'"):
        work.step_flops("chess", resnet, discriminator, 1, 32)


def test_multiply_adds_of_what_enlarges():
    network = srgan.build_generator(width=4, blocks=2)
    first, threes = 64 * 81 * 3 * 4, 64 * 9 * 4 * 4 * 5
    up = 64 * 9 * 4 * 16 + 256 * 9 * 4 * 16
    total = first + threes + up + 1024 * 81 * 4 * 3
    assert work.network_macs(network, 8) == (total, first)
    assert work.step_flops("srresnet", network, None, 5, 8) == 2 * 5 * (3 * total - first)
