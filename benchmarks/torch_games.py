"""The networks and steps of the suite's games in PyTorch, to measure against.

Same layers, sizes, parameters and order of computation as `tfgan_suite.games`. Where the "same"
padding of TensorFlow is uneven (5x5, stride 2) PyTorch pads evenly and cuts the border: the same
work for an image shifted by one pixel. Only torch is imported here.

Arguments are `speed.py`'s flags, with the same names: size (height and width of the images),
width (channels after the first convolution of a translator or discriminator; for other networks
see `tfgan_suite.games`), kernel (4 or 5), blocks (residual blocks), pool (images in each pool; 0:
none).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional


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


class Block(nn.Module):
    """Two convolutions with batch norm, PReLU between them, and the block's input added."""

    def __init__(self, width: int):
        super().__init__()
        layers = [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.PReLU(width)]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class SRNet(nn.Module):
    """`tfgan_suite.networks.super_resolution.build_generator` in the paper's form, factor 4."""

    def __init__(self, width: int, blocks: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU(width))
        body = [Block(width) for _ in range(blocks)]
        body += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)]
        self.body = nn.Sequential(*body)
        layers = []
        for _ in range(2):
            layers += [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2)]
            layers.append(nn.PReLU(width))
        self.last = nn.Sequential(*layers, nn.Conv2d(width, 3, 9, padding=4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return self.last(x + self.body(x))


class Player:
    """Networks that share one Adam with the options `adam`. A call applies the first of them."""

    def __init__(
        self, networks: tuple[nn.Module, ...], memory_format: torch.memory_format, adam: dict
    ):
        self.networks = nn.ModuleList(networks).to(memory_format=memory_format)
        for module in self.networks.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.normal_(module.weight, 0.0, 0.02)
        self.adam = torch.optim.Adam(self.networks.parameters(), **adam)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.networks[0](x)

    def minimize(self, loss: torch.Tensor) -> None:
        """One gradient step on a loss."""
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Skips the gradients of this player's weights, which PyTorch would compute in vain."""
        self.networks.requires_grad_(False)
        try:
            yield
        finally:
            self.networks.requires_grad_(True)


class Game:
    """A game as a PyTorch user writes it: eager mode, PyTorch's Adam, autocast for bfloat16.

    Args:
        batch: real examples of one discriminator update; of each domain if there are two.
        precision: `"float32"` or `"bfloat16"`.
        layout: `"channels_last"` or `"contiguous"`.
        adam: `"default"` or `"fused"`.
    """

    learning_rate, betas = 2e-4, (0.5, 0.999)
    batches_per_step = 1

    def __init__(
        self,
        batch: int,
        precision: str = "float32",
        layout: str = "channels_last",
        adam: str = "default",
    ):
        self.batch, self.bfloat16 = batch, precision == "bfloat16"
        self.channels_last = layout == "channels_last"
        self.format = torch.channels_last if self.channels_last else torch.contiguous_format
        # None leaves the choice to PyTorch, which loops over tensors on CPUs.
        self.adam = {
            "lr": self.learning_rate,
            "betas": self.betas,
            "fused": adam == "fused" or None,
        }
        self.players: dict[str, Player] = {}

    def player(self, name: str, *networks: nn.Module) -> Player:
        """A new player of these networks."""
        self.players[name] = Player(networks, self.format, self.adam)
        return self.players[name]

    def images(self, count: int, size: int) -> torch.Tensor:
        """Random images in [-1, 1]."""
        return (torch.rand(count, 3, size, size) * 2 - 1).to(memory_format=self.format)

    def autocast(self) -> torch.autocast:
        """The precision of forward passes."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16)

    def tensors(self) -> dict[str, list[int]]:
        """Trainable numbers in every tensor of each player, from few to many."""
        return {
            name: sorted(tensor.numel() for tensor in player.networks.parameters())
            for name, player in self.players.items()
        }

    def step(self) -> dict[str, torch.Tensor]:
        """One training step on the images in memory; returns its losses."""
        raise NotImplementedError


class LatentGame(Game):
    """What DCGAN and WGAN-GP share; sizes are 4 times a power of 2."""

    latent_dim = 100
    generator_bias, opponent_norm = False, True
    opponent_name = "discriminator"

    def __init__(self, size: int, width: int, kernel: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        settings = self.latent_dim, self.generator_bias, self.channels_last
        self.generator = self.player("generator", _generator(size, width, kernel, *settings))
        self.opponent = self.player(
            self.opponent_name, _discriminator(size, width, kernel, self.opponent_norm)
        )
        self.real = self.images(batch * self.batches_per_step, size)

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


class SRResNet(Game):
    """`tfgan_suite.games.srgan.SRResNet` as in the paper: mean squared error of pixels."""

    learning_rate, betas = 1e-4, (0.9, 0.999)

    def __init__(self, size: int, width: int, blocks: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        self.generator = self.player("generator", SRNet(width, blocks))
        self.low, self.high = self.images(batch, size // 4), self.images(batch, size)

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            upscaled = self.generator(self.low)
        loss = (upscaled.float() - self.high).square().mean()
        self.generator.minimize(loss)
        return {"generator/pixel": loss.detach()}

    def upscale(self) -> torch.Tensor:
        """One forward pass without gradients."""
        with torch.inference_mode(), self.autocast():
            return self.generator(self.low)


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


GAMES = {
    "dcgan": DCGAN,
    "wgan_gp": WGANGP,
    "pix2pix": Pix2Pix,
    "cyclegan": CycleGAN,
    "srresnet": SRResNet,
}
