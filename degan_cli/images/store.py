"""Images that a loop draws batches from: on the device where they fit, else in host memory, sent batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor

SHARE = 0.5
"""Of the device's free memory, at most so much is taken by images; networks need the rest."""


class ImageStore:
    """Images uint8 (N, C, H, W) by index, for a loop on ``device``."""

    def __init__(self, images: Tensor, device: torch.device) -> None:
        self.device = device
        self.streamed = images.nbytes > SHARE * free_bytes(device)
        if self.streamed:
            # Pinned: the copy to the device then runs beside the computation.
            self.images = images.pin_memory() if device.type == "cuda" else images
        else:
            self.images = images.to(device)

    @property
    def home(self) -> torch.device:
        """Where the images lie, and the indices given to :meth:`take` must."""
        return self.images.device

    def take(self, indices: Tensor) -> Tensor:
        """The images uint8 (n, C, H, W) of these indices int64 (n,), on the device."""
        return self.images[indices].to(self.device, non_blocking=True)

    def __len__(self) -> int:
        return len(self.images)


def free_bytes(device: torch.device) -> float:
    """What is free on a device with memory of its own; without bound where it shares the host's."""
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else float("inf")
