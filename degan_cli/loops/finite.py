"""Losses that are no numbers end a run."""

from __future__ import annotations

from ..errors import Diverged


def check_finite(loss: float, when: str, option: str) -> None:
    """Raise Diverged when a loss is NaN or infinite."""
    if not abs(loss) < float("inf"):
        raise Diverged(f"the loss is {loss} after {when}; try a smaller {option}, or --precision fp32")
