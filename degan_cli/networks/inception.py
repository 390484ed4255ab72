"""InceptionV3 for small images, as the CIFAR-100 teacher of the DeGAN paper.

Sources: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, as adapted to CIFAR in
weiaicunzai/pytorch-cifar100. The stem neither strides nor pools: small images lose only a border. Also different
from torchvision's network, because the teacher is: in block A a 3x3 convolution after the pool instead of a 1x1, in
block C the column before the row in both 7x7 branches, in block D an average pool instead of a max pool; BatchNorm's
epsilon and all initial weights are torch's defaults, and there is no auxiliary classifier.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


def inception_v3(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Images (batch, channels, 32, 32), or any of at least 9 pixels a side, to logits.

    22 318 148 parameters for 3 channels and 100 classes.
    """
    return nn.Sequential(
        OrderedDict(
            stem=_stem(channels),  # 192x30x30
            a=nn.Sequential(_block_a(192, 32), _block_a(256, 64), _block_a(288, 64)),  # 288x30x30
            b=_block_b(288),  # 768x14x14
            c=nn.Sequential(*(_block_c(768, width) for width in (128, 160, 160, 192))),  # 768x14x14
            d=_block_d(768),  # 1280x6x6
            e=nn.Sequential(_block_e(1280), _block_e(2048)),  # 2048x6x6
            avgpool=nn.AdaptiveAvgPool2d(1),
            dropout=nn.Dropout2d(0.5),
            flatten=nn.Flatten(),
            fc=nn.Linear(2048, num_classes),
        )
    )


class Branches(nn.ModuleList):
    """Modules side by side: their outputs for the same input, joined along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) to (batch, sum of the branches' outputs, H', W')."""
        return torch.cat([branch(x) for branch in self], 1)


def _stem(channels: int) -> nn.Sequential:
    return nn.Sequential(
        _conv(channels, 32, 3), _conv(32, 32, 3), _conv(32, 64, 3), _conv(64, 80, 1), _conv(80, 192, 3, padding=0)
    )


def _block_a(inputs: int, pooled: int) -> Branches:
    """One convolution, a 5x5, two 3x3 and a pool with ``pooled`` outputs: 224 + pooled channels of the same size."""
    return Branches(
        [
            _conv(inputs, 64, 1),
            nn.Sequential(_conv(inputs, 48, 1), _conv(48, 64, 5)),
            nn.Sequential(_conv(inputs, 64, 1), _conv(64, 96, 3), _conv(96, 96, 3)),
            nn.Sequential(_pool(), _conv(inputs, pooled, 3)),
        ]
    )


def _block_b(inputs: int) -> Branches:
    """Halves the sides: 480 + inputs channels."""
    return Branches(
        [
            _halving(inputs, 384),
            nn.Sequential(_conv(inputs, 64, 1), _conv(64, 96, 3), _halving(96, 96)),
            nn.MaxPool2d(3, 2),
        ]
    )


def _block_c(inputs: int, width: int) -> Branches:
    """One 7x7 and two, each as a column and a row, ``width`` channels wide: 768 channels of the same size."""
    column, row = (7, 1), (1, 7)
    return Branches(
        [
            _conv(inputs, 192, 1),
            nn.Sequential(_conv(inputs, width, 1), _conv(width, width, column), _conv(width, 192, row)),
            nn.Sequential(
                _conv(inputs, width, 1),
                _conv(width, width, column),
                _conv(width, width, row),
                _conv(width, width, column),
                _conv(width, 192, row),
            ),
            nn.Sequential(_pool(), _conv(inputs, 192, 1)),
        ]
    )


def _block_d(inputs: int) -> Branches:
    """Halves the sides: 512 + inputs channels."""
    return Branches(
        [
            nn.Sequential(_conv(inputs, 192, 1), _halving(192, 320)),
            nn.Sequential(_conv(inputs, 192, 1), _conv(192, 192, (1, 7)), _conv(192, 192, (7, 1)), _halving(192, 192)),
            nn.AvgPool2d(3, 2),
        ]
    )


def _block_e(inputs: int) -> Branches:
    """A row and a column side by side, after a 1x1 and after a 3x3: 2048 channels of the same size."""
    return Branches(
        [
            _conv(inputs, 320, 1),
            nn.Sequential(_conv(inputs, 384, 1), _row_and_column(384)),
            nn.Sequential(_conv(inputs, 448, 1), _conv(448, 384, 3), _row_and_column(384)),
            nn.Sequential(_pool(), _conv(inputs, 192, 1)),
        ]
    )


def _row_and_column(width: int) -> Branches:
    return Branches([_conv(width, width, (1, 3)), _conv(width, width, (3, 1))])


def _pool() -> nn.AvgPool2d:
    return nn.AvgPool2d(3, 1, padding=1)


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return _conv(inputs, outputs, 3, stride=2, padding=0)


def _conv(
    inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution without bias, BatchNorm and ReLU; as much padding as keeps the sides, unless given."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, "same" if padding is None else padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
