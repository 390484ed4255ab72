"""Proxy images beside the generated ones: a student also learns what its teacher says of the images at hand.

Source: Fang et al., "Mosaicking to Distill", NeurIPS 2021, whose authors' code gives the student as many proxy images
as generated ones. With a memory around the generator the share of the memory is one of the images that are left.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..images import fit
from .proxy import ProxyBatches
from .sources import Source
from .wrapper import Wrapper


class WithProxy(Wrapper):
    """Images of another source, and among them a fixed share of proxy images, each once per pass in random order.

    :param proxy: uint8 (N, C, S, S); fitted to the other images.
    :param share: of each draw, rounded, in (0, 1); at least one image is always the other source's.
    """

    def __init__(self, source: Source, proxy: Tensor, share: float) -> None:
        super().__init__(source, share)
        self._batches = ProxyBatches(proxy, source.device)
        self._proxy_bytes = proxy.nbytes

    def draw(self, count: int) -> Tensor:
        """The other source's images, then proxy images."""
        given = min(round(self.share * count), count - 1)
        made = self.source.draw(count - given)  # (count - given, C, H, W) in [0, 1]
        return torch.cat([made, fit(self._batches.take(given), *made.shape[1:])]) if given else made

    def state(self) -> dict[str, Tensor]:
        """The place in the proxy, and the wrapped source's state."""
        return super().state() | self._batches.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        super().load_state(state)
        self._batches.load_state(state)

    @property
    def stored_bytes(self) -> int:
        """The wrapped source's, and the proxy, without which the student's images cannot be had again."""
        return self.source.stored_bytes + self._proxy_bytes
