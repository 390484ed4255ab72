"""Differentiable augmentation of what a discriminator sees: each image changed by itself, gradients passing.

Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020, section 3.2: colour,
translation and cutout one after the other, with the strengths of the authors' code. Their images are in [-1, 1], ours
in [0, 1]: brightness moves half as far, and what a change uncovers is the middle grey, their 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import draws as random
from .colour import recolour

BRIGHTNESS = 0.25
"""Largest amount added, either way."""
SHIFT = 0.125
"""Of the side, by which an image moves at most along each axis."""
HOLE = 0.5
"""Of the side: that of the square cut out."""
UNCOVERED = 0.5
"""What the pixels become that a translation or a hole leaves without content."""


def diff_augment(images: Tensor) -> Tensor:
    """Images (batch, C, H, W) in [0, 1], each changed by random numbers of its own; shape, dtype and device stay.

    Nothing is clamped: colour takes pixels out of [0, 1]. It is differentiable wherever a pixel survives, and leaves
    what it gets as it was. Real and generated images must both come here, or the generator learns the changes.
    """
    draws = random.rand(7, len(images), 1, 1, 1, device=images.device, dim=1)
    return _cutout(_translate(_colour(images, draws[:3].to(images.dtype)), draws[3:5]), draws[5:])


def _colour(images: Tensor, draws: Tensor) -> Tensor:
    return recolour(images, (2 * draws[0] - 1) * BRIGHTNESS, 2 * draws[1], draws[2] + 0.5)


def _translate(images: Tensor, draws: Tensor) -> Tensor:
    for axis, draw in zip((2, 3), draws, strict=True):
        side = images.shape[axis]
        most = int(side * SHIFT + 0.5)
        offset = (draw * (2 * most + 1)).long() - most  # (batch, 1, 1, 1), each of -most ... most equally likely
        source = _places(images, axis) + offset
        moved = images.gather(axis, source.clamp(0, side - 1).expand_as(images))
        images = moved.masked_fill((source < 0) | (source >= side), UNCOVERED)
    return images


def _cutout(images: Tensor, draws: Tensor) -> Tensor:
    inside = []
    for axis, draw in zip((2, 3), draws, strict=True):
        side = images.shape[axis]
        size = int(side * HOLE + 0.5)
        # The centre lies in the image, so the hole may reach over its edge.
        first = (draw * (side + 1 - size % 2)).long() - size // 2
        place = _places(images, axis)
        inside.append((place >= first) & (place < first + size))
    return images.masked_fill(inside[0] & inside[1], UNCOVERED)


def _places(images: Tensor, axis: int) -> Tensor:
    """0, 1, 2, ... along an axis: (1, 1, H, 1) or (1, 1, 1, W)."""
    shape = [1, 1, 1, 1]
    shape[axis] = images.shape[axis]
    return torch.arange(images.shape[axis], device=images.device).view(shape)
