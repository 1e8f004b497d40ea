"""The networks and steps of the suite's games in PyTorch, to measure against.

Same layers, sizes, parameters and order of computation as `tfgan_suite.games`. Where the "same"
padding of TensorFlow is uneven (5x5, stride 2) PyTorch pads evenly and cuts the border: the same
work for a picture shifted by one pixel. Only torch is imported here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


class Unflatten(nn.Module):
    """`(batch, base * base * channels)` to `(batch, channels, base, base)`, free in channels-last.

    Args:
        base: height and width.
        channels_last: whether the result lies in memory with the channels last.
    """

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


def _critic(size: int, width: int, kernel: int, norm: bool) -> nn.Module:
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


class Game:
    """A game as a PyTorch user writes it: eager mode, PyTorch's Adam, autocast for bfloat16.

    Args:
        size: height and width of the pictures, 4 times a power of 2.
        width: as in `tfgan_suite.games`.
        kernel: kernel size, 4 or 5.
        batch: real pictures that one critic update sees.
        precision: `"float32"` or `"bfloat16"`.
        layout: `"channels_last"` or `"contiguous"`.
        adam: `"default"` or `"fused"`.
    """

    latent_dim = 100
    rate, betas = 2e-4, (0.5, 0.999)
    generator_bias, critic_norm = False, True

    def __init__(
        self,
        size: int,
        width: int,
        kernel: int,
        batch: int,
        precision: str = "float32",
        layout: str = "channels_last",
        adam: str = "default",
    ):
        last = layout == "channels_last"
        self.format = torch.channels_last if last else torch.contiguous_format
        self.generator = _generator(
            size, width, kernel, self.latent_dim, self.generator_bias, last
        ).to(memory_format=self.format)
        self.critic = _critic(size, width, kernel, self.critic_norm).to(memory_format=self.format)
        for module in (*self.generator.modules(), *self.critic.modules()):
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.normal_(module.weight, 0.0, 0.02)
        # None leaves the choice to PyTorch, which on CPUs takes the loop over tensors.
        options = {"lr": self.rate, "betas": self.betas, "fused": adam == "fused" or None}
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), **options)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), **options)
        self.batch, self.bfloat16 = batch, precision == "bfloat16"
        pictures = torch.rand(self.batch * self.critic_steps, 3, size, size) * 2 - 1
        self.real = pictures.to(memory_format=self.format)

    critic_steps = 1

    def autocast(self) -> torch.autocast:
        """The precision of forward passes."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16)

    def parameters(self) -> dict[str, int]:
        """Trainable numbers of each player."""
        players = {"generator": self.generator, "critic": self.critic}
        return {name: sum(p.numel() for p in net.parameters()) for name, net in players.items()}

    def step(self) -> dict[str, torch.Tensor]:
        """One training step on the pictures in memory; returns its losses."""
        raise NotImplementedError

    def _update_generator(
        self, fake: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        # Without this PyTorch computes gradients of the critic's weights that nobody uses.
        self.critic.requires_grad_(False)
        with self.autocast():
            value = loss(self.critic(fake).float())
        self.generator_adam.zero_grad()
        value.backward()
        self.generator_adam.step()
        self.critic.requires_grad_(True)
        return value.detach()


class DCGAN(Game):
    """`tfgan_suite.games.dcgan`: batch norm in both nets, softplus losses, one fake batch."""

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            fake = self.generator(torch.rand(self.batch, self.latent_dim) * 2 - 1)
            real_loss = functional.softplus(-self.critic(self.real).float()).mean()
            fake_loss = functional.softplus(self.critic(fake.detach()).float()).mean()
        self.critic_adam.zero_grad()
        (real_loss + fake_loss).backward()
        self.critic_adam.step()
        generator_loss = self._update_generator(fake, lambda a: functional.softplus(-a).mean())
        return {
            "generator/adversarial": generator_loss,
            "critic/real": real_loss.detach(),
            "critic/fake": fake_loss.detach(),
        }


class WGANGP(Game):
    """`tfgan_suite.games.wgan_gp`, convolutional: five critic updates with a gradient penalty."""

    latent_dim = 128
    betas = (0.0, 0.9)
    generator_bias, critic_norm = True, False
    critic_steps = 5

    def step(self) -> dict[str, torch.Tensor]:
        for turn in range(self.critic_steps):
            real = self.real[turn * self.batch : (turn + 1) * self.batch]
            wasserstein, penalty = self._update_critic(real)
        with self.autocast():
            fake = self.generator(torch.randn(self.batch, self.latent_dim))
        loss = self._update_generator(fake, lambda a: -a.mean())
        return {
            "generator/adversarial": loss,
            "critic/wasserstein": wasserstein,
            "critic/penalty": penalty,
        }

    def _update_critic(self, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad(), self.autocast():
            fake = self.generator(torch.randn(self.batch, self.latent_dim)).float()
        share = torch.rand(self.batch, 1, 1, 1)
        points = (share * real + (1 - share) * fake).requires_grad_(True)
        with self.autocast():
            values = self.critic(points).float().sum()
            (slopes,) = torch.autograd.grad(values, points, create_graph=True)
            lengths = (slopes.float().square().sum((1, 2, 3)) + 1e-12).sqrt()
            penalty = 10.0 * (lengths - 1).square().mean()
            distance = self.critic(fake).float().mean() - self.critic(real).float().mean()
        self.critic_adam.zero_grad()
        (distance + penalty).backward()
        self.critic_adam.step()
        return distance.detach(), penalty.detach()


GAMES = {"dcgan": DCGAN, "wgan_gp": WGANGP}
