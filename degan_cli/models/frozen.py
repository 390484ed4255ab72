"""Networks that are used for a while without learning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..specs import Network

if TYPE_CHECKING:
    pass


@contextmanager
def resting(network: Network) -> Iterator[None]:
    """Inside, a network that learns elsewhere is in eval mode and its weights take no gradients; then it is as it was.

    Also where some of its layers were in eval mode, or some of its weights frozen, already.
    """
    modes = [(module, module.training) for module in network.modules()]
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    network.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for weight in learning:
            weight.requires_grad_(True)
