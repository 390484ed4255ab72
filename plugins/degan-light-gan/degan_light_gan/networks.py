"""A light generator whose small maps gate its large ones, against a discriminator that judges patches.

Source: Liu et al., "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis", ICLR 2021
(FastGAN), section 3.1: one convolution at each resolution, gated linear units, and skip-layer excitation; two ways
down in each block of the discriminator. Different from it: a map gates the one 8 times its size instead of 16 times,
so that images of 32 and 64 pixels have gates too; no noise is added to the maps; widths double from each resolution to
the next smaller one, up to 8 times the first. The discriminator has no decoders, which the paper trains to rebuild real
images from its maps: what `degan` asks of a discriminator is a logit, and its methods own the losses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degan_cli.specs import GanShape

MIN_SIZE = 32
STARTS = (4, 6)
"""Sides of the smallest maps."""
WIDEST = 8
REACH = 3
"""Doublings from a map to the one that it gates."""
POOLED = 4
"""Pixels a side of what is left of the gating map."""


def widths(shape: GanShape) -> list[int]:
    """Channels at full size, at half of it, ... and at 4x4 or 6x6 pixels.

    :raises ValueError: when the size is none of 32, 48, 64, 96, ..., or a number is less than 1.
    """
    if shape.size < MIN_SIZE or shape.start not in STARTS or shape.start << shape.doublings != shape.size:
        raise ValueError(f"light-gan makes images of 32, 48, 64, 96, 128, ... pixels a side, not {shape.size}")
    if min(shape.channels, shape.latent, shape.width) < 1:
        raise ValueError(f"light-gan needs channels, latent and width of 1 at least: {shape}")
    return [shape.width * min(1 << block, WIDEST) for block in range(shape.doublings + 1)]


class Generator(nn.Module):
    """z (batch, latent) to images (batch, channels, size, size) in [0, 1]."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        down = widths(shape)[::-1]
        self.first = nn.Sequential(
            nn.ConvTranspose2d(shape.latent, 2 * down[0], shape.start, bias=False),
            nn.BatchNorm2d(2 * down[0]),
            nn.GLU(1),
        )
        self.blocks = nn.ModuleList(UpBlock(*pair) for pair in zip(down, down[1:], strict=False))
        self.gates = nn.ModuleList(Gate(*pair) for pair in zip(down, down[REACH:], strict=False))
        self.last = nn.Conv2d(down[-1], shape.channels, 3, padding=1)
        self.apply(_init)

    def forward(self, z: Tensor) -> Tensor:
        """Noise to images."""
        maps: list[Tensor] = [self.first(z[:, :, None, None])]  # (batch, 8 * width, start, start)
        for number, block in enumerate(self.blocks, 1):
            larger: Tensor = block(maps[-1])
            if number >= REACH:
                larger = larger * self.gates[number - REACH](maps[number - REACH])
            maps.append(larger)
        images = self.last(maps[-1])  # (batch, channels, size, size)
        return (torch.tanh(images.float()) + 1) / 2  # in float32: bf16 has too few steps near 1 for pixels


class UpBlock(nn.Sequential):
    """(batch, inputs, S, S) to (batch, outputs, 2 S, 2 S): repeated pixels, one convolution, half of it a gate."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * outputs),
            nn.GLU(1),
        )


class Gate(nn.Sequential):
    """Skip-layer excitation: a small map (batch, inputs, S, S) to factors in (0, 1), (batch, outputs, 1, 1)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(POOLED),
            nn.Conv2d(inputs, outputs, POOLED, bias=False),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.Sigmoid(),
        )


class Discriminator(nn.Module):
    """Images (batch, channels, size, size) in [0, 1] to logits (batch,), positive for real.

    An image's logit is the mean of those of its overlapping patches. BatchNorm takes real and generated images in
    batches apart.
    """

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        up = widths(shape)[:-1]  # at full size and down to twice the smallest map
        self.first = nn.Conv2d(shape.channels, up[0], 4, 2, 1, bias=False)  # has the pixels and no BatchNorm
        self.blocks = nn.Sequential(*(DownBlock(*pair) for pair in zip(up, up[1:-1], strict=False)))
        self.patches = nn.Sequential(
            nn.Conv2d(up[-2], up[-1], 1, bias=False),
            nn.BatchNorm2d(up[-1]),
            nn.LeakyReLU(0.2),
            nn.Conv2d(up[-1], 1, 4, bias=False),
        )
        self.apply(_init)

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits."""
        x = F.leaky_relu(self.first(images * 2 - 1), 0.2)  # (batch, width, size / 2, size / 2)
        logits: Tensor = self.patches(self.blocks(x))  # (batch, 1, 2 start - 3, 2 start - 3)
        return logits.mean((1, 2, 3))


class DownBlock(nn.Module):
    """(batch, inputs, S, S) to (batch, outputs, S / 2, S / 2): the mean of a way that learns how, and of averages."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.learned = nn.Sequential(
            nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        )
        self.averaged = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Half the size."""
        learned: Tensor = self.learned(x)
        return (learned + self.averaged(x)) / 2


def _init(module: nn.Module) -> None:
    """Convolutions from N(0, 0.02), as DCGAN's; biases 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
