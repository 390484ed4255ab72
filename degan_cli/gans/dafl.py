"""DAFL's generator: a linear layer, then convolutions between nearest-neighbour enlargements.

Source: Chen et al., "Data-Free Learning of Student Networks", ICCV 2019, and the authors' code: 128 channels up to
half the size and 64 at full size (twice the width, and the width), BatchNorm with the large epsilon 0.8 that stands
there, and a last BatchNorm. Different from that code: what that last layer gives becomes pixels in [0, 1] by a sigmoid,
instead of being taken for pixels normalised by the lost data's mean and deviation, which we do not ask for; so that
black backgrounds can be made all the same, it has weights.
The method has no discriminator; for methods that want one DCGAN's stands in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..specs import GanShape

MIN_SIZE = 16
EPSILON = 0.8
CONTRAST = 1.5
"""First weight of the last BatchNorm; pixels then spread by about a quarter, as those of photographs do."""


class DaflGenerator(nn.Module):
    """z (batch, latent) to images (batch, channels, size, size) in [0, 1].

    At 3x32x32, width 64 and latent 1000: 8.42 million parameters, nearly all of them in the linear layer.
    """

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        if shape.size < MIN_SIZE or shape.size % 4:
            raise ValueError(f"dafl makes images of a multiple of 4 from {MIN_SIZE} pixels a side, not {shape.size}")
        wide, narrow, self.side = 2 * shape.width, shape.width, shape.size // 4
        self.linear = nn.Linear(shape.latent, wide * self.side**2)
        pixels = nn.BatchNorm2d(shape.channels)
        nn.init.constant_(pixels.weight, CONTRAST)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(wide),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.BatchNorm2d(wide, EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.BatchNorm2d(narrow, EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(narrow, shape.channels, 3, padding=1),
            nn.Tanh(),
            pixels,
        )

    def forward(self, z: Tensor) -> Tensor:
        """Noise to images."""
        x: Tensor = self.linear(z).unflatten(1, (-1, self.side, self.side))  # (batch, 2 width, size/4, size/4)
        return torch.sigmoid(self.layers(x).float())  # bf16 has too few steps near 1 for pixels
