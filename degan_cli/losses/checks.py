"""What losses of logits have in common."""

from __future__ import annotations

from torch import Tensor


def unchanged(values: Tensor) -> Tensor:
    """The mean over one process: the values themselves."""
    return values


def checked_logits(logits: Tensor) -> Tensor:
    """The logits (batch, classes) in float32; raises ValueError for another shape or an empty batch."""
    if logits.ndim != 2 or len(logits) == 0:
        raise ValueError(f"logits must be (batch, classes) and not empty, got {tuple(logits.shape)}")
    return logits.float()
