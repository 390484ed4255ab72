"""How far a few synthetic images are from many true ones, for a network that sees both. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

TINY = 1e-6
"""Added to the product of two lengths, as in the source."""


def distribution_distance(real: Tensor, synthetic: Tensor) -> Tensor:
    """Squared distance of the mean features: ``|| mean_n phi(x_n) - mean_m phi(s_m) ||^2``, a scalar of at least 0.

    Source: Zhao and Bilen, "Dataset Condensation with Distribution Matching", WACV 2023: the maximum mean discrepancy
    of a linear kernel in the space of the features.

    :param real: features (n, F); gradients through it are the caller's to stop.
    :param synthetic: features (m, F).
    """
    return (real.float().mean(dim=0) - synthetic.float().mean(dim=0)).square().sum()


def gradient_distance(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    """``1 - cos`` of two gradients, for each output filter or unit by itself, summed over all of them.

    A scalar from 0, where all directions agree, to twice the number of filters. Biases and the weights of
    normalisations, which have one axis only, are left out. A filter without gradient counts as 1.

    Source: Zhao, Mopuri and Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021, and their code.

    :param real: gradients of the loss on true images, one tensor (out, ...) for each weight.
    :param synthetic: those on synthetic images, of the same weights in the same order.
    """
    distances = [torch.zeros((), device=tensor.device) for tensor in synthetic[:1]]
    for one, other in zip(real, synthetic, strict=True):
        if one.ndim > 1:
            one, other = one.float().flatten(1), other.float().flatten(1)  # (out, the rest)
            lengths = one.norm(dim=1) * other.norm(dim=1)
            distances.append((1 - (one * other).sum(dim=1) / (lengths + TINY)).sum())
    return torch.stack(distances).sum()
