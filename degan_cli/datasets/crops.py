"""Thousands of small images out of a few large pictures: random squares, turned, mirrored and scaled down.

Source: Asano and Saeed, "Extrapolating from a Single Image to a Thousand Classes using Distillation", ICLR 2023, who
teach a student with crops of one picture alone: of any size, turned by up to 35 degrees and mirrored. We draw the sides
log-uniformly, so that each scale is equally frequent, and keep to what is inside the picture. Shearing and changes of
colour are left out; ``degan distill --augment strong`` has some.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ..errors import BadFile
from ..images import fit_uint8
from ..specs import ImageSet
from .folders import image_paths
from .image_files import quiet, read_image, room_for

SHAPE = (3, 32, 32)
"""Of crops where nothing else is asked for."""
COUNTS = {"train": 10_000, "test": 2_000}
"""Crops of a file or folder."""
SEEDS = {"train": 1, "test": 2}
TURN = math.radians(35)
"""Largest angle, to either side."""
SMALLEST = 32
"""Least length of a picture's shorter side."""
CHUNK_PIXELS = 2**17
"""That are turned at once."""
FRACTION = 64
"""Parts of a pixel: whole numbers round alike on every machine, and so equal pictures give equal bytes."""
LANE = 21
"""Bits of each of three channels in one number: a level times FRACTION squared takes 20."""

Levels = npt.NDArray[np.uint8]
Wide = npt.NDArray[np.int64]


def load_crops(path: Path, split: str, shape: tuple[int, int, int] | None = None) -> ImageSet:
    """Crops of one picture, or in turn of all in a folder and below it; no labels.

    :param split: ``train`` and ``test`` are different crops of the same pictures: 10,000 and 2,000, or one of each
        picture where there are more.
    :param shape: (C, H, W) of the crops; None is 32x32 RGB.
    :raises BadFile: when there is no picture, one is damaged, or its shorter side is below 32 pixels or the crops' own.
    """
    paths = image_paths(path) if path.is_dir() else [path]
    channels, height, width = shape or SHAPE
    with quiet():
        pictures = ((str(path), read_image(path)) for path in paths)  # one at a time
        count = max(COUNTS[split], len(paths))
        images = make_crops(pictures, len(paths), count, SEEDS[split], (channels, height, width), str(path))
    return ImageSet(images=images, labels=None, class_names=())


def make_crops(
    pictures: Iterable[tuple[str, Tensor]],
    number: int,
    count: int,
    seed: int,
    shape: tuple[int, int, int],
    what: str,
) -> Tensor:
    """Random crops uint8 (count, C, H, W), of each picture in turn.

    A crop is a square of random side, from the longer side of ``shape`` to all that fits into the picture, turned by up
    to 35 degrees, mirrored half of the time, and then scaled to ``shape`` with antialiasing.

    :param pictures: name and uint8 (1 or 3, H, W) of each.
    :param number: how many pictures there are, at least 1.
    :param what: how messages call all of them.
    :raises BadFile: for a picture whose shorter side is below 32 pixels or those of ``shape``.
    """
    channels, height, width = shape
    side = max(height, width)
    images = room_for(count, shape, what)
    draws = torch.rand(count, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).tolist()
    for index, (name, picture) in enumerate(pictures):
        if min(picture.shape[1:]) < max(SMALLEST, side):
            raise BadFile(
                f"{name}: {picture.shape[2]}x{picture.shape[1]} pixels, too small for crops of {width}x{height}; "
                f"take a picture of {max(SMALLEST, side)} pixels or more to each side"
            )
        crops = torch.from_numpy(_crops_of(picture, draws[index::number], side))  # (n, C of the picture, side, side)
        images[index::number] = fit_uint8(crops, channels, height, width)
    return images


def _crops_of(picture: Tensor, draws: Sequence[Sequence[float]], side: int) -> Levels:
    """Square crops uint8 (n, C, side, side) of one picture; each takes five numbers from [0, 1)."""
    levels = picture.numpy()
    whole = Image.fromarray(levels[0] if len(levels) == 1 else np.ascontiguousarray(levels.transpose(1, 2, 0)))
    chunk = max(1, CHUNK_PIXELS // side**2)
    scales = _halved(whole, side)
    parts = [_turned(scales, draws[at : at + chunk], side) for at in range(0, len(draws), chunk)]
    return np.concatenate(parts) if parts else np.empty((0, len(levels), side, side), np.uint8)


def _halved(whole: Image.Image, side: int) -> list[Image.Image]:
    """A picture, half of it, a quarter of it, and so on as long as crops of ``side`` can come from it."""
    scales = [whole]
    while min(scales[-1].size) >= 4 * side:
        scales.append(scales[-1].reduce(2))
    return scales


def _turned(scales: Sequence[Image.Image], draws: Sequence[Sequence[float]], side: int) -> Levels:
    """Crops as above, of not too many draws.

    The upright box around a turned square is cut out and scaled first, so that the square in it has ``side`` pixels to
    a side, out of the smallest scale that holds twice as many. Then it is turned, by bilinear interpolation between
    pixels of the box alone.
    """
    whole = scales[0]
    most = math.ceil(side * math.sqrt(2)) + 1
    boxes = np.zeros((len(draws), most, most), np.int64)
    rows = np.empty((len(draws), side, side), np.int64)
    columns = np.empty_like(rows)
    middle = (np.arange(side) + 0.5) / side - 0.5  # of each pixel, across the square from -0.5 to 0.5
    for index, (turn, scale, left, top, mirror) in enumerate(draws):
        angle = TURN * (2 * turn - 1)
        cosine, sine = math.cos(angle), math.sin(angle)
        wider = cosine + abs(sine)  # of the box, measured in sides of the square
        cut = _side_of_box(scale, wider, side, min(whole.size))
        x, y = int(left * (whole.width - cut + 1)), int(top * (whole.height - cut + 1))
        size = round(side * wider)
        halvings = min(len(scales) - 1, max(0, (cut // (2 * size)).bit_length() - 1))
        box = tuple(edge / 2**halvings for edge in (x, y, x + cut, y + cut))
        scaled = scales[halvings].resize((size, size), Image.Resampling.BILINEAR, box=box)
        boxes[index, :size, :size] = _packed(np.asarray(scaled).reshape(size, size, -1))
        across = (middle if mirror < 0.5 else middle[::-1]) * (size / wider)
        down = middle[:, None] * (size / wider)
        for target, place in ((columns, across * cosine - down * sine), (rows, across * sine + down * cosine)):
            target[index] = np.rint((place + size / 2 - 0.5) * FRACTION).clip(0, (size - 1) * FRACTION)
    return _interpolated(boxes, rows, columns, len(whole.getbands()))


def _side_of_box(scale: float, wider: float, side: int, shorter: int) -> int:
    """Pixels to a side of the box around a turned square, whose own side is log-uniform between ``side`` and all."""
    largest = shorter / wider
    smallest = min(side, largest)
    drawn: float = smallest * (largest / smallest) ** scale
    return min(shorter, round(wider * drawn))


def _packed(levels: Levels) -> Wide:
    """Levels (H, W, C) as one number a pixel (H, W), so that one sum interpolates all its channels."""
    wide = levels.astype(np.int64)
    return sum((wide[..., channel] << (LANE * channel) for channel in range(1, wide.shape[2])), wide[..., 0])


def _interpolated(boxes: Wide, rows: Wide, columns: Wide, channels: int) -> Levels:
    """Levels (n, C, side, side) at places in parts of a pixel, bilinearly.

    :param boxes: packed pixels (n, most, most).
    :param rows: like ``columns`` (n, side, side).
    """
    most = boxes.shape[1]
    (y, dy), (x, dx) = np.divmod(rows, FRACTION), np.divmod(columns, FRACTION)
    at = (np.arange(len(boxes))[:, None, None] * most + y) * most + x
    # At the last pixel the fraction is 0, and the next one counts for nothing; boxes have one row and column to spare.
    total = boxes.take(at) * ((FRACTION - dy) * (FRACTION - dx))
    total += boxes.take(at + 1) * ((FRACTION - dy) * dx)
    total += boxes.take(at + most) * (dy * (FRACTION - dx))
    total += boxes.take(at + most + 1) * (dy * dx)
    lanes = [(total >> (LANE * channel)) & (2**LANE - 1) for channel in range(channels)]
    return np.stack([(lane + FRACTION**2 // 2) // FRACTION**2 for lane in lanes], axis=1).astype(np.uint8)
