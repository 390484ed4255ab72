"""Differentiable siamese augmentation: one random change, done alike to any number of batches, gradients passing.

Source: Zhao and Bilen, "Dataset Condensation with Differentiable Siamese Augmentation", ICML 2021, section 3, and the
values of their code, which picks one kind of change a time. We differ in that images of any aspect ratio are turned
without shear, and that the numbers come from torch's own random state instead of the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from .colour import recolour
from .resample import resample

SPREAD = 0.25
"""About the standard deviation of the pixels of images in [0, 1]."""
SHIFT = 0.125
"""Of the side, by which a crop moves at most."""
HOLE = 0.5
"""Of the side: that of the square cut out."""
ZOOM = 1.2
"""Largest factor by which a side is stretched; its inverse is the smallest."""
TURN = math.radians(15)
"""Largest angle, either way."""

Draws = Sequence[float]
"""Three numbers in [0, 1), of which each change uses what it needs."""


def draw_siamese(
    flip: bool, spread: float = SPREAD, noise: torch.Generator | None = None
) -> Callable[[Tensor], Tensor]:
    """Draw one change with all its parameters: a function that does the same to every image of every batch.

    It is one of colour (brightness, saturation, contrast), crop, cutout, scale, rotate and, if wanted, flip, each
    equally likely. The function maps images (batch, C, H, W) of any float type and device to the same shape, dtype
    and device, differentiably, and leaves what it gets as it was. Nothing is clamped: colour takes images out of
    [0, 1], for it adds up to ``spread / 2`` either way, and stretches what a pixel differs from its own grey by up to 2
    and from the image's mean by up to 1.5. What a change uncovers is 0: black in [0, 1], the mean in normalised images.

    Four numbers are used up, whatever is drawn.

    :param flip: whether a mirror image, left to right, is as good; it is not for digits and letters. Half of the flips
        that are drawn leave the images as they are.
    :param spread: standard deviation of the pixels; 1 for normalised images, as which the source takes them.
    :param noise: where the numbers come from; None takes torch's global random state on the CPU, as checkpoints do.
    """
    changes: dict[str, Callable[[Tensor, Draws], Tensor]] = {
        "color": partial(_color, spread=spread),
        "crop": _crop,
        "cutout": _cutout,
        "flip": _flip,
        "scale": _scale,
        "rotate": _rotate,
    }
    if not flip:
        del changes["flip"]
    which, *draws = torch.rand(4, generator=noise).tolist()
    change = list(changes.values())[int(which * len(changes))]
    return lambda images: change(images, draws)


def _color(images: Tensor, draws: Draws, spread: float) -> Tensor:
    return recolour(images, (draws[0] - 0.5) * spread, 2 * draws[1], draws[2] + 0.5)


def _crop(images: Tensor, draws: Draws) -> Tensor:
    down, right = (_whole(draw, -most, most) for draw, most in zip(draws, _shares(images, SHIFT), strict=False))
    return F.pad(images, (right, -right, down, -down))  # a negative border cuts off


def _cutout(images: Tensor, draws: Draws) -> Tensor:
    holes = []
    for draw, side, size in zip(draws, images.shape[2:], _shares(images, HOLE), strict=False):
        # The centre lies in the image, so the hole may reach over its edge.
        first = _whole(draw, 0, side - size % 2) - size // 2
        place = torch.arange(side, device=images.device)
        holes.append((place >= first) & (place < first + size))
    return images.masked_fill(holes[0][:, None] & holes[1], 0)  # (H, W), for all alike


def _flip(images: Tensor, draws: Draws) -> Tensor:
    return images.flip(3) if draws[0] < 0.5 else images


def _scale(images: Tensor, draws: Draws) -> Tensor:
    across, down = (1 / ZOOM + draw * (ZOOM - 1 / ZOOM) for draw in draws[:2])
    return _resample(images, ((across, 0.0), (0.0, down)))


def _rotate(images: Tensor, draws: Draws) -> Tensor:
    angle = (2 * draws[0] - 1) * TURN
    height, width = images.shape[2:]
    cos, sin = math.cos(angle), math.sin(angle)
    return _resample(images, ((cos, -sin * height / width), (sin * width / height, cos)))


def _resample(images: Tensor, matrix: Sequence[Sequence[float]]) -> Tensor:
    """Bilinear values where ``matrix`` takes each pixel's place (x, y), counted from the centre in half sides."""
    return resample(images, torch.tensor([[[*row, 0.0] for row in matrix]], device=images.device))


def _shares(images: Tensor, share: float) -> tuple[int, int]:
    """A share of height and of width in whole pixels, rounded."""
    height, width = images.shape[2:]
    return int(height * share + 0.5), int(width * share + 0.5)


def _whole(draw: float, least: int, most: int) -> int:
    """A whole number of ``least`` ... ``most``, all equally likely for a draw in [0, 1)."""
    return least + int(draw * (most - least + 1))
