"""SRResNet in PyTorch, to measure against: see `torch_game`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch_game import Game


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


GAMES = {"srresnet": SRResNet}
