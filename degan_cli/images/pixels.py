"""Pixels between networks: uint8 or [0, 1], grey or RGB, one size or another."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor
from torch.nn import functional as F

from .budget import within

MOST_PADDED = 2**25
"""Pixels."""
FITTED_VALUES = 2**24
"""Pixels times channels that are fitted at once."""
GREY_WEIGHTS = (0.299, 0.587, 0.114)
"""ITU-R BT.601 luma, as Pillow and torchvision convert RGB to grey."""


def to_unit(images: Tensor) -> Tensor:
    """uint8 images to float32 in [0, 1]; nothing else changes."""
    return images.float().div_(255)


def to_uint8(images: Tensor) -> Tensor:
    """Images in [0, 1] to uint8, rounded to the nearest level."""
    return images.float().clamp(0, 1).mul(255).round().to(torch.uint8)


def fit(images: Tensor, channels: int, height: int, width: int) -> Tensor:
    """Give float images (batch, C, H, W) the wanted channels and size; gradients pass through.

    Grey becomes RGB by repetition, RGB becomes grey by luma; sizes change by antialiased bilinear
    interpolation, without keeping the aspect ratio. Images that fit already are returned as they are.
    Raises ValueError for channel counts other than 1 and 3 that differ from ``channels``.
    """
    have = images.shape[1]
    if have != channels:
        if (have, channels) == (1, 3):
            images = images.expand(-1, 3, -1, -1)
        elif (have, channels) == (3, 1):
            weights = images.new_tensor(GREY_WEIGHTS).view(1, 3, 1, 1)
            images = (images * weights).sum(1, keepdim=True)
        else:
            raise ValueError(f"images of {have} channels cannot be fitted to {channels}")
    if images.shape[2:] != (height, width):
        images = F.interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return images


def fit_uint8(images: Tensor, channels: int, height: int, width: int, values: int = FITTED_VALUES) -> Tensor:
    """:func:`fit` for a whole set of uint8 images, in memory bounded by ``values``, pixels times channels at once."""
    wanted = (channels, height, width)
    if tuple(images.shape[1:]) == wanted:
        return images
    chunk = within(len(images), images.shape[1:], wanted, values=values)
    fit_part = _fit_by_channel if images.shape[1:].numel() > values else _fit_whole
    parts = [to_uint8(fit_part(part, *wanted)) for part in torch.split(images, chunk)]
    return torch.cat(parts) if parts else images.new_empty((0, channels, height, width))


def _fit_whole(images: Tensor, channels: int, height: int, width: int) -> Tensor:
    return fit(to_unit(images), channels, height, width)


def _fit_by_channel(images: Tensor, channels: int, height: int, width: int) -> Tensor:
    """The same but for rounding, with one channel at a time as floats: these take four times the bytes of a picture."""
    planes = [fit(to_unit(plane), 1, height, width) for plane in torch.split(images, 1, dim=1)]
    return fit(torch.cat(planes, dim=1), channels, height, width)


def frame(images: Tensor, height: int, width: int, how: str) -> Tensor:
    """Give images (batch, C, H, W) the aspect ratio of ``height`` x ``width``, but for a whole pixel.

    :param how: ``crop`` keeps the largest part in the middle, ``pad`` adds black on both sides, ``squash`` changes
        nothing: what comes after stretches.
    :raises ValueError: where padding would take more than ``MOST_PADDED`` pixels an image.
    """
    rows, columns = images.shape[2:]
    if how == "squash" or rows * width == columns * height:
        return images
    too_wide = columns * height > rows * width
    if how == "crop":
        kept = (
            (rows, max(1, round(rows * width / height)))
            if too_wide
            else (max(1, round(columns * height / width)), columns)
        )
        top, left = (rows - kept[0]) // 2, (columns - kept[1]) // 2
        return images[:, :, top : top + kept[0], left : left + kept[1]]
    if how != "pad":
        raise ValueError(f"no way {how!r} to fit an image; there are crop, squash and pad")
    whole = (round(columns * height / width), columns) if too_wide else (rows, round(rows * width / height))
    if whole[0] * whole[1] > max(MOST_PADDED, height * width):
        raise ValueError(f"images of {columns}x{rows} pixels are too long and narrow to be padded; crop or squash them")
    down, across = whole[0] - rows, whole[1] - columns
    return F.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))


def digest(images: Tensor) -> str:
    """SHA-256 of uint8 images (N, C, H, W) and their shape: what an artifact records of the data it learned from."""
    content = hashlib.sha256(repr(tuple(images.shape)).encode())
    content.update(images.contiguous().cpu().numpy().data)
    return content.hexdigest()
