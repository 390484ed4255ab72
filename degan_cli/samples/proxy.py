"""Batches of proxy images for a method, or empty ones for a method that uses none."""

from __future__ import annotations

import torch
from torch import Tensor

from ..images import ImageStore, Shuffle, to_unit


class ProxyBatches:
    """Proxy images in random order, each once per pass.

    :param images: uint8 (N, C, S, S); None when there is no proxy.
    """

    def __init__(self, images: Tensor | None, device: torch.device) -> None:
        self.device = device
        self._store = None if images is None else ImageStore(images, device)
        self._shuffle = None if self._store is None else Shuffle(len(self._store), self._store.home)

    def take(self, count: int) -> Tensor:
        """The next images (count, C, S, S) in [0, 1]; without a proxy an empty tensor (count, 0, 0, 0)."""
        if self._store is None or self._shuffle is None:
            return torch.empty((count, 0, 0, 0), device=self.device)
        return to_unit(self._store.take(self._shuffle.take(count)))

    def state(self) -> dict[str, Tensor]:
        """The order and the place in it."""
        return {} if self._shuffle is None else self._shuffle.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        if self._shuffle is not None:
            self._shuffle.load_state(state)
