"""ConvNet, the small network with which data sets are condensed.

Sources: Gidaris and Komodakis, "Dynamic Few-Shot Visual Learning without Forgetting", CVPR 2018; in this form Zhao,
Mopuri and Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021, section 3.1, and their code.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

WIDTH = 128
"""Maps of every layer."""
DEPTH = 3
"""Blocks, each of which halves the side."""


class ConvNet(nn.Module):
    """Images (batch, channels, H, W) to logits (batch, classes), by way of 128 x H/8 x W/8 features.

    Three blocks of convolution, normalisation of each map of each image, ReLU and average pooling; then one linear
    layer. Grey images get a border of three pixels instead of one, with which 28 pixels become 32 on the way.
    All weights start as torch's layers do; :meth:`renew` draws them anew.
    """

    def __init__(self, num_classes: int, channels: int, height: int, width: int) -> None:
        super().__init__()
        border = 3 if channels == 1 else 1
        self.blocks = nn.Sequential(
            OrderedDict(
                block1=_block(channels, border),  # (batch, 128, H/2, W/2)
                block2=_block(WIDTH, 1),
                block3=_block(WIDTH, 1),
                flatten=nn.Flatten(),  # (batch, features)
            )
        )
        grown = 2 * border - 2
        rows, columns = ((side + grown) // 2**DEPTH for side in (height, width))
        self.head = nn.Linear(WIDTH * rows * columns, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """What the linear layer gets, (batch, features): the embedding of distribution matching."""
        embedding: Tensor = self.blocks(images)
        return embedding

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images to logits."""
        logits: Tensor = self.head(self.features(images))
        return logits

    def renew(self) -> None:
        """Draw all weights anew, where they are: another random network without new memory."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.GroupNorm | nn.Linear):
                module.reset_parameters()


def _block(channels: int, border: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, WIDTH, 3, padding=border),
            # One group per map is instance normalisation, which torch otherwise refuses on maps of one pixel.
            norm=nn.GroupNorm(WIDTH, WIDTH),
            relu=nn.ReLU(),
            pool=nn.AvgPool2d(2),
        )
    )
