"""How far two sets of images are apart in a feature space, as pure functions of features.

Distances are computed in float64 on the features' device, and need no downloaded network.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEIGHBOURS = 5
"""Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020, section 4."""

KID_SUBSET = 1000

_CHUNK = 1024


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
