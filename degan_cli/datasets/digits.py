"""The handwritten digits that scikit-learn brings along: real images, without a single file or download."""

from __future__ import annotations

import torch

from ..specs import ImageSet
from .class_names import NUMERALS

FIFTH = 5
"""Every fifth image of each class is for testing."""


def load_digits(split: str) -> ImageSet:
    """8x8 grey digits with levels 0 ... 16 spread over 0 ... 255; 1442 for ``train``, 355 for ``test``.

    The split is stratified and the same for every seed: scikit-learn itself has none.

    Source: scikit-learn, ``sklearn.datasets.load_digits``, the test part of UCI Optdigits.
    """
    from sklearn import datasets

    bundled = datasets.load_digits()
    images = torch.from_numpy(bundled.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)  # (1797, 1, 8, 8)
    labels = torch.from_numpy(bundled.target).to(torch.int64)
    chosen = _for_testing(labels) if split == "test" else ~_for_testing(labels)
    return ImageSet(images=images[chosen], labels=labels[chosen], class_names=NUMERALS)


def _for_testing(labels: torch.Tensor) -> torch.Tensor:
    """True for the fifth, tenth, ... image of each class."""
    one_hot = torch.nn.functional.one_hot(labels)
    place = one_hot.cumsum(0).gather(1, labels.unsqueeze(1)).squeeze(1)  # 1 for the first of its class
    return place % FIFTH == 0
