"""CGAN, GAN-CLS and Wav2Lip in PyTorch, to measure against: see `torch_game`.

Random vectors and spectrograms take the places of sentences and sounds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch_game import Game, Player, zero_centred
from torch_latent import AVERAGE_DECAY, R1_EVERY, R1_WEIGHT, Unflatten

LATENT_DIM, TEXT_DIM, PROJECTED = 100, 1024, 128
FRAMES = 5
CLASSES, CODED_DIM = 18, 32


# ---- CGAN -----------------------------------------------------------------------------------


def with_code(x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
    """Features or maps with the code of the class `(batch, classes)` appended."""
    code = code.to(x.dtype)
    if x.ndim == 4:
        code = code[:, :, None, None].expand(-1, -1, *x.shape[2:])
        if x.is_contiguous(memory_format=torch.channels_last):  # or the result would not be
            code = code.contiguous(memory_format=torch.channels_last)
    return torch.cat([x, code], 1)


class CodedGenerator(nn.Module):
    """`tfgan_suite.games.cgan.build_generator`, convolutional, with codes at every layer."""

    def __init__(self, size: int, width: int, channels_last: bool):
        super().__init__()
        doublings = (size // 4).bit_length() - 1
        channels = [width << level for level in range(doublings)][::-1]
        self.layers, before = nn.ModuleList(), CODED_DIM
        for units in (16 * width, 16 * channels[0]):
            dense = nn.Linear(before + CLASSES, units)
            layers = [dense, nn.BatchNorm1d(units), nn.ReLU(inplace=True)]
            self.layers.append(nn.Sequential(*layers))
            before = units
        self.layers[-1].append(Unflatten(4, channels_last))
        for before, after in zip(channels, [*channels[1:], 3]):
            layers = [nn.ConvTranspose2d(before + CLASSES, after, 5, 2, 2, 1)]
            last = after == 3
            layers += [nn.Tanh()] if last else [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            self.layers.append(nn.Sequential(*layers))

    def forward(self, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(with_code(x, code))
        return x


class CodedDiscriminator(nn.Module):
    """`tfgan_suite.games.cgan.build_discriminator`, likewise, without norms."""

    def __init__(self, size: int, width: int):
        super().__init__()
        halvings = (size // 4).bit_length() - 1
        self.layers, before = nn.ModuleList(), 3
        for level in range(halvings):
            convolution = nn.Conv2d(before + CLASSES, width << level, 5, 2, 2)
            self.layers.append(nn.Sequential(convolution, nn.LeakyReLU(0.2, inplace=True)))
            before = width << level
        self.layers[-1].append(nn.Flatten())
        dense = nn.Linear(16 * before + CLASSES, 16 * width)
        self.layers.append(nn.Sequential(dense, nn.LeakyReLU(0.2, inplace=True)))
        self.layers.append(nn.Linear(16 * width + CLASSES, 1))

    def forward(self, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(with_code(x, code))
        return x


class CGAN(Game):
    """`recipes/cgan.py`: codes, R1 every 8 steps in the loss's pass, averaged weights."""

    learning_rate, betas = 2e-3, (0.0, 0.99)
    period = R1_EVERY

    def __init__(self, size: int, width: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        networks = CodedGenerator(size, width, self.channels_last), CodedDiscriminator(size, width)
        self.generator = self.player("generator", networks[0])
        self.discriminator = self.player("discriminator", networks[1])
        self.real, self.steps = self.images(batch, size), 0
        self.code = functional.one_hot(torch.randint(CLASSES, (batch,)), CLASSES).float()
        self.weights = list(networks[0].parameters())
        self.averages = [weight.detach().clone() for weight in self.weights]

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return self.discriminator.networks[0](images, self.code).float()

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            fake = self.generator.networks[0](torch.randn(self.batch, CODED_DIM), self.code)
        terms = self._update_discriminator(fake.detach())
        with self.discriminator.frozen():
            with self.autocast():
                loss = functional.softplus(-self._score(fake)).mean()
            self.generator.minimize(loss)
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.weights, 1.0 - AVERAGE_DECAY)
        self.steps += 1
        return {"generator/adversarial": loss.detach(), **terms}

    def _update_discriminator(self, fake: torch.Tensor) -> dict[str, torch.Tensor]:
        due = self.steps % R1_EVERY == 0
        real, terms = self.real.detach().requires_grad_(due), {"r1": torch.zeros(())}
        with self.autocast():
            scores = self._score(real)
            terms["real"] = functional.softplus(-scores).mean()
            terms["fake"] = functional.softplus(self._score(fake)).mean()
            if due:
                terms["r1"] = R1_WEIGHT * R1_EVERY * zero_centred(scores, real)
        self.discriminator.minimize(sum(terms.values()))
        return {f"discriminator/{name}": value.detach() for name, value in terms.items()}


# ---- GAN-CLS --------------------------------------------------------------------------------


class Bottleneck(nn.Module):
    """x + 1x1, 3x3 and 3x3 convolutions through a quarter of the channels, activated."""

    def __init__(self, channels: int, slope: float):
        super().__init__()
        self.slope, narrow, before, layers = slope, max(channels // 4, 1), channels, []
        for after, kernel in ((narrow, 1), (narrow, 3), (channels, 3)):
            layers += [nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.LeakyReLU(slope, inplace=True)]
            before = after
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(x + self.layers(x), self.slope)


class SentenceGenerator(nn.Module):
    """`tfgan_suite.networks.gan_cls.build_generator`."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.text = nn.Sequential(nn.Linear(TEXT_DIM, PROJECTED), nn.LeakyReLU(0.2))
        before, layers, doublings = 8 * width, [], (size // 4).bit_length() - 1
        layers.append(nn.ConvTranspose2d(LATENT_DIM + PROJECTED, before, 4, bias=False))
        layers += [nn.BatchNorm2d(before), Bottleneck(before, 0.0)]
        for level in range(1, doublings):
            after = 8 * width >> level
            layers.append(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False))
            layers.append(nn.BatchNorm2d(after))
            layers.append(Bottleneck(after, 0.0) if level == 1 else nn.ReLU(inplace=True))
            before = after
        layers.append(nn.ConvTranspose2d(before, 3, 4, 2, 1, bias=False))
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat([z, self.text(text)], 1)[:, :, None, None])


class SentenceDiscriminator(nn.Module):
    """`tfgan_suite.networks.gan_cls.build_discriminator`."""

    def __init__(self, size: int, width: int):
        super().__init__()
        before, layers, halvings = 3, [], (size // 4).bit_length() - 1
        for level in range(halvings):
            after = width << level
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=False))
            layers += [nn.BatchNorm2d(after)] if level else []
            layers += [nn.LeakyReLU(0.2, inplace=True)] if level < halvings - 1 else []
            before = after
        self.image = nn.Sequential(*layers, Bottleneck(before, 0.2))
        self.text = nn.Sequential(
            nn.Linear(TEXT_DIM, PROJECTED), nn.BatchNorm1d(PROJECTED), nn.LeakyReLU(0.2)
        )
        self.joint = nn.Sequential(
            nn.Conv2d(before + PROJECTED, before, 1, bias=False),
            nn.BatchNorm2d(before),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(before, 1, 4, bias=False),
        )

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        text_map = self.text(text)[:, :, None, None].expand(-1, -1, 4, 4)
        return self.joint(torch.cat([self.image(image), text_map], 1)).flatten(1)


class GANCLS(Game):
    """`tfgan_suite.games.gan_cls`: three kinds of pairs, each in a call of its own."""

    def __init__(self, size: int, width: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        self.generator = self.player("generator", SentenceGenerator(size, 2 * width))
        self.discriminator = self.player("discriminator", SentenceDiscriminator(size, width))
        self.real = self.images(batch, size)
        self.text, self.wrong_text = (torch.rand(batch, TEXT_DIM) for _ in range(2))

    def _draw(self) -> torch.Tensor:
        return self.generator.networks[0](torch.randn(self.batch, LATENT_DIM), self.text)

    def _score(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        return self.discriminator.networks[0](image, text).float()

    def step(self) -> dict[str, torch.Tensor]:
        with self.autocast():
            with torch.no_grad():
                fake = self._draw()
            terms = {
                "real": functional.softplus(-self._score(self.real, self.text)).mean(),
                "mismatched": 0.5
                * functional.softplus(self._score(self.real, self.wrong_text)).mean(),
                "fake": 0.5 * functional.softplus(self._score(fake, self.text)).mean(),
            }
        self.discriminator.minimize(sum(terms.values()))
        with self.discriminator.frozen():
            with self.autocast():
                loss = functional.softplus(-self._score(self._draw(), self.text)).mean()
            self.generator.minimize(loss)
        logs = {f"discriminator/{name}": value.detach() for name, value in terms.items()}
        return {"generator/adversarial": loss.detach(), **logs}


# ---- Wav2Lip --------------------------------------------------------------------------------


def block(before: int, after: int, kernel: int, stride: Any = 1, padding: int = 0) -> nn.Module:
    """Convolution, batch norm, ReLU."""
    convolution = nn.Conv2d(before, after, kernel, stride, padding)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def transposed(before: int, after: int, stride: int) -> nn.Module:
    """Transposed convolution, batch norm, ReLU: n pixels become n + 2, or 2 n."""
    padding = stride - 1
    convolution = nn.ConvTranspose2d(before, after, 3, stride, padding, output_padding=padding)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """ReLU(x + batch norm of a 3x3 convolution of x)."""

    def __init__(self, channels: int):
        super().__init__()
        convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.layers = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.layers(x))


def stages(before: int, width: int, *plan: tuple) -> tuple[list[nn.Module], int]:
    """Blocks `(channels at width 32, kernel, stride, padding, residual blocks)`; the channels."""
    made = []
    for channels, kernel, stride, padding, residuals in plan:
        after = channels * width // 32
        layers = [block(before, after, kernel, stride, padding)]
        made.append(nn.Sequential(*layers, *(Residual(after) for _ in range(residuals))))
        before = after
    return made, before


def audio_encoder(width: int, last: int) -> nn.Module:
    """Of mel spectrograms of 80 bands and 16 columns."""
    plan = [(32, 3, 1, 1, 2), (64, 3, (3, 1), 1, 2), (128, 3, 3, 1, 2), (256, 3, (3, 2), 1, last)]
    made, _ = stages(1, width, *plan, (512, 3, 1, 0, 0), (512, 1, 1, 0, 0))
    return nn.Sequential(*made)


def sync_face_encoder(width: int) -> nn.Module:
    """Of lower halves of five frames of 96 pixels."""
    plan = [(32, 7, 1, 3, 0), (64, 5, (1, 2), 1, 2), (128, 3, 2, 1, 3), (256, 3, 2, 1, 2)]
    plan += [(512, 3, 2, 1, 2), (512, 3, 2, 1, 0), (512, 3, 1, 0, 0), (512, 1, 1, 0, 0)]
    return nn.Sequential(*stages(3 * FRAMES, width, *plan)[0])


class LipGenerator(nn.Module):
    """`tfgan_suite.networks.talking.build_lip_generator` for frames of 96 pixels."""

    def __init__(self, width: int):
        super().__init__()
        plan = [(16, 7, 1, 3, 0), (32, 3, 2, 1, 2), (64, 3, 2, 1, 3), (128, 3, 2, 1, 2)]
        plan += [(256, 3, 2, 1, 2), (512, 3, 2, 1, 1)]
        down, before = stages(6, width, *plan)
        code, before = stages(before, width, (512, 3, 1, 0, 0), (512, 1, 1, 0, 0))
        self.down, self.code = nn.ModuleList(down), nn.Sequential(*code)
        self.audio = audio_encoder(width, 1)
        first, _ = stages(before, width, (512, 1, 1, 0, 0))
        self.up = nn.ModuleList(first)
        skips, before = [512, 512, 256, 128, 64, 32, 16], 2 * before
        ups = [(512, 1), (512, 2), (384, 2), (256, 2), (128, 2), (64, 2)]
        for turn, ((channels, residuals), skip) in enumerate(zip(ups, skips[1:])):
            after = channels * width // 32
            layers = [transposed(before, after, 2 if turn else 1)]
            self.up.append(nn.Sequential(*layers, *(Residual(after) for _ in range(residuals))))
            before = after + skip * width // 32
        last = nn.Conv2d(width, 3, 1)
        self.to_image = nn.Sequential(block(before, width, 3, 1, 1), last, nn.Sigmoid())

    def forward(self, face: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        maps = []
        for layer in self.down:
            face = layer(face)
            maps.append(face)
        maps.append(self.code(face))
        x = self.audio(mel)
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], 1)
        return self.to_image(x)


def quality_discriminator(width: int) -> nn.Module:
    """`tfgan_suite.networks.talking.build_quality_discriminator`."""
    plan = [(32, 7, 1, 3), (64, 5, (1, 2), 2), (64, 5, 1, 2), (128, 5, 2, 2), (128, 5, 1, 2)]
    plan += [(256, 5, 2, 2), (256, 5, 1, 2), *[(512, 3, 2, 1), (512, 3, 1, 1)] * 2]
    layers, before = [], 3
    for channels, kernel, stride, padding in [*plan, (512, 3, 1, 0), (512, 1, 1, 0)]:
        after = channels * width // 32
        layers += [nn.Conv2d(before, after, kernel, stride, padding), nn.LeakyReLU(0.01, True)]
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 1), nn.Flatten())


class Wav2Lip(Game):
    """`tfgan_suite.games.wav2lip` after its switch: L1, a frozen expert, a discriminator."""

    learning_rate = 1e-4

    def __init__(self, size: int, width: int, batch: int, **form: Any):
        super().__init__(batch, **form)
        self.generator = self.player("generator", LipGenerator(width))
        self.discriminator = self.player("discriminator", quality_discriminator(width))
        encoders = sync_face_encoder(width), audio_encoder(width, 2)
        self.expert = Player(encoders, self.format, self.adam).networks
        self.expert.requires_grad_(False).eval()
        count = batch * FRAMES
        self.target, reference = (self.images(count, size) * 0.5 + 0.5 for _ in range(2))
        self.half = size // 2
        masked = self.target.clone()
        masked[:, :, self.half :] = 0.0
        self.faces = torch.cat([masked, reference], 1).to(memory_format=self.format)
        self.mels = torch.randn(count, 1, 80, 16).to(memory_format=self.format)
        self.mel = torch.randn(batch, 1, 80, 16).to(memory_format=self.format)

    def step(self) -> dict[str, torch.Tensor]:
        with self.discriminator.frozen():
            with self.autocast():
                fake = self.generator.networks[0](self.faces, self.mels).float()
                sync_loss = self._sync_loss(fake)
                terms = {
                    "reconstruction": 0.9 * functional.l1_loss(fake, self.target),
                    "sync": 0.03 * sync_loss,
                    "adversarial": 0.07 * functional.softplus(-self._judge(fake)).mean(),
                }
            self.generator.minimize(sum(terms.values()))
        with self.autocast():
            real_loss = functional.softplus(-self._judge(self.target)).mean()
            fake_loss = functional.softplus(self._judge(fake.detach())).mean()
        self.discriminator.minimize(real_loss + fake_loss)
        logs = {f"generator/{name}": value.detach() for name, value in terms.items()}
        logs["generator/sync_loss"] = sync_loss.detach()
        return {
            **logs,
            "discriminator/real": real_loss.detach(),
            "discriminator/fake": fake_loss.detach(),
        }

    def _judge(self, frames: torch.Tensor) -> torch.Tensor:
        return self.discriminator(frames[:, :, self.half :]).float()

    def _sync_loss(self, frames: torch.Tensor) -> torch.Tensor:
        halves = frames[:, :, self.half :]
        # Frame by frame: channel 3 t + c.
        video = halves.reshape(self.batch, 3 * FRAMES, *halves.shape[2:])
        face, audio = (
            functional.normalize(encoder(x).float().flatten(1), dim=1)
            for encoder, x in zip(self.expert, (video, self.mel))
        )
        return -(face * audio).sum(1).clamp(1e-7, 1.0 - 1e-7).log().mean()


GAMES = {"cgan": CGAN, "gan_cls": GANCLS, "wav2lip": Wav2Lip}
