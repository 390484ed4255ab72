"""Pictures of many images at once."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .pixels import to_uint8


def grid(images: Tensor, path: Path, scale: int = 2) -> None:
    """Write a picture of images (rows, columns, C, H, W) in [0, 1], a pixel apart, magnified ``scale`` times."""
    rows, columns, channels, height, width = images.shape
    sheet = torch.full((channels, rows * (height + 1) + 1, columns * (width + 1) + 1), 255, dtype=torch.uint8)
    for row in range(rows):
        for column in range(columns):
            y, x = row * (height + 1) + 1, column * (width + 1) + 1
            sheet[:, y : y + height, x : x + width] = to_uint8(images[row, column]).cpu()
    array = sheet.permute(1, 2, 0).numpy()
    picture = Image.fromarray(array[..., 0] if channels == 1 else array)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST).save(path)


def by_class(images: Tensor, classes: Tensor, rows: int, rank: Tensor | None = None, columns: int = 10) -> Tensor:
    """A row per class (rows, columns, C, H, W); white where a class has too few images.

    :param images: (N, C, H, W) in [0, 1].
    :param classes: int64 (N,).
    :param rows: how many classes to show, from the first on.
    :param rank: (N,), by which the best images of a class are chosen; None takes the first ones.
    """
    picture = torch.ones(rows, columns, *images.shape[1:], device=images.device)
    for row in range(rows):
        mine = (classes == row).nonzero().flatten()
        chosen = mine if rank is None else mine[rank[mine].argsort(descending=True)]
        best = images[chosen[:columns]]
        picture[row, : len(best)] = best
    return picture
