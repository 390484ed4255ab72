"""A set of images that is drawn, not read: bright discs and squares on dark grounds.

One that reads files looks for them in ``request.data_dir``, and raises ``degan_cli.errors.BadFile`` naming the one that
is missing.
"""

from __future__ import annotations

import torch

from degan_cli.specs import DatasetRequest, ImageSet

CLASS_NAMES = ("disc", "square")
COUNTS = {"train": 1000, "test": 200}
SEEDS = {"train": 0, "test": 1}
SIDE = 32


def load(request: DatasetRequest) -> ImageSet:
    """Grey images uint8 (N, 1, 32, 32); the same ones each time."""
    count, draw = COUNTS[request.split], torch.Generator().manual_seed(SEEDS[request.split])
    labels = torch.arange(count) % len(CLASS_NAMES)
    centre = torch.rand(2, count, 1, 1, generator=draw) * SIDE / 2 + SIDE / 4
    radius = torch.rand(count, 1, 1, generator=draw) * 4 + 4
    rows, columns = torch.arange(SIDE).view(1, -1, 1), torch.arange(SIDE).view(1, 1, -1)
    down, right = (rows - centre[0]).abs(), (columns - centre[1]).abs()  # (N, 32, 1) and (N, 1, 32)
    disc, square = down.square() + right.square() < radius.square(), torch.maximum(down, right) < radius
    inside = torch.where(labels.view(-1, 1, 1) == 0, disc, square)  # (N, 32, 32)
    ground = torch.randint(0, 60, inside.shape, generator=draw)
    images = torch.where(inside, 255 - ground, ground).to(torch.uint8)
    return ImageSet(images=images[:, None], labels=labels, class_names=CLASS_NAMES)
