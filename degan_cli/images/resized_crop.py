"""Random resized crops: a part of each image, drawn for it by itself, enlarged to the whole side.

Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6, with the ranges of torchvision's
RandomResizedCrop. That draws one crop for a whole batch of tensors; here all images are cropped in one resampling.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import draws
from .resample import resample

AREA = (0.25, 1.0)
"""Of the image, that a crop shows; torchvision's 0.08 leaves nothing to be seen of 32 pixels."""
ASPECT = (3 / 4, 4 / 3)
"""Width by height of what is stretched."""


def resized_crop(images: Tensor, flip: bool) -> Tensor:
    """Crops of float images (batch, C, H, W), of the same shape.

    :param flip: whether each is mirrored left to right with probability 1/2.
    """
    batch, device = len(images), images.device
    area = AREA[0] + (AREA[1] - AREA[0]) * draws.rand(batch, device=device)
    low, high = (math.log(value) for value in ASPECT)
    aspect = (low + (high - low) * draws.rand(batch, device=device)).exp()
    across, down = ((area * value).sqrt().clamp(max=1) for value in (aspect, 1 / aspect))  # shares of the sides
    x, y = ((1 - side) * (2 * draws.rand(batch, device=device) - 1) for side in (across, down))
    if flip:
        across = torch.where(draws.rand(batch, device=device) < 0.5, -across, across)
    none = torch.zeros_like(x)
    maps = torch.stack([torch.stack([across, none, x], dim=1), torch.stack([none, down, y], dim=1)], dim=1)
    # An edge pixel's centre lies within the image, so that nothing black can enter a crop.
    return resample(images, maps, outside="border")
