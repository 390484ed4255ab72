"""Augmentations by the names that options have for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from .crop_flip import augment
from .outlines import outline_some
from .resized_crop import resized_crop
from .strong import augment_strongly


def augmentation(kind: str) -> Callable[[Tensor], Tensor]:
    """What changes each image (batch, C, H, W) in [0, 1] at random; the shape stays.

    :param kind: ``none``, ``crop``, ``flip``, ``crop-flip``, ``resized-crop``, ``resized-crop-flip``, ``strong`` or
        ``outlined``, which is ``strong`` after some images became their outlines.
    """
    if kind == "strong":
        return augment_strongly
    if kind == "outlined":
        return lambda images: augment_strongly(outline_some(images))
    if kind.startswith("resized-crop"):
        return partial(resized_crop, flip=kind.endswith("flip"))
    return partial(augment, kind=kind)
