"""How large a network is."""

from __future__ import annotations

from torch import nn


def parameter_count(network: nn.Module) -> int:
    """How many weights it has, without buffers."""
    return sum(parameter.numel() for parameter in network.parameters())
