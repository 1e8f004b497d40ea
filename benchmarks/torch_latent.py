"""DCGAN, WGAN-GP, SN-GAN and InfoGAN in PyTorch, to measure against: see `torch_game`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch_game import Game, zero_centred

R1_WEIGHT, R1_EVERY, AVERAGE_DECAY = 0.25, 8, 0.998  # of several recipes


class Unflatten(nn.Module):
    """Reshapes `(batch, base * base * channels)` to `(batch, channels, base, base)`, as a view."""

    def __init__(self, base: int, channels_last: bool):
        super().__init__()
        self.base, self.channels_last = base, channels_last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.channels_last:
            return x.view(len(x), -1, self.base, self.base)
        return x.view(len(x), self.base, self.base, -1).permute(0, 3, 1, 2)


def _generator(
    size: int, width: int, kernel: int, latent_dim: int, bias: bool, channels_last: bool
) -> nn.Module:
    doublings = (size // 4).bit_length() - 1
    filters = width << (doublings - 1)
    layers = [nn.Linear(latent_dim, 16 * filters, bias=bias), Unflatten(4, channels_last)]
    for level in range(doublings):
        after = 3 if level == doublings - 1 else filters // 2
        padding = (kernel - 1) // 2
        layers += [
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(filters, after, kernel, 2, padding, kernel % 2, bias=bias),
        ]
        filters = after
    return nn.Sequential(*layers, nn.Tanh())


def _discriminator(size: int, width: int, kernel: int, norm: bool) -> nn.Module:
    halvings = (size // 4).bit_length() - 1
    layers, before = [], 3
    for level in range(halvings):
        normed = norm and level > 0
        after = width << level
        layers.append(nn.Conv2d(before, after, kernel, 2, (kernel - 1) // 2, bias=not normed))
        layers += [nn.BatchNorm2d(after)] if normed else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = after
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * before, 1))


class LatentGame(Game):
    """What games of noise share; sizes are 4 times a power of 2."""

    latent_dim = 100
    generator_bias, opponent_norm = False, True
    opponent_name = "discriminator"

    def __init__(self, size: int, width: int, batch: int, *, kernel: int = 4, **form: Any):
        super().__init__(batch, **form)
        generator, *opponents = self._networks(size, width, kernel)
        self.generator = self.player("generator", generator)
        self.opponent = self.player(self.opponent_name, *opponents)
        self.real = self.images(batch * self.batches_per_step, size)

    def _networks(self, size: int, width: int, kernel: int) -> tuple[nn.Module, nn.Module]:
        settings = self.latent_dim, self.generator_bias, self.channels_last
        generator = _generator(size, width, kernel, *settings)
        return generator, _discriminator(size, width, kernel, self.opponent_norm)

    def _update_generator(
        self, fake: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        with self.opponent.frozen():
            with self.autocast():
                value = loss(self.opponent(fake).float())
            self.generator.minimize(value)
        return value.detach()


class DCGAN(LatentGame):
    """`tfgan_suite.games.dcgan`: batch norm in both networks, softplus losses, one fake batch."""

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            fake = self.generator(torch.rand(self.batch, self.latent_dim) * 2 - 1)
            real_loss = functional.softplus(-self.opponent(self.real).float()).mean()
            fake_loss = functional.softplus(self.opponent(fake.detach()).float()).mean()
        self.opponent.minimize(real_loss + fake_loss)
        generator_loss = self._update_generator(fake, lambda a: functional.softplus(-a).mean())
        terms = {"discriminator/real": real_loss.detach(), "discriminator/fake": fake_loss.detach()}
        return {"generator/adversarial": generator_loss, **terms}


class WGANGP(LatentGame):
    """`tfgan_suite.games.wgan_gp`, convolutional: five critic updates with a gradient penalty."""

    latent_dim = 128
    betas = (0.0, 0.9)
    generator_bias, opponent_norm = True, False
    opponent_name = "critic"
    batches_per_step = 5

    def step(self) -> dict[str, torch.Tensor]:
        for turn in range(self.batches_per_step):
            real = self.real[turn * self.batch : (turn + 1) * self.batch]
            wasserstein, penalty = self._update_critic(real)
        with self.autocast():
            fake = self.generator(torch.randn(self.batch, self.latent_dim))
        loss = self._update_generator(fake, lambda a: -a.mean())
        terms = {"critic/wasserstein": wasserstein, "critic/penalty": penalty}
        return {"generator/adversarial": loss, **terms}

    def _update_critic(self, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad(), self.autocast():
            fake = self.generator(torch.randn(self.batch, self.latent_dim)).float()
        share = torch.rand(self.batch, 1, 1, 1)
        points = (share * real + (1 - share) * fake).requires_grad_(True)
        with self.autocast():
            values = self.opponent(points).float().sum()
            (slopes,) = torch.autograd.grad(values, points, create_graph=True)
            lengths = (slopes.float().square().sum((1, 2, 3)) + 1e-12).sqrt()
            penalty = 10.0 * (lengths - 1).square().mean()
            distance = self.opponent(fake).float().mean() - self.opponent(real).float().mean()
        self.opponent.minimize(distance + penalty)
        return distance.detach(), penalty.detach()


# ---- SN-GAN ---------------------------------------------------------------------------------


class Spectral(nn.Module):
    """Mixin: the weight over its largest singular value, |W u| with u from power iterations."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.register_buffer("u", functional.normalize(torch.randn(len(self.weight)), dim=0))

    @torch.no_grad()
    def iterate(self) -> None:
        """One power iteration."""
        matrix = self.weight.flatten(1)
        self.u.copy_(functional.normalize(matrix @ (self.u @ matrix), dim=0))

    def normalized(self) -> torch.Tensor:
        """The weight, divided in float32; the derivative of |W u| by W is that of v^T W u."""
        with torch.autocast("cpu", enabled=False):
            return self.weight / (self.u @ self.weight.flatten(1)).norm()


class SpectralConv2d(Spectral, nn.Conv2d):
    """A convolution with its kernel divided."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.normalized(), self.bias)


class SpectralLinear(Spectral, nn.Linear):
    """A dense layer with its kernel divided."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.normalized(), self.bias)


class UpBlock(nn.Module):
    """Norm, ReLU, doubling, conv3, norm, ReLU, conv3, beside doubling and conv1."""

    def __init__(self, channels: int):
        super().__init__()
        self.shortcut = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, channels, 1))
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(x) + self.layers(x)


class DownBlock(nn.Module):
    """ReLU, conv3, ReLU, conv3 and, where it halves, a mean of 2x2, beside conv1 or nothing."""

    def __init__(self, before: int, after: int, halve: bool):
        super().__init__()
        self.first, pool = before == 3, [nn.AvgPool2d(2)] if halve else []
        convolution = [SpectralConv2d(before, after, 1)] if halve else []
        # The first block halves before its shortcut's convolution.
        self.shortcut = nn.Sequential(*(pool + convolution if self.first else convolution + pool))
        self.layers = nn.Sequential(
            SpectralConv2d(before, after, 3, padding=1),
            nn.ReLU(inplace=True),
            SpectralConv2d(after, after, 3, padding=1),
            *pool,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Raw pixels are not rectified.
        return self.shortcut(x) + self.layers(x if self.first else functional.relu(x))


def residual_generator(width: int, latent_dim: int, channels_last: bool) -> nn.Module:
    """`tfgan_suite.games.sngan.build_generator`, its ResNet for 32 pixels."""
    layers = [nn.Linear(latent_dim, 16 * width), Unflatten(4, channels_last)]
    layers += [UpBlock(width) for _ in range(3)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, 3, 3, padding=1)]
    return nn.Sequential(*layers, nn.Tanh())


class ResidualDiscriminator(nn.Module):
    """`tfgan_suite.games.sngan.build_discriminator`, its ResNet for 32 pixels."""

    def __init__(self, width: int):
        super().__init__()
        plan = [(3, True), (width, True), (width, False), (width, False)]
        self.blocks = nn.Sequential(*(DownBlock(before, width, halve) for before, halve in plan))
        self.value = SpectralLinear(width, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.value(functional.relu(self.blocks(x)).float().sum((2, 3)))


class SNGAN(LatentGame):
    """`tfgan_suite.games.sngan` with ResNets: hinge loss, five updates of a spectral network."""

    latent_dim = 128
    betas = (0.0, 0.9)
    batches_per_step = 5

    def _networks(self, size: int, width: int, kernel: int) -> tuple[nn.Module, nn.Module]:
        generator = residual_generator(2 * width, self.latent_dim, self.channels_last)
        return generator, ResidualDiscriminator(width)

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            fake = self.generator(torch.randn(2 * self.batch, self.latent_dim))
        loss = self._update_generator(fake, lambda a: -a.mean())
        for turn in range(self.batches_per_step):
            real = self.real[turn * self.batch : (turn + 1) * self.batch]
            with torch.no_grad(), self.autocast():
                fake = self.generator(torch.randn(self.batch, self.latent_dim))
            for layer in self.opponent.networks.modules():
                if isinstance(layer, Spectral):
                    layer.iterate()
            with self.autocast():
                real_loss = functional.relu(1 - self.opponent(real).float()).mean()
                fake_loss = functional.relu(1 + self.opponent(fake).float()).mean()
            self.opponent.minimize(real_loss + fake_loss)
        terms = {"discriminator/real": real_loss.detach(), "discriminator/fake": fake_loss.detach()}
        return {"generator/adversarial": loss, **terms}


# ---- InfoGAN --------------------------------------------------------------------------------


def coded_generator(size: int, width: int, latent_dim: int, channels_last: bool) -> nn.Module:
    """`tfgan_suite.games.infogan.build_generator`."""
    doublings = (size // 4).bit_length() - 1
    channels = [width << level for level in range(doublings)][::-1]
    layers, before = [], latent_dim
    for units in (16 * width, 16 * channels[0]):
        layers += [nn.Linear(before, units, bias=False), nn.BatchNorm1d(units)]
        layers += [nn.ReLU(inplace=True)]
        before = units
    layers.append(Unflatten(4, channels_last))
    for before, after in zip(channels, channels[1:]):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh())


def trunk_and_logit(size: int, width: int) -> nn.Sequential:
    """`tfgan_suite.games.infogan.build_discriminator` without norms: the trunk, the last layer."""
    layers, before = [], 3
    for level in range((size // 4).bit_length() - 1):
        layers += [nn.Conv2d(before, width << level, 4, 2, 1), nn.LeakyReLU(0.1, inplace=True)]
        before = width << level
    layers += [nn.Flatten(), nn.Linear(16 * before, 16 * width), nn.LeakyReLU(0.1)]
    return nn.Sequential(nn.Sequential(*layers), nn.Linear(16 * width, 1))


class InfoGAN(LatentGame):
    """`recipes/infogan.py`: Q on the discriminator's trunk, R1 every 8 steps, averaged weights."""

    learning_rate, betas = 1e-3, (0.0, 0.99)
    period = R1_EVERY
    noise_dim, classes, continuous = 32, 10, 2
    lambdas = 1.0, 0.1

    def __init__(self, *setting: int, **form: Any):
        super().__init__(*setting, **form)
        self.steps, self.weights = 0, list(self.generator.networks.parameters())
        self.averages = [weight.detach().clone() for weight in self.weights]

    def _networks(self, size: int, width: int, kernel: int) -> tuple[nn.Module, ...]:
        latent_dim = self.noise_dim + self.classes + self.continuous
        recognition = nn.Sequential(
            nn.Linear(16 * width, 2 * width),
            nn.LeakyReLU(0.1),
            nn.Linear(2 * width, self.classes + self.continuous),
        )
        generator = coded_generator(size, width, latent_dim, self.channels_last)
        return generator, trunk_and_logit(size, width), recognition

    def step(self) -> dict[str, torch.Tensor]:
        z, continuous = (
            torch.rand(self.batch, n) * 2 - 1 for n in (self.noise_dim, self.continuous)
        )
        category = torch.randint(self.classes, (self.batch,))
        one_hot = functional.one_hot(category, self.classes).float()
        with self.autocast():
            fake = self.generator(torch.cat([z, one_hot, continuous], 1))
        logs = self._update_opponent(fake.detach(), category, continuous)
        with self.opponent.frozen():
            with self.autocast():
                logits, q_params = self._score_and_read(fake)
                loss = functional.softplus(-logits).mean()
                information = self._information(q_params, category, continuous)[0]
            self.generator.minimize(loss - information)
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.weights, 1.0 - AVERAGE_DECAY)
        self.steps += 1
        terms = {"adversarial": loss.detach(), "information": -information.detach()}
        return {**{f"generator/{name}": value for name, value in terms.items()}, **logs}

    def _score_and_read(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and Q's parameters, of one pass through the trunk."""
        (trunk, logit), recognition = self.opponent.networks
        features = trunk(images)
        return logit(features).float(), recognition(features).float()

    def _information(
        self, q_params: torch.Tensor, category: torch.Tensor, continuous: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """The weighted sum of both parts of the bound, and the parts; deviations are 1."""
        logits, mean = q_params.split([self.classes, self.continuous], 1)
        mi_cat = math.log(self.classes) - functional.cross_entropy(logits, category)
        squares = (continuous - mean).square().sum(1).mean()
        constant = self.continuous * (math.log(2.0) - 0.5 * math.log(2.0 * math.pi))
        mi_cont = constant - 0.5 * squares
        return self.lambdas[0] * mi_cat + self.lambdas[1] * mi_cont, mi_cat, mi_cont

    def _update_opponent(
        self, fake: torch.Tensor, category: torch.Tensor, continuous: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        due = self.steps % R1_EVERY == 0
        real, terms = self.real.detach().requires_grad_(due), {"r1": torch.zeros(())}
        with self.autocast():
            scores = self.opponent(real).float()
            logits, q_params = self._score_and_read(fake)
            terms["real"] = functional.softplus(-scores).mean()
            terms["fake"] = functional.softplus(logits).mean()
            information, *parts = self._information(q_params, category, continuous)
            terms["information"] = -information
            if due:
                terms["r1"] = R1_WEIGHT * R1_EVERY * zero_centred(scores, real)
        self.opponent.minimize(sum(terms.values()))
        terms.update(zip(("mi_cat", "mi_cont"), parts))
        hits = q_params[:, : self.classes].argmax(1) == category
        terms["code_accuracy"] = hits.float().mean()
        return {f"discriminator/{name}": value.detach() for name, value in terms.items()}


GAMES = {"dcgan": DCGAN, "wgan_gp": WGANGP, "sngan": SNGAN, "infogan": InfoGAN}
