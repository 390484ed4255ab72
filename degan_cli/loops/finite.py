"""Losses that are no numbers end a run."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..errors import Diverged


def check_finite(loss: float, when: str, option: str) -> None:
    """Raise Diverged when a loss is NaN or infinite."""
    if not abs(loss) < float("inf"):
        raise Diverged(f"the loss is {loss} after {when}; try a smaller {option}, or --precision fp32")


def finite_values(row: Mapping[str, Tensor | float], when: str, option: str) -> dict[str, float]:
    """The losses of a step as numbers; raises Diverged when one is NaN or infinite."""
    values = {name: float(value) for name, value in row.items()}
    check_finite(sum(values.values()), when, option)
    return values
