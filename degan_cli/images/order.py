"""Random batches of indices, each item once per pass, whose position a checkpoint can hold."""

from __future__ import annotations

import torch
from torch import Tensor

from .draws import group, own


class Shuffle:
    """An endless shuffled sequence of 0..size-1; batches run on across the end of a pass, so all are full.

    Several processes walk the same one, and each takes its own part of every batch.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        if size < 1:
            raise ValueError("there is nothing to shuffle")
        self.size = size
        self.device = device
        self._order = torch.empty(0, dtype=torch.int64, device=device)
        self._at = 0

    def take(self, count: int) -> Tensor:
        """This process's next ``count`` indices, int64 (count,) on the device."""
        parts: list[Tensor] = []
        count *= group()[1]
        while count:
            if self._at == len(self._order):
                # Drawn on the CPU, so that a run draws the same order on every device.
                self._order = torch.randperm(self.size).to(self.device)
                self._at = 0
            part = self._order[self._at : self._at + count]
            self._at += len(part)
            count -= len(part)
            parts.append(part)
        return own(parts[0] if len(parts) == 1 else torch.cat(parts))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold to go on with the next index."""
        return {"order": self._order, "at": torch.tensor(self._at)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave; raises ValueError when it belongs to a set of another size."""
        order, at = state["order"], int(state["at"])
        if len(order) not in (0, self.size) or not 0 <= at <= len(order):
            raise ValueError(f"the sequence had {len(order)} items, now there are {self.size}")
        self._order, self._at = order.to(self.device), at
