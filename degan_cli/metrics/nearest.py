"""Which of many points is nearest to each of some, as a pure function."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 1024


def nearest(points: Tensor, others: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Euclidean distance of each point to the nearest of the others, float32 (N,), and the index of that one (N,).

    The distance is exact for the one that is found, 0 for an equal point; which one is found may, among those that are
    nearly equally far, be decided by rounding.

    Shape: ``points`` (N, D), ``others`` (M, D), of any number type.
    Raises: ValueError when there are no others.

    :param own: int64 (N,), for points that are among the others the index of each, which then does not count.
    """
    if not len(others) or own is not None and len(others) < 2:
        raise ValueError("there must be another point to be near to")
    centre = others.float().mean(dim=0)  # squares of what is far from 0 would lose the differences
    points = points.float()
    least = torch.full((len(points),), float("inf"))
    index = torch.zeros(len(points), dtype=torch.int64)
    for first in range(0, len(others), CHUNK):
        part = others[first : first + CHUNK].float() - centre
        squares = part.square().sum(dim=1) - 2 * (points - centre) @ part.T  # (N, chunk), up to |point|^2
        if own is not None:
            here = ((own >= first) & (own < first + len(part))).nonzero().flatten()
            squares[here, own[here] - first] = float("inf")
        found, place = squares.min(dim=1)
        better = found < least
        least[better], index[better] = found[better], place[better] + first
    return (points - others[index].float()).norm(dim=1), index
