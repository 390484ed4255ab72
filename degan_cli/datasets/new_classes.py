"""Labels for classes that a classifier is to learn besides those it knows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..console import shortened
from ..errors import BadFile
from ..specs import ImageSet
from .subset import match_classes


def number_new_classes(expression: str, data: ImageSet, old_names: Sequence[str], path: str) -> Tensor:
    """The classes of new images counted on from the old ones, int64 (N,).

    :param expression: what messages call the new images.
    :param path: what they call the classifier of the old classes.
    :raises BadFile: without labels, with a single image, with a class that is known already or has no image.
    """
    if data.labels is None:
        raise BadFile(f"{expression}: no labels, but new classes need them; sort the images into one folder per class")
    if len(data.images) < 2:
        raise BadFile(f"{expression}: {len(data.images)} image; new classes need at least 2, and do well with hundreds")
    each = torch.arange(len(data.class_names))
    matched, unmatched = match_classes(each, data.class_names, old_names)
    if len(unmatched) < len(data.class_names):
        shared = [name for name, index in zip(data.class_names, matched.tolist(), strict=True) if index >= 0]
        advice = f"choose others ({expression.partition(':')[0]}:NAME,...), or rename them if they are other things"
        raise BadFile(f"{expression}: {path} knows {shortened(shared)} already; {advice}")
    counts = torch.bincount(data.labels, minlength=len(data.class_names)).tolist()
    empty = [name for name, count in zip(data.class_names, counts, strict=True) if not count]
    if empty:
        raise BadFile(f"{expression}: no image of {shortened(empty)}; each new class needs some")
    return data.labels + len(old_names)
