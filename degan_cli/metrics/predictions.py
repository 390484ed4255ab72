"""How good predictions are, as pure functions of classes and logits."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

CALIBRATION_BINS = 15
"""Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 5."""


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Fraction of the images given their own class, in [0, 1].

    Shape: ``predicted`` logits (N, classes) or int64 classes (N,); ``labels`` int64 (N,).
    Raises: ValueError when they are empty or differ in length.
    """
    predicted = _classes(predicted)
    if predicted.shape != labels.shape or predicted.ndim != 1 or not len(predicted):
        raise ValueError(f"classes {tuple(predicted.shape)} and {tuple(labels.shape)} must be equally many, at least 1")
    return float((predicted == labels).double().mean())


def agreement(first: Tensor, second: Tensor) -> float:
    """Fraction of the images that two classifiers give the same class, in [0, 1]; needs no labels.

    Shape: each logits (N, classes) or int64 classes (N,), in one numbering of classes.
    Raises: ValueError like :func:`accuracy`.
    """
    return accuracy(first, _classes(second))


def curve_summary(values: Sequence[float]) -> dict[str, Any]:
    """How a run went: ``peak``, ``mean``, ``variance`` and ``last`` of one number per epoch, beside the ``values``.

    A data-free student forgets what its samples no longer show, so the peak promises what nobody without test data can
    pick; it is for comparison with published numbers only. ``variance`` is the population's, of fractions: the square
    of a spread of 0.05 is 0.0025.
    Raises: ValueError when there are none.
    Source: Binici et al., WACV 2022 and AAAI 2022, who report mean and variance over all epochs beside the peak.
    """
    if not values:
        raise ValueError("a curve needs a value")
    return {
        "peak": max(values),
        "mean": statistics.fmean(values),
        "variance": statistics.pvariance(values),
        "last": values[-1],
        "values": list(values),
    }


def _classes(predicted: Tensor) -> Tensor:
    return predicted.argmax(dim=1) if predicted.ndim == 2 else predicted


def as_softmax(logits: Tensor, outputs: str = "softmax") -> Tensor:
    """Logits whose softmax is what a classifier says of each class.

    They are its own, but of one that was taught with a sigmoid per class: there the sigmoids are what it says, and the
    softmax of their logarithms is each sigmoid's share of their sum.

    :param outputs: ``softmax`` or ``sigmoid``, as the classifier was taught.

    Shape: (N, classes), as what is returned.
    """
    return F.logsigmoid(logits) if outputs == "sigmoid" else logits


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How many images of each class (row) were given each class (column): int64 (classes, classes).

    Shape: both int64 (N,), values in 0..classes-1.
    """
    counts = torch.bincount(labels * classes + predicted, minlength=classes * classes)
    return counts.view(classes, classes)


def per_class_accuracy(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Fraction of each class's images that were given this class: float64 (classes,), NaN for a class without images.

    Shape: both int64 (N,), values in 0..classes-1.
    """
    table = confusion(predicted, labels, classes).double()
    return table.diagonal() / table.sum(dim=1)


def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = CALIBRATION_BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence, in [0, 1]; 0 is calibrated.

    Confidence is the largest softmax probability; each bin (low, high] weighs as many images as fall into it.

    Shape: ``logits`` (N, classes), unnormalised; ``labels`` int64 (N,). Raises: ValueError when N is 0.
    Source: Naeini et al., AAAI 2015; Guo et al., ICML 2017, equation 3.
    """
    found = reliability(logits, labels, bins)
    return sum(one["images"] * abs(one["accuracy"] - one["confidence"]) for one in found) / len(logits)


def reliability(logits: Tensor, labels: Tensor, bins: int = CALIBRATION_BINS) -> list[dict[str, float]]:
    """How often a classifier is right where it is so confident: a reliability diagram, bin by bin, ascending.

    Each of ``bins`` equal widths (low, high] of confidence into which images fall gives ``images``, their mean
    ``confidence`` and their ``accuracy``, both in [0, 1].

    Shape: ``logits`` (N, classes), unnormalised; ``labels`` int64 (N,). Raises: ValueError when N is 0.
    Source: Guo et al., ICML 2017, figure 1.
    """
    confidence, predicted = _probabilities(logits).max(dim=1)
    index = ((confidence * bins).ceil().long() - 1).clamp(0, bins - 1)

    def per_bin(values: Tensor) -> Tensor:
        return torch.zeros(bins, dtype=torch.float64, device=logits.device).index_add_(0, index, values.double())

    counts, right, sure = (per_bin(values) for values in (torch.ones_like(confidence), predicted == labels, confidence))
    return [
        {"images": int(counts[k]), "confidence": float(sure[k] / counts[k]), "accuracy": float(right[k] / counts[k])}
        for k in counts.nonzero().flatten().tolist()
    ]


def class_counts(predicted: Tensor, classes: int) -> Tensor:
    """How many images were given each class: int64 (classes,)."""
    return torch.bincount(predicted, minlength=classes)


def mean_confidence(logits: Tensor) -> float:
    """Mean of the largest softmax probability, in [1 / classes, 1]. Shape: (N, classes), N > 0."""
    return float(_probabilities(logits).max(dim=1).values.mean())


def mean_entropy(logits: Tensor) -> float:
    """Mean entropy of the predictions in nats, in [0, log(classes)]. Shape: (N, classes), N > 0."""
    return float(torch.special.entr(_probabilities(logits)).sum(dim=1).mean())


def _probabilities(logits: Tensor) -> Tensor:
    if logits.ndim != 2 or not len(logits):
        raise ValueError(f"logits must be (N, classes) and not empty, got {tuple(logits.shape)}")
    return F.softmax(logits.double(), dim=1)
