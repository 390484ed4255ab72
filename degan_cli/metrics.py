"""How good predictions and samples are, as pure functions of classes, logits and features.

Feature-space distances are computed in float64 on the features' device, and need no downloaded network.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

CALIBRATION_BINS = 15
"""Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 5."""
NEIGHBOURS = 5
"""Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020, section 4."""
KID_SUBSET = 1000
_CHUNK = 1024


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
    confidence, predicted = _probabilities(logits).max(dim=1)
    index = ((confidence * bins).ceil().long() - 1).clamp(0, bins - 1)
    gap = (predicted == labels).double() - confidence
    sums = torch.zeros(bins, dtype=torch.float64, device=logits.device).index_add_(0, index, gap)
    return float(sums.abs().sum() / len(logits))


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


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Squared Fréchet distance of two Gaussians fitted to the features, >= 0; 0 when mean and covariance agree.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with covariances divided by N - 1. It shrinks with more images,
    so only values of equal numbers compare. With Inception features this is the FID.

    Shape: (N, D) and (M, D). Raises: ValueError with fewer than 2 images in either.
    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", NeurIPS 2017, equation 6.
    Differs: the root of the symmetric C1^(1/2) C2 C1^(1/2), which has the same trace and is always real.
    """
    real, fake = _features(real, fake, at_least=2)
    shift = real.mean(dim=0) - fake.mean(dim=0)
    first, second = torch.cov(real.T).view(len(shift), -1), torch.cov(fake.T).view(len(shift), -1)
    root = _symmetric_root(first)
    product = root @ second @ root
    cross = _positive(torch.linalg.eigvalsh((product + product.T) / 2)).sqrt().sum()
    return max(0.0, float(shift.square().sum() + first.trace() + second.trace() - 2 * cross))


def _positive(eigenvalues: Tensor) -> Tensor:
    """Zero for those that only rounding tells from zero: their roots would add up to a visible distance."""
    least = eigenvalues.abs().max() * len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
    return torch.where(eigenvalues > least, eigenvalues, 0)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * _positive(values).sqrt()) @ vectors.T
    return root


def kernel_distance(
    real: Tensor, fake: Tensor, subsets: int = 50, subset_size: int = KID_SUBSET, seed: int = 0
) -> tuple[float, float]:
    """Unbiased squared maximum mean discrepancy of the features: mean and standard deviation over random subsets.

    Kernel (x . y / D + 1)^3. About 0, also slightly below, for images of one distribution, whatever their number.
    With Inception features this is the KID.

    Shape: (N, D) and (M, D); a subset takes at most min(N, M) images of each.
    Raises: ValueError with fewer than 2 images in either.
    Source: Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4.
    """
    real, fake = _features(real, fake, at_least=2)
    size = min(subset_size, len(real), len(fake))
    draw = torch.Generator().manual_seed(seed)
    values = torch.empty(subsets, dtype=torch.float64)
    for subset in range(subsets):
        x = real[torch.randperm(len(real), generator=draw)[:size].to(real.device)]
        y = fake[torch.randperm(len(fake), generator=draw)[:size].to(fake.device)]
        within = _off_diagonal_mean(_kernel(x, x)) + _off_diagonal_mean(_kernel(y, y))
        values[subset] = within - 2 * _kernel(x, y).mean()
    return float(values.mean()), float(values.std(correction=0))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    base = x @ y.T / x.shape[1] + 1
    return base * base * base  # the general power is several times slower


def _off_diagonal_mean(square: Tensor) -> Tensor:
    size = len(square)
    return (square.sum() - square.trace()) / (size * (size - 1))


def precision_recall_density_coverage(real: Tensor, fake: Tensor, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """Fidelity (precision, density) and diversity (recall, coverage) of fake features, by k nearest neighbours.

    An image's ball reaches to its k-th nearest other image of its own set. ``precision``: fraction of the fakes in
    some real ball. ``recall``: fraction of the real images in some fake ball. ``density``: number of real balls that
    a fake lies in, mean over the fakes divided by k; may exceed 1. ``coverage``: fraction of the real balls that
    hold a fake. All but density are in [0, 1]; more is better.

    Shape: (N, D) and (M, D). Raises: ValueError unless both have more than ``neighbours`` images.
    Source: precision and recall of Kynkäänniemi et al., NeurIPS 2019; density and coverage of Naeem et al., ICML 2020.
    """
    real, fake = _features(real, fake, at_least=neighbours + 1)
    centre = real.mean(dim=0)  # distances by matrix products lose digits far from the origin
    real, fake = real - centre, fake - centre
    real_radii, fake_radii = _radii(real, neighbours), _radii(fake, neighbours)

    balls = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    recalled = covered = 0
    for rows, radii in zip(torch.split(real, _CHUNK), torch.split(real_radii, _CHUNK), strict=True):
        distances = torch.cdist(rows, fake)  # (chunk, M)
        inside = distances <= radii[:, None]
        balls += inside.sum(dim=0)
        covered += int(inside.any(dim=1).sum())
        recalled += int((distances <= fake_radii).any(dim=1).sum())
    return {
        "precision": float((balls > 0).double().mean()),
        "recall": recalled / len(real),
        "density": float(balls.double().mean() / neighbours),
        "coverage": covered / len(real),
    }


def _radii(features: Tensor, neighbours: int) -> Tensor:
    """Distance of each row to its k-th nearest other row: (N,)."""
    radii = []
    for start in range(0, len(features), _CHUNK):
        distances = torch.cdist(features[start : start + _CHUNK], features)
        own = torch.arange(len(distances), device=features.device)
        distances[own, own + start] = torch.inf
        radii.append(distances.kthvalue(neighbours, dim=1).values)
    return torch.cat(radii)


def _features(real: Tensor, fake: Tensor, at_least: int) -> tuple[Tensor, Tensor]:
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise ValueError(f"features {tuple(real.shape)} and {tuple(fake.shape)} must be (N, D) and (M, D)")
    if min(len(real), len(fake)) < at_least:
        raise ValueError(f"{len(real)} and {len(fake)} images are too few, at least {at_least} of each are needed")
    return real.double(), fake.double()
