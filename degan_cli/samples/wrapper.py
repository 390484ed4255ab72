"""A source around another one, which replaces a share of the images that a student learns from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..specs import Network
from .sources import Source, never

INNER = "source."
"""Prefix of the wrapped source's state."""


class Wrapper:
    """What memories and a proxy that is shown to the student have in common.

    :param share: of each draw, in (0, 1), from what is put around the source.
    """

    online = True

    def __init__(self, source: Source, share: float) -> None:
        self.source = source
        self.share = share

    @property
    def device(self) -> torch.device:
        """Where the wrapped source's images are."""
        return self.source.device

    def learn(self, interrupted: Callable[[], int] = never) -> dict[str, Tensor] | None:
        """The wrapped source learns."""
        return self.source.learn(interrupted)

    def held_out(self, count: int) -> Tensor:
        """Held-out images of the wrapped source: what is put around it has no part in them."""
        return self.source.held_out(count)

    def parts(self) -> dict[str, Network | Optimizer]:
        """What the wrapped source trains."""
        return self.source.parts()

    def state(self) -> dict[str, Tensor]:
        """The wrapped source's state, under a prefix."""
        return {f"{INNER}{name}": value for name, value in self.source.state().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Give the wrapped source its state back."""
        self.source.load_state({name.removeprefix(INNER): v for name, v in state.items() if name.startswith(INNER)})
