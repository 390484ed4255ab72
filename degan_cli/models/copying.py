"""One network made equal to another, or a step nearer to it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ..specs import Network


def copy_weights(source: Network, target: Network) -> None:
    """Make ``target`` equal to ``source``, buffers included, without new memory."""
    with torch.no_grad():
        for mine, theirs in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
            cast(Tensor, mine).copy_(theirs)


def follow(average: Network, latest: Network, decay: float) -> None:
    """Make ``average`` a moving average of ``latest``: ``decay`` of it stays; whole numbers are copied."""
    with torch.no_grad():
        for mine, theirs in zip(average.state_dict().values(), latest.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)
