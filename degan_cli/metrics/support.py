"""What a set of samples rests on, by the classifier's own view: how many classes it shows, how evenly and how surely.

Needs no true data, so it can be asked wherever there are samples. The thresholds are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

SEEN_PART = 10
"""A class is seen when it has at least one such part of its even share of the samples."""
LEAST_EFFECTIVE = 1.5
"""Fewer effective classes are one class with a few strays."""
LEAST_SHARE = 1 / 20
"""Part of all classes which the effective ones must make up."""
LEAST_ABOVE_CHANCE = 0.1
"""Part of the way from chance to certainty which the mean confidence must have gone."""

ROUNDING = 1e-2
"""By which a probability may exceed 1, of a softmax in low precision."""


@dataclass(frozen=True, slots=True)
class Support:
    """How many classes samples show, how evenly, and how sure the classifier is of them."""

    classes: int
    """All that the classifier knows."""
    seen: int
    """Those that get at least a tenth of an even share of the samples, by the largest probability."""
    effective: float
    """As many classes in even shares would be as diverse: the exponential of the counts' entropy, 1 to ``classes``."""
    confidence: float
    """Mean of the largest probability, in [0, 1]."""

    @property
    def narrow(self) -> bool:
        """Whether nearly all samples fall into one class, or into less than a twentieth of many."""
        return self.classes > 1 and self.effective < max(LEAST_EFFECTIVE, LEAST_SHARE * self.classes)

    @property
    def unsure(self) -> bool:
        """Whether the classifier takes the samples for any class: its confidence is hardly above chance."""
        chance = 1 / self.classes
        return self.classes > 1 and self.confidence < chance + LEAST_ABOVE_CHANCE * (1 - chance)

    @property
    def useless(self) -> bool:
        """Whether nothing can be learned or judged from such samples: they are narrow, or the classifier is unsure."""
        return self.narrow or self.unsure

    def describe(self) -> str:
        """For people, such as ``10 of 10 classes, 8.7 effective, confidence 0.93``."""
        counts = f"{self.seen} of {self.classes} classes, {self.effective:.1f} effective"
        return f"{counts}, confidence {self.confidence:.2f}"


def support(probabilities: Tensor) -> Support:
    """What samples rest on.

    Shape: ``probabilities`` of any float type (n, classes), each in [0, 1]; rows need not add up to 1, for a classifier
    with a sigmoid per class is asked in the same way.
    Raises: ValueError when there are no samples or no classes, or a value lies out of [0, 1].
    """
    if probabilities.ndim != 2 or not probabilities.numel():
        raise ValueError(f"probabilities must be (n, classes) and not empty, got {tuple(probabilities.shape)}")
    if not bool(((probabilities >= 0) & (probabilities <= 1 + ROUNDING)).all()):
        raise ValueError("probabilities must lie in [0, 1]")
    number, classes = probabilities.shape
    top, predicted = probabilities.double().max(dim=1)
    shares = torch.bincount(predicted, minlength=classes).double() / number  # (classes,)
    return Support(
        classes=classes,
        seen=int((shares * SEEN_PART * classes >= 1 - 1e-9).sum()),
        effective=math.exp(float(torch.special.entr(shares).sum())),
        confidence=float(top.mean()),
    )
