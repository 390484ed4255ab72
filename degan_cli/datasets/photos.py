"""Crops of the two photographs that scikit-learn brings along: colour images without a single file or download."""

from __future__ import annotations

import torch

from ..specs import ImageSet
from .crops import SEEDS, SHAPE, make_crops

NAMES = ("china.jpg", "flower.jpg")
COUNTS = {"train": 20_000, "test": 2_000}


def load_photos(split: str, shape: tuple[int, int, int] | None = None) -> ImageSet:
    """Crops of a temple in China and of a flower, in turn, without labels; :mod:`degan_cli.datasets.crops` makes them.

    Source: scikit-learn, ``sklearn.datasets.load_sample_image``, 640x427 RGB both; its documentation names their
    photographers and licence.

    :param shape: (C, H, W) of the crops; None is 32x32 RGB.
    :raises BadFile: for crops that are larger than the photographs.
    """
    from sklearn import datasets

    pictures = ((f"photos: {name}", torch.tensor(datasets.load_sample_image(name)).permute(2, 0, 1)) for name in NAMES)
    images = make_crops(pictures, len(NAMES), COUNTS[split], SEEDS[split], shape or SHAPE, "photos")
    return ImageSet(images=images, labels=None, class_names=())
