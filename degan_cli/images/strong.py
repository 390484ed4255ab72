"""Strong changes of images whose label is whatever the teacher says of the changed image.

Source: Nayak et al., ICML 2019, whose students learn from data impressions under enlargement, translation, rotation,
mirroring, salt-and-pepper and Gaussian noise, and combinations of them. There each image is changed once in each of a
list of fixed ways; here every image is changed anew each time it is drawn, each way with probability ``SHARE``. The
strength of the noises is ours, and so are flat blocks (as in random erasing, Zhong et al., AAAI 2020) and the change of
contrast and brightness: impressions are textures around a middle grey from edge to edge, and a student that has never
seen a shape on plain ground, black or white, takes the photographs that have it for anything.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import draws
from .resample import resample

SHARE = 0.5
"""Of the images that undergo a change, for each kind of change by itself."""
NEAREST = 0.6
"""Share of each side that is left in sight of an enlarged image, at least."""
BLOCKS = 4
"""Along each side, of which an image with flat blocks keeps about half."""
LEVELS = (0.0, 0.5, 1.0)
"""Which its flat blocks have, all of one image the same."""
SHIFT = 0.2
"""Of the side, by which an image moves at most along each axis."""
TURN = math.pi / 2
"""Largest angle, either way."""
PEPPERED = 0.1
"""Share of the pixels that become black or white."""
ROUGHNESS = 0.1
"""Standard deviation of Gaussian noise."""
CONTRAST = (0.2, 2.0)
"""Factors by which pixels are taken away from, or towards, the middle grey."""
BRIGHTNESS = 0.8
"""Largest amount added, either way."""


def augment_strongly(images: Tensor) -> Tensor:
    """Images (batch, C, H, W) in [0, 1], each changed by itself at random; what a change uncovers is black.

    A changed image may show something else: a turned 6 is a 9. Use it only where the label is made afterwards.
    """
    return _relit(_roughened(_peppered(_moved(_blocked(images)))))


def augment_a_part_strongly(images: Tensor, part: float) -> Tensor:
    """Of images (batch, C, H, W) in [0, 1], a random ``part``, 0 to 1, changed strongly and the others as they are."""
    chosen = torch.randperm(len(images), device=images.device)[: round(part * len(images))]
    return images.index_copy(0, chosen, augment_strongly(images[chosen])) if len(chosen) else images


def _blocked(images: Tensor) -> Tensor:
    """Some of a grid's blocks flat, so that what is left stands on plain ground."""
    batch, device = len(images), images.device
    among = _sometimes(torch.full((batch,), 0.5, device=device), 0.0)[:, None, None, None]
    flat = draws.rand(batch, 1, BLOCKS, BLOCKS, device=device) < among
    for axis in (2, 3):
        size = images.shape[axis]
        flat = flat.index_select(axis, torch.arange(size, device=device) * BLOCKS // size)  # of each line, its block
    level = torch.tensor(LEVELS, device=device)[draws.randint(len(LEVELS), (batch,), device=device)]
    return torch.where(flat, level[:, None, None, None].to(images.dtype), images)


def _moved(images: Tensor) -> Tensor:
    """Enlarged, turned, mirrored and shifted in one resampling, without shear whatever the sides."""
    batch, _, height, width = images.shape
    zoom = _sometimes(1 - draws.rand(batch, device=images.device) * (1 - NEAREST), 1.0)
    angle = _sometimes((2 * draws.rand(batch, device=images.device) - 1) * TURN, 0.0)
    mirror = _sometimes(-torch.ones(batch, device=images.device), 1.0)
    shift = _sometimes((2 * draws.rand(2, batch, device=images.device, dim=1) - 1) * 2 * SHIFT, 0.0)  # in half sides
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    across = torch.stack([mirror * cos, -mirror * sin * height / width, shift[0]], dim=1)
    down = torch.stack([sin * width / height, cos, shift[1]], dim=1)
    return resample(images, torch.stack([across, down], dim=1))


def _peppered(images: Tensor) -> Tensor:
    """Some pixels, in all channels, black or white with equal probability."""
    batch, _, height, width = images.shape
    draw = draws.rand(batch, 1, height, width, device=images.device)
    hit = _sometimes(torch.full((batch,), PEPPERED, device=images.device), 0.0)[:, None, None, None]
    grains = (draw < hit / 2).to(images.dtype)
    return torch.where(draw < hit, grains, images)


def _roughened(images: Tensor) -> Tensor:
    """Gaussian noise added, kept within [0, 1]."""
    strength = _sometimes(torch.full((len(images),), ROUGHNESS, device=images.device), 0.0)
    return (images + strength[:, None, None, None] * draws.randn_like(images)).clamp(0, 1)


def _relit(images: Tensor) -> Tensor:
    """Contrast and brightness changed, or negated, kept within [0, 1]."""
    batch, (least, most) = len(images), CONTRAST
    contrast = _sometimes(least + (most - least) * draws.rand(batch, device=images.device), 1.0)
    negative = _sometimes(-torch.ones(batch, device=images.device), 1.0)
    brightness = _sometimes((2 * draws.rand(batch, device=images.device) - 1) * BRIGHTNESS, 0.0)
    factor = (contrast * negative)[:, None, None, None]
    return ((images - 0.5) * factor + 0.5 + brightness[:, None, None, None]).clamp(0, 1)


def _sometimes(values: Tensor, otherwise: float) -> Tensor:
    """Each column of ``values`` (..., batch) with probability ``SHARE``, else ``otherwise``."""
    chosen = draws.rand(values.shape[-1], device=values.device) < SHARE
    return torch.where(chosen, values, otherwise)
