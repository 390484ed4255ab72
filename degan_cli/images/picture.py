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
