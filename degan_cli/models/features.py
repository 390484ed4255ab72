"""The feature space of a classifier: what goes into its last linear layer, or into one that the network names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ..specs import ClassifierNetwork, Network


class Tap:
    """Holds the features of the latest forward pass."""

    def __init__(self) -> None:
        self.layer = ""
        """Name of the layer they went into, ``""`` when the network has no linear layer."""
        self._input: Tensor | None = None

    def features(self, logits: Tensor) -> Tensor:
        """Features (batch, D) of the pass that gave ``logits``; without a linear layer these are the logits."""
        return (logits if self._input is None else self._input).flatten(1)


def feature_layer(classifier: ClassifierNetwork) -> str:
    """Name of the layer whose input a method should take for features, ``""`` for the linear layer that runs last.

    A network names it in an attribute ``feature_layer`` where the source of a method means another one: LeNet's second
    last, in DAFL.
    """
    name: str = getattr(classifier.network, "feature_layer", "")
    return name and f"network.{name}"


@contextmanager
def tapped(model: Network, gradients: bool = False, layer: str = "") -> Iterator[Tap]:
    """Watch what goes into the linear layer that runs last, the classification head; the model is left as it was.

    The one that runs last, not the one registered last: auxiliary heads may follow it in the module list.

    :param gradients: whether features carry gradients, for a loss on them.
    :param layer: name of the layer to watch instead, see :func:`feature_layer`; ``""`` is none.
    """
    tap = Tap()

    def watch(name: str) -> Any:
        def before(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            tap.layer, tap._input = name, arguments[0] if gradients else arguments[0].detach()

        return before

    handles = [
        module.register_forward_pre_hook(watch(name))
        for name, module in model.named_modules()
        if (name == layer if layer else isinstance(module, nn.Linear))
    ]
    try:
        yield tap
    finally:
        for handle in handles:
            handle.remove()
