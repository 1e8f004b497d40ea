"""What all games in PyTorch share: networks with an optimizer, precision, layout.

The suite's games are in `torch_latent`, `torch_translation`, `torch_enlarging`,
`torch_conditional` and `torch_style`, to measure against: same layers, sizes, parameters and order
of computation as `tfgan_suite.games`. Where the "same" padding of TensorFlow is uneven (5x5, stride
2) PyTorch pads evenly and cuts the border: the same work for an image shifted by one pixel. Only
torch is imported there.

Arguments are `speed.py`'s flags, with the same names: size (height and width of the images),
width (channels after the first convolution of a translator or discriminator; for other networks
see `tfgan_suite.games`), kernel (4 or 5), blocks (residual blocks), pool (images in each pool; 0:
none).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


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


def zero_centred(scores: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """`E |grad D(x)|^2 / 2` of scores `(batch, 1)` of images `(batch, channels, height, width)`."""
    (slopes,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return 0.5 * slopes.float().square().sum((1, 2, 3)).mean()


class Game:
    """A game as a PyTorch user writes it: eager mode, PyTorch's Adam, autocast for bfloat16.

    Args:
        batch: real examples of one discriminator update; of each domain if there are two.
        precision: `"float32"` or `"bfloat16"`.
        layout: `"channels_last"` or `"contiguous"`.
        adam: `"fused"`, the faster one, or `"default"`, which loops over the tensors.
    """

    learning_rate, betas = 2e-4, (0.5, 0.999)
    batches_per_step = 1
    # Steps after which their costs repeat.
    period = 1

    def __init__(
        self,
        batch: int,
        precision: str = "float32",
        layout: str = "channels_last",
        adam: str = "fused",
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
