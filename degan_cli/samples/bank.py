"""A bank of earlier samples, replayed beside new ones: what a student learned from them stays learned.

Source: Binici et al., "Preventing Catastrophic Forgetting and Distribution Mismatch in Knowledge Distillation via
Synthetic Data", WACV 2022, which keeps "a dynamic collection of generated samples over time". Its size and its rule
are not public; ours is reservoir sampling, so that at any time the bank is a fair draw of all that was ever offered.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..images import draws, to_uint8, to_unit
from .sources import Source
from .wrapper import Wrapper

CAPACITY = 4096
"""Images in the bank."""
EVERY = 10
"""Steps of the student between two batches that are offered to the bank."""


class Bank(Wrapper):
    """A fixed number of earlier images, stored."""

    def __init__(self, source: Source, share: float, capacity: int = CAPACITY, every: int = EVERY) -> None:
        super().__init__(source, share)
        self.capacity = capacity
        self.every = every
        self._images: Tensor | None = None  # uint8 (n, C, H, W), n <= capacity
        self._offered = 0
        self._drawn = 0

    def draw(self, count: int) -> Tensor:
        """New images, then earlier ones."""
        replayed = 0 if self._images is None else round(self.share * count)
        new = self.source.draw(count - replayed)  # (count - replayed, C, H, W) in [0, 1]
        images = new
        if self._images is not None and replayed:
            chosen = draws.randint(len(self._images), (replayed,)).to(new.device)
            images = torch.cat([new, to_unit(self._images[chosen])])
        if self._drawn % self.every == 0:
            self._offer(draws.together(to_uint8(new)))
        self._drawn += 1
        return images

    def _offer(self, images: Tensor) -> None:
        """Reservoir sampling (Vitter, 1985, algorithm R): the n-th image is kept with probability capacity / n."""
        if self._images is None:
            self._images = images[:0]
        free = self.capacity - len(self._images)
        self._images = torch.cat([self._images, images[:free]])
        self._offered += len(images[:free])
        images = images[free:]
        nth = self._offered + 1 + torch.arange(len(images))
        places = (torch.rand(len(images), dtype=torch.float64) * nth).long().tolist()
        newest = {place: i for i, place in enumerate(places) if place < self.capacity}  # of two, the later one stays
        self._offered += len(images)
        if newest:
            where = torch.tensor(list(newest), device=images.device)
            self._images[where] = images[torch.tensor(list(newest.values()), device=images.device)]

    def state(self) -> dict[str, Tensor]:
        """The bank, its counters, and the wrapped source's state."""
        own = {"offered": torch.tensor(self._offered), "drawn": torch.tensor(self._drawn)}
        return super().state() | own | ({} if self._images is None else {"bank": self._images})

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        super().load_state(state)
        self._offered, self._drawn = int(state["offered"]), int(state["drawn"])
        self._images = state["bank"].to(self.device) if "bank" in state else None

    @property
    def stored_bytes(self) -> int:
        """The wrapped source's, and the images of the bank."""
        return self.source.stored_bytes + (0 if self._images is None else self._images.nbytes)
