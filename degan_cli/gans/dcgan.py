"""DCGAN: a generator of transposed convolutions against a discriminator of strided ones.

Sources: Radford et al., "Unsupervised Representation Learning with Deep Convolutional GANs", ICLR 2016; layers and
initial weights as in the authors' code of DeGAN (Addepalli et al., AAAI 2020), which ends the generator with a 1x1
convolution at full size. Different from that code: pixels are [0, 1] outside, and the discriminator returns logits,
its sigmoid being part of the loss. Sizes beyond 32 pixels add a block to each network per doubling; widths double
from block to block, up to 16 times the first; 48, 96, ... pixels begin with maps of 6x6 instead of 4x4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..specs import GanShape
from .small_maps import Double, FromPoint, Halve, ToPoint

MIN_SIZE = 32
STARTS = (4, 6)
"""Sides of the smallest maps of a generator."""
WIDEST = 16


def hidden_widths(shape: GanShape) -> list[int]:
    """Channels of the hidden layers from the widest resolution (half the size in the discriminator) to the smallest.

    :raises ValueError: when the size is none of 32, 48, 64, 96, ..., or a number is less than 1.
    """
    if shape.size < MIN_SIZE or shape.start not in STARTS or shape.start << shape.doublings != shape.size:
        raise ValueError(f"dcgan makes images of 32, 48, 64, 96, 128, ... pixels a side, not {shape.size}")
    if min(shape.channels, shape.latent, shape.width) < 1:
        raise ValueError(
            f"dcgan needs channels, latent and width of 1 at least, not {shape.channels}, {shape.latent}, {shape.width}"
        )
    return [shape.width * min(1 << block, WIDEST) for block in range(shape.doublings + 1)]


class DcganGenerator(nn.Module):
    """z (batch, latent) to images (batch, channels, size, size) in [0, 1].

    At 3x32x32, width 64 and latent 100: 3 573 824 parameters.
    """

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        widths = hidden_widths(shape)[::-1]
        layers: list[nn.Module] = [FromPoint(shape.latent, widths[0], shape.start)]  # (batch, widths[0], start, start)
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), Double(inputs, outputs)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(widths[-1], shape.channels, 1, 1, 0, bias=False)]
        self.layers = nn.Sequential(*layers)
        self.apply(init_weights)

    def forward(self, z: Tensor) -> Tensor:
        """Noise to images."""
        images: Tensor = self.layers(z[:, :, None, None])
        return (torch.tanh(images.float()) + 1) / 2  # bf16 has too few steps near 1 for pixels


class DcganDiscriminator(nn.Module):
    """Images (batch, channels, size, size) in [0, 1] to logits (batch,), positive for real.

    At 3x32x32 and width 64: 2 759 424 parameters. Its BatchNorm takes real and generated images in batches apart.
    """

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        widths = hidden_widths(shape)
        layers: list[nn.Module] = [Halve(shape.channels, widths[0]), _leaky()]
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            layers += [Halve(inputs, outputs), nn.BatchNorm2d(outputs), _leaky()]
        layers += [ToPoint(widths[-1], 1, shape.start // 2)]  # (batch, widths[-1], start / 2, start / 2) to one number
        self.layers = nn.Sequential(*layers)
        self.apply(init_weights)

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits."""
        logits: Tensor = self.layers(images * 2 - 1)
        return logits.flatten()


def _leaky() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.2, inplace=True)


def init_weights(module: nn.Module) -> None:
    """Convolutions from N(0, 0.02), BatchNorm weights from N(1, 0.02) and biases 0; other modules stay."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
