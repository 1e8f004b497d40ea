"""pix2pix and CycleGAN in PyTorch, to measure against: see `torch_game`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch_game import Game


def _norm(kind: str, channels: int) -> nn.Module:
    """The norms of translators: statistics of the batch at hand, no moving averages."""
    if kind == "batch":
        return nn.BatchNorm2d(channels, track_running_stats=False)
    return nn.InstanceNorm2d(channels)


class UNet(nn.Module):
    """`tfgan_suite.networks.translators.build_unet` with batch norm and dropout.

    The leaky ReLUs do not work in place: skips carry maps before their activation, as there.
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        depth = min(8, size.bit_length() - 1)
        filters = [width << min(level, 3) for level in range(depth)]
        self.down = nn.ModuleList([nn.Conv2d(3, width, 4, 2, 1, bias=False)])
        for level in range(1, depth):
            before, after = filters[level - 1 : level + 1]
            layers = [nn.LeakyReLU(0.2), nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [_norm("batch", after)] if level < depth - 1 else []
            self.down.append(nn.Sequential(*layers))
        self.up, before = nn.ModuleList(), filters[-1]
        for turn, after in enumerate(reversed(filters[:-1])):
            layers = [
                nn.ReLU(inplace=True),
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                _norm("batch", after),
            ]
            layers += [nn.Dropout(0.5)] if turn < min(3, max(depth - 4, 1)) else []
            self.up.append(nn.Sequential(*layers))
            before = 2 * after
        last = nn.ConvTranspose2d(before, 3, 4, 2, 1)
        self.to_image = nn.Sequential(nn.ReLU(inplace=True), last, nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        maps.pop()
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], 1)
        return self.to_image(x)


class Residual(nn.Module):
    """Two convolutions whose output is added to their input."""

    def __init__(self, channels: int):
        super().__init__()
        layers = []
        for _ in range(2):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3)]
            layers += [_norm("instance", channels), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


def resnet_translator(width: int, blocks: int) -> nn.Module:
    """`tfgan_suite.networks.translators.build_resnet_translator` with instance norm."""
    layers, before = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)], width
    for after in (2 * width, 4 * width):
        layers += [_norm("instance", before), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(before, after, 3, 2, 1))
        before = after
    layers += [_norm("instance", before), nn.ReLU(inplace=True)]
    layers += [Residual(before) for _ in range(blocks)]
    for after in (2 * width, width):
        layers.append(nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1))
        layers += [_norm("instance", after), nn.ReLU(inplace=True)]
        before = after
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def patch_discriminator(channels: int, width: int, norm: str) -> nn.Module:
    """`tfgan_suite.networks.translators.build_patch_discriminator`: patches of 70 pixels."""
    layers, before = [], channels
    for level in range(4):
        after, bias = width << level, level == 0 or norm != "batch"
        layers.append(nn.Conv2d(before, after, 4, 2 if level < 3 else 1, 1, bias=bias))
        layers += [_norm(norm, after)] if level else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 4, 1, 1))


class Pix2Pix(Game):
    """`tfgan_suite.games.pix2pix` as in the paper: U-Net, conditional PatchGAN, 100 times L1."""

    loss_names = (
        "generator/l1",
        "generator/adversarial",
        "discriminator/real",
        "discriminator/fake",
    )

    def __init__(self, size: int, width: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        self.generator = self.player("generator", UNet(size, width))
        self.discriminator = self.player("discriminator", patch_discriminator(6, width, "batch"))
        self.source, self.target = (self.images(batch, size) for _ in range(2))

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            fake = self.generator(self.source)
            real_loss = 0.5 * functional.softplus(-self._discriminate(self.target)).mean()
            fake_loss = 0.5 * functional.softplus(self._discriminate(fake.detach())).mean()
        self.discriminator.minimize(real_loss + fake_loss)
        with self.discriminator.frozen():
            with self.autocast():
                adversarial = functional.softplus(-self._discriminate(fake)).mean()
                l1 = 100.0 * functional.l1_loss(fake.float(), self.target)
            self.generator.minimize(adversarial + l1)
        values = (value.detach() for value in (l1, adversarial, real_loss, fake_loss))
        return dict(zip(self.loss_names, values))

    def _discriminate(self, image: torch.Tensor) -> torch.Tensor:
        return self.discriminator(torch.cat([self.source, image], 1)).float()


class CycleGAN(Game):
    """`tfgan_suite.games.cyclegan`: least squares, cycle 10, identity 0.5, pools that are full."""

    def __init__(self, size: int, width: int, blocks: int, pool: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        # The first network of each player generates B or judges it.
        generators = (resnet_translator(width, blocks) for _ in range(2))
        self.generators = self.player("generators", *generators)
        discriminators = (patch_discriminator(3, width, "instance") for _ in range(2))
        self.discriminators = self.player("discriminators", *discriminators)
        self.a, self.b = (self.images(batch, size) for _ in range(2))
        self.pools = [[self.images(1, size) for _ in range(pool)] for _ in range(2)]

    def step(self) -> dict[str, torch.Tensor]:
        (g, f), distance = self.generators.networks, functional.l1_loss
        terms: dict[str, torch.Tensor] = {}
        with self.discriminators.frozen():
            with self.autocast():
                fakes = g(self.a), f(self.b)
                for domain, discriminator, fake in zip("ba", self.discriminators.networks, fakes):
                    terms[f"adversarial_{domain}"] = self._squared_error(discriminator(fake), 1.0)
                terms["cycle_a"] = 10.0 * distance(f(fakes[0]).float(), self.a)
                terms["cycle_b"] = 10.0 * distance(g(fakes[1]).float(), self.b)
                terms["identity_b"] = 5.0 * distance(g(self.b).float(), self.b)
                terms["identity_a"] = 5.0 * distance(f(self.a).float(), self.a)
            self.generators.minimize(sum(terms.values()))
        logs = {f"generators/{name}": value.detach() for name, value in terms.items()}
        return {**logs, **self._update_discriminators(fakes)}

    def _update_discriminators(self, fakes: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
        terms: dict[str, torch.Tensor] = {}
        pooled = [exchange(pool, fake) for pool, fake in zip(self.pools, fakes)]
        with self.autocast():
            networks = self.discriminators.networks
            for domain, discriminator, real, fake in zip("ba", networks, (self.b, self.a), pooled):
                terms[f"real_{domain}"] = 0.5 * self._squared_error(discriminator(real), 1.0)
                terms[f"fake_{domain}"] = 0.5 * self._squared_error(discriminator(fake), 0.0)
        self.discriminators.minimize(sum(terms.values()))
        return {f"discriminators/{name}": value.detach() for name, value in terms.items()}

    @staticmethod
    def _squared_error(logits: torch.Tensor, label: float) -> torch.Tensor:
        return (logits.float() - label).square().mean()


def exchange(pool: list[torch.Tensor], fakes: torch.Tensor) -> torch.Tensor:
    """Fakes without gradient, each exchanged with an image of the full pool at probability 1/2."""
    fakes = fakes.detach().float()
    if not pool:
        return fakes
    images = []
    for fake in fakes.split(1):
        if float(torch.rand(())) >= 0.5:
            index = int(torch.randint(len(pool), ()))
            fake, pool[index] = pool[index], fake.clone()
        images.append(fake)
    return torch.cat(images)


GAMES = {"pix2pix": Pix2Pix, "cyclegan": CycleGAN}
