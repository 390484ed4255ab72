"""Images seen through affine maps, in one bilinear resampling."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def resample(images: Tensor, maps: Tensor, outside: str = "zeros") -> Tensor:
    """Values (batch, C, H, W) of images of that shape where the maps take each pixel's place.

    As :func:`torch.nn.functional.affine_grid` and ``grid_sample``. The former multiplies small matrices, which takes a
    CPU several times as long, and under autocast in 16 bits, which cannot tell the pixels of a large image apart.

    :param maps: of the places (x, y, 1), counted from the centre in half sides: (batch, 2, 3), or (1, 2, 3) for all.
    :param outside: ``zeros``, or ``border`` for the values at the edge.
    """
    exact, (height, width) = torch.promote_types(images.dtype, torch.float32), images.shape[2:]
    xs, ys = ((2 * torch.arange(n, dtype=exact, device=images.device) + 1) / n - 1 for n in (width, height))
    along = maps[:, :, 0, None] * xs  # (maps, 2, W)
    down = maps[:, :, 1, None] * ys + maps[:, :, 2, None]  # (maps, 2, H)
    grid = (along[:, :, None] + down[..., None]).permute(0, 2, 3, 1)  # (maps, H, W, 2)
    grid = grid.expand(len(images), -1, -1, -1)
    return F.grid_sample(images.to(exact), grid, padding_mode=outside, align_corners=False).to(images.dtype)
