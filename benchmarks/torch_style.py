"""StyleGAN2 in PyTorch, to measure against: see `torch_game`.

The gain of an activation is part of the kernel and bias before it, which saves a pass over the
maps: sqrt 2 leaky_relu(x) = leaky_relu(sqrt 2 x).
"""

from __future__ import annotations

import math
import random
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch_game import Game

LATENT_DIM, STYLE_DIM, MAPPING_LAYERS, MAPPING_RATE, CONVOLUTION_RATE = 8, 128, 4, 1.0, 6.0
GAIN, SLOPE, EPSILON, GROUP_SIZE = math.sqrt(2.0), 0.2, 1e-8, 4
RESAMPLING = 1, 3, 3, 1
MIXING, GAMMA, PENALTY_EVERY, AVERAGE_DECAY = 0.5, 0.5, 8, 0.995


def channels(side: int, base: int, most: int) -> int:
    """Channels of maps of a size."""
    return min(2 * base // side, most)


class Linear(nn.Module):
    """A dense layer with an equalized learning rate and a gain."""

    def __init__(self, before: int, after: int, bias: float = 0.0, gain: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before))
        self.bias = nn.Parameter(torch.full((after,), bias))
        self.scale, self.gain = gain / math.sqrt(before), gain

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = self.bias if self.gain == 1.0 else self.bias * self.gain
        return functional.linear(x, self.weight * self.scale, bias)


class Convolution(nn.Module):
    """A convolution with an equalized learning rate and a gain."""

    def __init__(
        self, before: int, after: int, size: int, bias: bool = True, gain: float = 1.0, **options
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, size, size))
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None
        self.scale, self.gain = gain / math.sqrt(before * size**2), gain
        self.options = {"padding": size // 2, **options}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = None if self.bias is None else self.bias * self.gain
        return functional.conv2d(x, self.weight * self.scale, bias, **self.options)


class Filter(torch.autograd.Function):
    """A depthwise convolution by a symmetric kernel, whose derivatives are such convolutions.

    Those of PyTorch are slow: the second one is computed channel by channel.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, kernel: torch.Tensor, padding: int) -> torch.Tensor:
        ctx.save_for_backward(kernel)
        ctx.padding = kernel.shape[-1] - 1 - padding
        return functional.conv2d(x, kernel.to(x.dtype), padding=padding, groups=len(kernel))

    @staticmethod
    def backward(ctx, slope: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return Filter.apply(slope, *ctx.saved_tensors, ctx.padding), None, None


class Blur(nn.Module):
    """A filter along both axes, of sum `gain`."""

    def __init__(self, count: int, line: tuple[int, ...], padding: int, gain: float = 1.0):
        super().__init__()
        weights = torch.tensor(line, dtype=torch.float32)
        kernel = gain * torch.outer(weights, weights) / weights.sum().square()
        self.register_buffer("kernel", kernel.repeat(count, 1, 1, 1))
        self.padding = padding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Filter.apply(x, self.kernel, self.padding)


class DoubledImage(Blur):
    """RGB images of twice the size, interpolated by 1, 3, 3, 1."""

    def __init__(self):
        super().__init__(3, (1, 2, 1), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.interpolate(x, scale_factor=2, mode="nearest"))


class HalvedMaps(Blur):
    """Every second pixel of maps blurred by 1, 3, 3, 1.

    The gradient of a depthwise convolution of stride 2 is slow in bfloat16.
    """

    def __init__(self, count: int):
        super().__init__(count, (1, 2, 1), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(super().forward(x), 2)


class Modulated(nn.Module):
    """A convolution whose input channels a style scales, demodulated, or of kernel size 1.

    It scales maps. The same with a kernel for each image, as groups of one convolution, is slower
    on CPUs, in both layouts and precisions.
    """

    def __init__(self, before: int, after: int, size: int, up: bool = False):
        super().__init__()
        self.rate = CONVOLUTION_RATE if size > 1 else 1.0
        self.style = Linear(STYLE_DIM, before, 1.0)
        self.weight = nn.Parameter(torch.randn(after, before, size, size) / self.rate)
        self.scale = self.rate / math.sqrt(before * size**2)
        self.demodulate = size > 1
        self.blur = Blur(after, RESAMPLING, 1, 4.0) if up else None

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Maps and their factor, which demodulates (None: none)."""
        style = self.style(w)
        weight = self.weight * self.scale
        x = x * style[:, :, None, None]
        if self.blur is None:
            x = functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        else:
            x = self.blur(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        if not self.demodulate:
            return x, None
        squares = style.square() @ weight.square().sum((2, 3)).t()
        return x, torch.rsqrt(squares + EPSILON)[:, :, None, None]


class Styled(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU."""

    def __init__(self, before: int, after: int, up: bool = False):
        super().__init__()
        self.convolution = Modulated(before, after, 3, up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        x, factor = self.convolution(x, w)
        bias = (self.bias * GAIN).to(x.dtype)[:, None, None]
        noise = noise.to(x.dtype) * (self.strength * GAIN).to(x.dtype)
        # One pass for both.
        x = torch.addcmul(noise, x, factor * GAIN)
        return functional.leaky_relu_(x + bias, SLOPE)


class ToImage(nn.Module):
    """Maps to RGB by a modulated convolution of kernel size 1, and a bias."""

    def __init__(self, before: int):
        super().__init__()
        self.convolution = Modulated(before, 3, 1)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return self.convolution(x, w)[0].float() + self.bias[:, None, None]


class StyleGenerator(nn.Module):
    """`tfgan_suite.networks.style.build_generator`."""

    def __init__(self, size: int, base: int, most: int):
        super().__init__()
        self.sides = [4 << level for level in range((size // 4).bit_length())]
        widths = [LATENT_DIM] + [STYLE_DIM] * MAPPING_LAYERS
        self.layers = nn.ModuleList(
            Linear(before, after, gain=GAIN) for before, after in zip(widths, widths[1:])
        )
        before = channels(4, base, most)
        self.constant = nn.Parameter(torch.randn(before, 4, 4))
        self.styled, self.images = nn.ModuleList(), nn.ModuleList()
        for level, side in enumerate(self.sides):
            after = channels(side, base, most)
            if level:
                self.styled.append(Styled(before, after, True))
            self.styled.append(Styled(after, after))
            self.images.append(ToImage(after))
            before = after
        self.doubling = DoubledImage()

    def mapping(self, z: torch.Tensor) -> torch.Tensor:
        """w `(batch, features)`."""
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPSILON)
        for layer in self.layers:
            z = functional.leaky_relu_(layer(z), SLOPE)
        return z

    def noise_maps(self, count: int) -> list[torch.Tensor]:
        """New noise for every convolution, in one draw."""
        sides = [side for side in self.sides for _ in range(1 if side == 4 else 2)]
        parts = torch.randn(count, sum(side**2 for side in sides)).split([s**2 for s in sides], 1)
        return [part.reshape(count, 1, side, side) for part, side in zip(parts, sides)]

    def synthesis(self, w: list[torch.Tensor], noise: list[torch.Tensor]) -> torch.Tensor:
        """Images of one w `(batch, features)` for each layer."""
        x = self.styled[0](self.constant.expand(len(w[0]), -1, -1, -1), w[0], noise[0])
        image = self.images[0](x, w[1])
        for level in range(1, len(self.sides)):
            for index in (2 * level - 1, 2 * level):
                x = self.styled[index](x, w[index], noise[index])
            image = self.doubling(image).float() + self.images[level](x, w[2 * level + 1])
        return image

    def forward(self, z: torch.Tensor, noise: list[torch.Tensor]) -> torch.Tensor:
        return self.synthesis([self.mapping(z)] * 2 * len(self.sides), noise)


class Residual(nn.Module):
    """Two convolutions and a linear path around them, to half the size, over sqrt 2."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.halve = HalvedMaps(before)
        self.skip = Convolution(before, after, 1, bias=False, gain=math.sqrt(0.5))
        self.first = Convolution(before, before, 3, gain=GAIN)
        self.blur = Blur(before, RESAMPLING, 2)
        # sqrt 2 of its activation times sqrt 1/2 of the sum.
        self.second = Convolution(before, after, 3, stride=2, padding=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.skip(self.halve(x))
        x = functional.leaky_relu_(self.first(x), SLOPE)
        return functional.leaky_relu_(self.second(self.blur(x)), SLOPE) + skip


class StyleDiscriminator(nn.Module):
    """`tfgan_suite.networks.style.build_discriminator`."""

    def __init__(self, size: int, base: int, most: int):
        super().__init__()
        sides = [4 << level for level in range((size // 4).bit_length())][::-1]
        widths = [channels(side, base, most) for side in sides]
        self.first = Convolution(3, widths[0], 1, gain=GAIN)
        self.blocks = nn.Sequential(*map(Residual, widths, widths[1:]))
        self.last = Convolution(widths[-1] + 1, widths[-1], 3, gain=GAIN)
        self.dense = Linear(16 * widths[-1], widths[-1], gain=GAIN)
        self.logit = Linear(widths[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(functional.leaky_relu_(self.first(x), SLOPE))
        x = torch.cat([x, self.deviation(x)], 1)
        x = functional.leaky_relu_(self.last(x), SLOPE)
        x = functional.leaky_relu_(self.dense(x.flatten(1)), SLOPE)
        return self.logit(x)

    def deviation(self, x: torch.Tensor) -> torch.Tensor:
        """Maps `(batch, 1, height, width)` of the standard deviation in groups of the batch."""
        size = GROUP_SIZE if len(x) % GROUP_SIZE == 0 else len(x)
        groups = x.float().reshape(size, -1, *x.shape[1:])
        spread = (groups.var(0, unbiased=False) + EPSILON).sqrt().mean((1, 2, 3))
        spread = spread.repeat(size)[:, None, None, None]
        return spread.to(x.dtype).expand(-1, 1, *x.shape[2:])


class StyleGAN2(Game):
    """`recipes/stylegan.py`: pairs, R1 and R2 every 8 steps, mixing, averaged weights."""

    learning_rate, betas = 5e-3, (0.0, 0.99)
    period = PENALTY_EVERY

    def __init__(self, size: int, width: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        base, most = width * size // 2, 4 * width
        self.generator = self.player("generator", StyleGenerator(size, base, most))
        self.discriminator = self.player(
            "discriminator", StyleDiscriminator(size, 2 * base, 2 * most)
        )
        self.real, self.steps = self.images(batch, size), 0
        self.weights = list(self.generator.networks.parameters())
        self.averages = [weight.detach().clone() for weight in self.weights]
        self.style_average = torch.zeros(STYLE_DIM)

    def _draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and the first styles of their layers."""
        network = self.generator.networks[0]
        first, second = network.mapping(torch.randn(2 * self.batch, LATENT_DIM)).chunk(2)
        count = 2 * len(network.sides)
        mixes = random.random() < MIXING
        crossover = random.randrange(1, count) if mixes else count
        w = [first] * crossover + [second] * (count - crossover)
        noise = network.noise_maps(self.batch)
        return network.synthesis(w, noise).to(memory_format=self.format), first

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return self.discriminator(images).float()

    def step(self) -> dict[str, torch.Tensor]:
        with self.discriminator.frozen():
            with self.autocast():
                fake = self._draw()[0]
                with torch.no_grad():
                    partner = self._score(self.real)
                loss = functional.softplus(partner - self._score(fake)).mean()
            self.generator.minimize(loss)
        self._average_weights()
        with torch.no_grad(), self.autocast():
            fake, style = self._draw()
        penalties = self._update_discriminator(fake)
        self.style_average.lerp_(style.float().mean(0), 1.0 - AVERAGE_DECAY)
        self.steps += 1
        return {"generator/adversarial": loss.detach(), **penalties}

    def _update_discriminator(self, fake: torch.Tensor) -> dict[str, torch.Tensor]:
        due = self.steps % PENALTY_EVERY == 0
        inputs = [x.detach().requires_grad_(due) for x in (self.real, fake)]
        terms = {name: torch.zeros(()) for name in ("r1", "r2")}
        with self.autocast():
            real_score, fake_score = map(self._score, inputs)
            terms["pairs"] = functional.softplus(fake_score - real_score).mean()
            if due:  # the forward pass serves both
                total = real_score.sum() + fake_score.sum()
                slopes = torch.autograd.grad(total, inputs, create_graph=True)
                for name, slope in zip(("r1", "r2"), slopes):
                    squares = slope.float().square().sum((1, 2, 3)).mean()
                    terms[name] = 0.5 * GAMMA * PENALTY_EVERY * squares
        self.discriminator.minimize(sum(terms.values()))
        return {f"discriminator/{name}": value.detach() for name, value in terms.items()}

    def _average_weights(self) -> None:
        half_life = min(0.05 * self.steps, 10_000 / 32)
        decay = 0.5 ** (1.0 / max(half_life, 1e-8))
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.weights, 1.0 - decay)


GAMES = {"stylegan2": StyleGAN2}
