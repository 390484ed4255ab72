"""How far a batch's statistics are from those that a classifier's BatchNorm layers remember of its training data.

Source: Yin et al., "Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion", CVPR 2020, equation 4, and
the authors' code: the statistics of what goes *into* each layer, the biased variance, Euclidean norms over channels.
Theirs watches BatchNorm2d; ours every BatchNorm, for AlexNet here has two over vectors as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UsageError
from ..specs import Network

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Watched:
    """What the layers have seen since the last :meth:`distance`."""

    def __init__(self) -> None:
        self._distances: list[Tensor] = []

    def add(self, layer: nn.Module, x: Tensor) -> None:
        """Note what goes into a layer: (batch, channels, ...)."""
        x = x.float()
        axes = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(x, dim=axes, correction=0)  # (channels,) each
        wanted_mean, wanted_variance = layer.running_mean, layer.running_var
        assert isinstance(wanted_mean, Tensor)
        assert isinstance(wanted_variance, Tensor)
        self._distances.append((mean - wanted_mean).norm() + (variance - wanted_variance).norm())

    def distance(self) -> Tensor:
        """Sum over the layers of the distances of mean and of variance, a scalar with gradients; then anew."""
        distances, self._distances = self._distances, []
        return torch.stack(distances).sum()


@contextmanager
def watching(classifier: Network) -> Iterator[Watched]:
    """Watch the BatchNorm layers of a frozen classifier while it predicts inside this context."""
    watched = Watched()

    def before(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        watched.add(layer, arguments[0])

    handles = [layer.register_forward_pre_hook(before) for layer in _layers(classifier)]
    try:
        yield watched
    finally:
        for handle in handles:
            handle.remove()


def has_batch_norm(classifier: Network) -> bool:
    """Whether the classifier has BatchNorm layers that remember statistics."""
    return bool(_layers(classifier))


def check_batch_norm(classifier: Network, advice: str) -> None:
    """Raise UsageError with the advice unless :func:`has_batch_norm`."""
    if not has_batch_norm(classifier):
        raise UsageError(f"the classifier has no BatchNorm layers, so it remembers no statistics of its data; {advice}")


def _layers(classifier: Network) -> list[nn.Module]:
    return [m for m in classifier.modules() if isinstance(m, BATCH_NORMS) and m.running_mean is not None]
