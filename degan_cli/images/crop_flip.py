"""Random crops and flips, drawn for each image by itself and carried out on the device in one gather."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from . import draws

AUGMENTS = ("none", "crop", "flip", "crop-flip")
PADDING = 4
"""Pixels of black around a 32-pixel image before it is cropped back (He et al., CVPR 2016, section 4.2)."""


def augment(images: Tensor, kind: str) -> Tensor:
    """Each image (batch, C, H, W), uint8 or float, moved by at most an eighth of its side, or mirrored, or both.

    What a crop uncovers is black. A flip is mirrored left to right with probability 1/2; digits and letters do not
    bear it. Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.

    :param kind: one of ``AUGMENTS``; ``none`` returns the images themselves.
    """
    if kind not in AUGMENTS:
        raise ValueError(f"no augmentation {kind!r}; there are {', '.join(AUGMENTS)}")
    if kind == "none":
        return images
    batch, _, height, width = images.shape
    rows = torch.arange(height, device=images.device).expand(batch, -1)  # (batch, H)
    columns = torch.arange(width, device=images.device).expand(batch, -1)  # (batch, W)
    if "flip" in kind:
        mirrored = draws.rand(batch, 1, device=images.device) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    if "crop" in kind:
        down, right = (max(1, side * PADDING // 32) for side in (height, width))
        images = F.pad(images, (right, right, down, down))
        rows = rows + draws.randint(2 * down + 1, (batch, 1), device=images.device)
        columns = columns + draws.randint(2 * right + 1, (batch, 1), device=images.device)
    each = torch.arange(batch, device=images.device)[:, None, None]
    # Indices around a slice put the sliced axis last: (batch, H, W, C), which is channels_last once permuted.
    return images[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
