"""Plain weights: a safetensors file with the network's own keys, which takes normalised images.

Its metadata holds the description, ``safetensors.safe_open(FILE, "pt").metadata()["config.json"]``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from ..artifact import read_tensors, write_tensors
from .about import Export


def write(export: Export, path: Path) -> None:
    """Write the weights and buffers under the network's own names."""
    write_tensors(path, export.classifier.network.state_dict(), export.texts)


def load(export: Export, path: Path) -> Callable[[Tensor], Tensor]:
    """Pixels to logits by a network with these weights, behind the normalisation that the description states."""
    network = copy.deepcopy(export.classifier.network)
    network.load_state_dict(read_tensors(path)[0])  # strict: every weight is replaced
    mean, std = export.classifier.mean, export.classifier.std
    return lambda images: network((images - mean) / std)
