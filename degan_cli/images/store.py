"""Images that a loop draws batches from: on the device where they fit, else in host memory, sent batch by batch.

In host memory they may also be mapped from a file that is larger than the memory. Nothing here copies such a set, or a
large part of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

SHARE = 0.5
"""Of the device's free memory, at most so much is taken by images; networks need the rest."""
PART_BYTES = 2**28
"""Up to which a part of a set is copied out of it; of a larger one the indices are kept."""
PINNED_BYTES = 2**32
"""Up to which a set is kept pinned."""


class ImageStore:
    """Images uint8 (N, C, H, W) by index, for a loop on ``device``.

    :param rows: int64 (N,), indices of those among ``images`` that are meant; None for all of them.
    """

    def __init__(self, images: Tensor, device: torch.device, rows: Tensor | None = None) -> None:
        self.device = device
        self._count = len(images) if rows is None else len(rows)
        size = self._count * images[:1].nbytes
        if rows is not None and size <= PART_BYTES:
            images, rows = images[rows], None
        self.streamed = size > SHARE * free_bytes(device)
        if self.streamed and device.type == "cuda" and rows is None and size <= PINNED_BYTES:
            # Pinned: the copy to the device then runs beside the computation.
            images = images.pin_memory()
        elif not self.streamed and device.type != "cpu":
            images, rows = _sent(images, device, rows), None
        self.images, self.rows = images, rows

    @property
    def home(self) -> torch.device:
        """Where the images lie, and the indices given to :meth:`take` must."""
        return self.images.device

    def take(self, indices: Tensor) -> Tensor:
        """The images uint8 (n, C, H, W) of these indices int64 (n,), on the device."""
        rows = indices if self.rows is None else self.rows[indices]
        return self.images[rows].to(self.device, non_blocking=True)

    def first(self, count: int) -> Tensor:
        """The first images, at most so many, on the device."""
        return self.take(torch.arange(min(count, len(self)), device=self.home))

    def batches(self, size: int) -> Iterator[Tensor]:
        """All images in their order, on the device, so many at a time."""
        for start in range(0, len(self), size):
            yield self.take(torch.arange(start, min(start + size, len(self)), device=self.home))

    @property
    def shape(self) -> torch.Size:
        """(C, H, W) of each."""
        return self.images.shape[1:]

    def __len__(self) -> int:
        return self._count


def _sent(images: Tensor, device: torch.device, rows: Tensor | None) -> Tensor:
    """A set, or some rows of it, on the device, with no copy of it on the host."""
    if rows is None:
        return images.to(device)
    sent = torch.empty((len(rows), *images.shape[1:]), dtype=images.dtype, device=device)
    for part, target in zip(torch.split(rows, 1024), torch.split(sent, 1024), strict=True):
        target.copy_(images[part])
    return sent


def free_bytes(device: torch.device) -> float:
    """What is free on a device with memory of its own; without bound where it shares the host's."""
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else float("inf")
