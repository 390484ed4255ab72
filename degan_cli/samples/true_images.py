"""The images that are condensed: drawn class by class, normalised by their own mean and standard deviation."""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import CondenseSettings
from ..images import ImageStore, draws, to_unit, within
from ..specs import ImageSet

STATISTICS_VALUES = 4096 * 3 * 32 * 32
"""Pixels times channels that are summed at once."""


class TrueImages:
    """A data set whose images have labels, at least one of each class, for a loop on ``device``."""

    def __init__(self, data: ImageSet, device: torch.device) -> None:
        assert data.labels is not None
        self.shape = data.images.shape[1:]
        self.mean, self.std = (value.to(device) for value in statistics(data.images))
        self.store = ImageStore(data.images, device)
        self.places = [(data.labels == label).nonzero().flatten() for label in range(len(data.class_names))]
        self.most = max(map(len, self.places))

    def draw(self, label: int, count: int) -> Tensor:
        """So many different images of a class, or all there are, (n, C, H, W) on the device."""
        return self._taken(self._chosen(label, count))

    def draw_part(self, label: int, count: int) -> tuple[Tensor, float]:
        """This process's part of so many, and what its mean counts among those of all parts: 1 where they are equal.

        Where there are fewer images than processes, each process has all of them.
        """
        chosen, (rank, processes) = self._chosen(label, count), draws.group()
        if len(chosen) < processes:
            return self._taken(chosen), 1.0
        part = chosen.tensor_split(processes)[rank]
        return self._taken(part), len(part) * processes / len(chosen)

    def _chosen(self, label: int, count: int) -> Tensor:
        mine = self.places[label]
        # Drawn on the CPU, so that a run draws the same images on every device.
        return mine[torch.randperm(len(mine))[:count]]

    def _taken(self, chosen: Tensor) -> Tensor:
        return self.normalise(to_unit(self.store.take(chosen.to(self.store.home))))

    def start(self, settings: CondenseSettings) -> list[Tensor]:
        """What the synthetic images of each class start from, the same in all processes."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            if settings.init == "real":
                return [self.draw(label, settings.per_class) for label in range(len(self.places))]
            noise = [torch.randn(settings.per_class, *self.shape).to(self.mean.device) for _ in self.places]
            return [self.normalise(self.restore(images).clamp(0, 1)) for images in noise]

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1] to mean 0 and standard deviation 1."""
        return (pixels - self.mean) / self.std

    def restore(self, images: Tensor) -> Tensor:
        """The inverse of :meth:`normalise`."""
        return images * self.std + self.mean


def statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel (C, 1, 1) of uint8 images, in [0, 1]; never 0, as of blank ones."""
    sums = torch.zeros(2, images.shape[1], dtype=torch.float64)
    for part in torch.split(images, within(4096, images.shape[1:], values=STATISTICS_VALUES)):
        pixels = part.double() / 255
        sums += torch.stack([pixels.sum(dim=(0, 2, 3)), pixels.square().sum(dim=(0, 2, 3))]).cpu()
    mean, square = sums / (images.numel() / images.shape[1])
    std = (square - mean.square()).clamp(min=0).sqrt().clamp(min=1e-2)
    return mean.float()[:, None, None], std.float()[:, None, None]
