"""A discriminator of patches: it judges every small neighbourhood of an image by itself, and none of the whole.

Source: Fang et al., "Mosaicking to Distill: Knowledge Distillation from Out-of-Domain Data", NeurIPS 2021, section 3.2;
strided convolutions of 3x3 pixels with BatchNorm and LeakyReLU, like those of DCGAN, few enough that no logit sees far.
"""

from __future__ import annotations

from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Images (batch, channels, S, S) in [0, 1] to logits (batch, ceil(S/4), ceil(S/4)), positive for real patches.

    Each logit sees 7x7 pixels, and neighbouring logits see patches 4 pixels apart. In train mode BatchNorm's
    statistics, which are those of the whole batch, are all that patches have in common.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * width, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images to a map of logits."""
        logits: Tensor = self.layers(images * 2 - 1)
        return logits.squeeze(1)
