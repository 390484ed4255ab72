"""A training step as one CUDA graph: its hundreds of small kernels are recorded once and then launched together.

The paper's batches are small, so that a large GPU waits for Python between kernels. A recorded step does the same
kernels with the same memory each time: batches of one shape, no number read back, a learning rate that stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")

WARM_UP = 3
"""Steps before the recording, in which optimisers and libraries make their memory, as PyTorch's notes ask for it."""


class StepGraph(Generic[Result]):
    """A step that is recorded at its fourth call, and replayed from then on; every call is one update.

    :param step: images to detached tensors, on a CUDA device; everything else it reads must stay where it is.
    """

    def __init__(self, step: Callable[[Tensor], Result]) -> None:
        self.step = step
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.images = torch.empty(0)
        self.result: Result

    def __call__(self, images: Tensor) -> Result:
        """One update on images of the same shape in each call; the next call overwrites the result."""
        self.calls += 1
        if self.calls <= WARM_UP:
            return self._aside(images)
        if self.graph is None:
            self.images = images.clone()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):  # records, computes nothing
                self.result = self.step(self.images)
        self.images.copy_(images)
        self.graph.replay()
        return self.result

    def _aside(self, images: Tensor) -> Result:
        """A step on a stream of its own, as recording needs it of everything that came before."""
        stream = torch.cuda.Stream(images.device)  # type: ignore[no-untyped-call]
        current = torch.cuda.current_stream(images.device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            result = self.step(images)
        current.wait_stream(stream)
        return result
