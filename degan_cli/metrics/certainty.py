"""Which of many images a classifier is most certain of, as a pure function of its logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def most_certain(logits: Tensor, count: int, balanced: bool = False) -> Tensor:
    """Ascending indices int64 (min(count, N),) of the images whose prediction has the lowest entropy.

    Of images with equal entropy the first are taken, and those with logits that are not finite numbers come last.

    Source: Chen et al., "Learning Student Networks in the Wild", CVPR 2021, who keep the unlabelled images of which the
    teacher is most confident. They order them by the cross-entropy with the teacher's own top class; the entropy, which
    the GAN's loss uses too, also weighs how the rest is spread. Shares of classes are our addition, and nothing here
    corrects the teacher's labels, as their adaptation matrix does.

    :param logits: (N, classes), unnormalised; computed with in float64.
    :param count: how many images to choose, at least 1.
    :param balanced: first the most certain ``count // classes`` images of each predicted class, or all there are, and
        then the most certain of the others.
    """
    entropy = torch.special.entr(F.softmax(logits.double(), dim=1)).sum(dim=1)  # (N,) in nats
    order = entropy.argsort(stable=True)  # the most certain first, NaN last
    if balanced:
        share = count // logits.shape[1]
        beyond = _places(logits[order].argmax(dim=1)) >= share
        order = order[beyond.int().argsort(stable=True)]
    chosen: Tensor = order[:count].sort().values
    return chosen


def _places(classes: Tensor) -> Tensor:
    """Of each item int64 (N,), how many of its class stand before it."""
    grouped = classes.argsort(stable=True)
    counts = torch.bincount(classes)
    first = counts.cumsum(dim=0) - counts  # of each class, among the grouped ones
    places = torch.empty_like(classes)
    places[grouped] = torch.arange(len(classes), device=classes.device) - first[classes[grouped]]
    return places
