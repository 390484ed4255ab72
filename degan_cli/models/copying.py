"""One network made equal to another."""

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
