"""Mean and std of a library's networks, for images of other channels too."""

from __future__ import annotations


def per_channel(
    mean: tuple[float, ...], std: tuple[float, ...], channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Given values per channel, or their average for another number of channels."""
    if len(mean) == channels:
        return mean, std
    return (sum(mean) / len(mean),) * channels, (sum(std) / len(std),) * channels
