"""Pictures of many images at once: rows of them, with class names, no larger than a screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import writing
from .pixels import to_uint8

MOST_PIXELS = 1500
"""Of a picture's width, and of its height."""
MOST_ROWS = 20
"""Classes in a picture, at most."""
MAGNIFIED = 2
"""How many times small images are enlarged, where there is room."""
FONT_PIXELS = 13
MOST_LABEL_PIXELS = 220


def class_picture(
    images: Tensor, classes: Tensor, names: Sequence[str], path: Path, rank: Tensor | None = None
) -> None:
    """Write a picture with a row per class, which says its name and how many of the images are of it.

    Of more classes than ``MOST_ROWS`` the emptiest and the fullest are shown.

    :param images: (N, C, H, W) in [0, 1].
    :param classes: int64 (N,), indices into ``names``.
    :param rank: (N,), by which the best images of a class are chosen; None takes the first ones.
    """
    counts = torch.bincount(classes, minlength=len(names)).tolist()
    rows = emptiest_and_fullest(counts, MOST_ROWS)
    title = "" if len(rows) == len(names) else f"the emptiest and the fullest {len(rows)} of {len(names):,} classes"
    grid(by_class(images, classes, rows, rank), path, [f"{names[k]} ({counts[k]:,})" for k in rows], title)


def emptiest_and_fullest(counts: Sequence[float], most: int) -> list[int]:
    """Indices of the classes to show: all in their order, or of more than ``most`` the emptiest half, then the fullest.

    Each half begins with its extreme; of equal counts the first comes first.
    """
    if len(counts) <= most:
        return list(range(len(counts)))
    order = sorted(range(len(counts)), key=lambda index: counts[index])
    full = sorted(order[len(order) - most // 2 :], key=lambda index: -counts[index])
    return order[: most - most // 2] + full


def by_class(
    images: Tensor, classes: Tensor, rows: Sequence[int], rank: Tensor | None = None, columns: int = 10
) -> Tensor:
    """A row per class (rows, columns, C, H, W); white where a class has too few images.

    :param images: (N, C, H, W) in [0, 1].
    :param classes: int64 (N,).
    :param rows: the classes to show, in this order.
    :param rank: (N,), by which the best images of a class are chosen; None takes the first ones.
    """
    picture = torch.ones(len(rows), columns, *images.shape[1:], device=images.device)
    for row, label in zip(picture, rows, strict=True):
        mine = (classes == label).nonzero().flatten()
        chosen = mine if rank is None else mine[rank[mine].argsort(descending=True)]
        best = images[chosen[:columns]]
        row[: len(best)] = best
    return picture


def grid(images: Tensor, path: Path, labels: Sequence[str] = (), title: str = "") -> None:
    """Write a picture of images (rows, columns, C, H, W) in [0, 1], a pixel apart and within ``MOST_PIXELS``.

    :param labels: what stands before each row; long ones are cut.
    :param title: what stands above all.
    """
    font = ImageFont.load_default(FONT_PIXELS)
    shown = [_cut(label, font) for label in labels]
    left = round(max((font.getlength(label) for label in shown), default=-8.0)) + 8
    top = FONT_PIXELS + 8 if title else 0
    rows, columns, channels, height, width = images.shape
    room = min((MOST_PIXELS - left) // columns / (width + 1), (MOST_PIXELS - top) // rows / (height + 1))
    scale = min(room, MAGNIFIED)
    scale = int(scale) if scale >= 1 else scale  # whole pixels stay sharp
    size = max(1, int(width * scale)), max(1, int(height * scale))
    how = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS

    mode, white = ("L", 255) if channels == 1 else ("RGB", (255, 255, 255))
    sheet = Image.new(mode, (left + columns * (size[0] + 1) + 1, top + rows * (size[1] + 1) + 1), white)
    draw = ImageDraw.Draw(sheet)
    draw.text((4, 4), title, font=font, fill="black")
    for row, line in enumerate(images):
        y = top + row * (size[1] + 1) + 1
        if shown:
            draw.text((4, y + (size[1] - FONT_PIXELS) // 2), shown[row], font=font, fill="black")
        for column, image in enumerate(to_uint8(line).cpu()):
            levels = image.permute(1, 2, 0).contiguous().numpy()  # (H, W, C)
            tile = Image.fromarray(levels[..., 0] if channels == 1 else levels).resize(size, how)
            sheet.paste(tile, (left + column * (size[0] + 1) + 1, y))
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path)


def _cut(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """On one line, and short enough."""
    label = " ".join(label.split())
    if font.getlength(label) <= MOST_LABEL_PIXELS:
        return label
    while label and font.getlength(f"{label}...") > MOST_LABEL_PIXELS:
        label = label[:-1]
    return f"{label}..."
