"""Some images as their outlines: bright lines on black, as signs and drawings are, in place of filled shapes.

The idea is ours. A photograph or a picture of a thing has few thin lines of its own, and a student that has only seen
filled shapes is least like its teacher on signs; the lines around shapes and their parts are at hand in any image. An
outline is the morphological gradient (Rivest, Soille and Beucher, 1993): the largest minus the smallest value around.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from . import draws

OUTLINED = 0.25
"""Of the images, those that become their outlines."""
PIXELS_PER_REACH = 32
"""Of the shorter side, for each pixel that "around" reaches in each direction: lines are as wide whatever the size."""
FAINTEST = 0.1
"""The largest gradient becomes 1, but one below this is not enlarged further: a plain image stays nearly black."""


def outline_some(images: Tensor) -> Tensor:
    """Images (batch, C, H, W) in [0, 1], of which each is its outlines with probability ``OUTLINED``."""
    chosen = draws.rand(len(images), device=images.device) < OUTLINED
    return torch.where(chosen[:, None, None, None], outlines(images), images)


def outlines(images: Tensor) -> Tensor:
    """The outlines (batch, C, H, W) in [0, 1] of all shapes in images of that shape and range."""
    reach = max(1, round(min(images.shape[2:]) / PIXELS_PER_REACH))
    gradient = _largest_around(images, reach) + _largest_around(-images, reach)
    return gradient / gradient.amax(dim=(1, 2, 3), keepdim=True).clamp_min(FAINTEST)


def _largest_around(images: Tensor, reach: int) -> Tensor:
    """Of each pixel and those that are ``reach`` away at most along each axis."""
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    for axis in (2, 3):
        size = padded.shape[axis] - 2 * reach
        padded = reduce(torch.maximum, (padded.narrow(axis, first, size) for first in range(2 * reach + 1)))
    return padded
