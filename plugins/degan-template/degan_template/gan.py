"""A GAN backbone: a linear layer and one convolution at each size, against strided convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from degan_cli.specs import GanShape


def _check(shape: GanShape) -> None:
    """Raise ValueError for a size that cannot be made: that is how users are told."""
    if shape.size < 32 or shape.size & (shape.size - 1):
        raise ValueError(f"template-gan makes images of 32, 64, 128, ... pixels a side, not {shape.size}")


class Generator(nn.Module):
    """z (batch, latent) to images (batch, channels, size, size) in [0, 1]."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        _check(shape)
        self.first = nn.Linear(shape.latent, shape.width * 4 * 4)
        blocks: list[nn.Module] = []
        for _ in range(shape.doublings):
            convolution = nn.Conv2d(shape.width, shape.width, 3, padding=1, bias=False)
            blocks += [nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(shape.width), nn.ReLU()]
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(shape.width, shape.channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Noise to images."""
        x = self.first(z).unflatten(1, (-1, 4, 4))  # (batch, width, 4, 4)
        return torch.sigmoid(self.last(self.blocks(x)).float())  # in float32: bf16 has too few steps for pixels


class Discriminator(nn.Module):
    """Images (batch, channels, size, size) in [0, 1] to logits (batch,), positive for real."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        _check(shape)
        channels = [shape.channels] + [shape.width] * shape.doublings
        layers: list[nn.Module] = []
        for inputs, outputs in zip(channels, channels[1:], strict=False):
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(shape.width * 4 * 4, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits."""
        logits: Tensor = self.layers(images * 2 - 1)
        return logits.flatten()
