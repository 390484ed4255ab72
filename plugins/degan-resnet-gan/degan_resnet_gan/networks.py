"""Residual generator with BatchNorm against a residual discriminator with spectral normalisation.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018, appendix B.4; blocks
after Gulrajani et al., "Improved Training of Wasserstein GANs", 2017. Different from both: widths double from each
resolution to the next smaller one, up to 8 times the first, and logits are meant for any loss, not the hinge alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from degan_cli.specs import GanShape

MIN_SIZE = 32
STARTS = (4, 6)
"""Sides of the smallest maps."""
WIDEST = 8


def widths(shape: GanShape) -> list[int]:
    """Channels at full size, at half of it, ... and at 4x4 or 6x6 pixels.

    :raises ValueError: when the size is none of 32, 48, 64, 96, ..., or a number is less than 1.
    """
    if shape.size < MIN_SIZE or shape.start not in STARTS or shape.start << shape.doublings != shape.size:
        raise ValueError(f"resnet-gan makes images of 32, 48, 64, 96, 128, ... pixels a side, not {shape.size}")
    if min(shape.channels, shape.latent, shape.width) < 1:
        raise ValueError(f"resnet-gan needs channels, latent and width of 1 at least: {shape}")
    return [shape.width * min(1 << block, WIDEST) for block in range(shape.doublings + 1)]


class Generator(nn.Module):
    """z (batch, latent) to images (batch, channels, size, size) in [0, 1]."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        down = widths(shape)[::-1]
        self.start = shape.start
        self.first = nn.Linear(shape.latent, down[0] * self.start**2)
        self.blocks = nn.Sequential(*(UpBlock(*pair) for pair in zip(down, down[1:], strict=False)))
        self.norm = nn.BatchNorm2d(down[-1])
        self.last = nn.Conv2d(down[-1], shape.channels, 3, padding=1)
        self.apply(_init)

    def forward(self, z: Tensor) -> Tensor:
        """Noise to images."""
        x = self.first(z).unflatten(1, (-1, self.start, self.start))  # (batch, 8 * width, start, start)
        x = self.last(F.relu(self.norm(self.blocks(x))))  # (batch, channels, size, size)
        return (torch.tanh(x.float()) + 1) / 2  # in float32: bf16 has too few steps near 1 for pixels


class UpBlock(nn.Module):
    """BatchNorm, ReLU, twice the size, two 3x3 convolutions; beside it twice the size and a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, S, S) to (batch, outputs, 2 S, 2 S)."""
        y = self.conv1(F.interpolate(F.relu(self.norm1(x)), scale_factor=2.0))
        y = self.conv2(F.relu(self.norm2(y)))
        # A 1x1 convolution and repeating pixels commute: four times less work in this order.
        return y + F.interpolate(self.shortcut(x), scale_factor=2.0)


class Discriminator(nn.Module):
    """Images (batch, channels, size, size) in [0, 1] to logits (batch,), positive for real.

    It has no BatchNorm, so an image's logit does not depend on the others of its batch.
    """

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        up = [shape.channels, *widths(shape)]
        blocks = [DownBlock(inputs, outputs) for inputs, outputs in zip(up, up[1:-1], strict=False)]
        blocks[0].relu_first = False  # its input are the pixels
        self.blocks = nn.Sequential(*blocks, DownBlock(up[-2], up[-1], halves=False))
        self.last = nn.Linear(up[-1], 1)
        self.apply(_init)
        for module in list(self.modules()):
            if isinstance(module, nn.Conv2d | nn.Linear):
                spectral_norm(module)

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits."""
        x = F.relu(self.blocks(images * 2 - 1))  # (batch, 8 * width, start, start)
        logits: Tensor = self.last(x.sum((2, 3)))
        return logits.flatten()


class DownBlock(nn.Module):
    """ReLU, two 3x3 convolutions, half the size; beside it half the size and a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, halves: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)
        self.relu_first = True
        self.halves = halves

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, S, S) to (batch, outputs, S / 2, S / 2), or to the same size."""
        y = self.conv1(F.relu(x) if self.relu_first else x)
        y = self.conv2(F.relu(y))
        if self.halves:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return y + self.shortcut(x)


def _init(module: nn.Module) -> None:
    """Glorot's uniform distribution, wider by sqrt(2) where a ReLU follows or precedes; biases 0."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        beside = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
        nn.init.xavier_uniform_(module.weight, 1.0 if beside else math.sqrt(2))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
