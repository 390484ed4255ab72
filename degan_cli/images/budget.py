"""How many images at a time: so many that their pixels stay within a budget, and a network's memory with them."""

from __future__ import annotations

from collections.abc import Sequence

BATCH_VALUES = 512 * 3 * 32 * 32
"""Pixels times channels of a batch that is only looked at. What a network holds of it is some hundred times as much."""


def within(most: int, *shapes: Sequence[int], values: int = BATCH_VALUES, least: int = 1) -> int:
    """``most`` images, or as many as stay within the budget: never fewer than ``least``.

    :param shapes: (C, H, W) that the images have on their way, the largest of which counts.
    :param values: the budget, in pixels times channels; images of up to 32x32 RGB are always taken 512 at a time.
    """
    largest = max(channels * height * width for channels, height, width in shapes)
    return max(least, min(most, values // max(1, largest)))
