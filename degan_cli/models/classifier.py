"""A network with its class names and its input, in pixels of [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..images import fit

if TYPE_CHECKING:
    from ..specs import ArchitectureSpec, InputSpec


class Classifier(nn.Module):
    """A network with its class names and its input; it normalises the pixels itself.

    ``state_dict`` of ``network`` is what an artifact stores; mean and std are in its header.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, architecture: str, class_names: tuple[str, ...], input: InputSpec) -> None:
        super().__init__()
        self.network = network
        self.architecture = architecture
        self.class_names = class_names
        self.input = input
        self.register_buffer("mean", torch.tensor(input.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(input.std).view(1, -1, 1, 1), persistent=False)

    @classmethod
    def untrained(cls, spec: ArchitectureSpec, class_names: tuple[str, ...], input: InputSpec) -> Classifier:
        """A fresh network of an architecture, for these classes and images."""
        return cls(spec.build(len(class_names), input), spec.name, class_names, input)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, C, H, W) in [0, 1], of any size and of 1 or 3 channels, to logits (batch, classes)."""
        images = fit(images, *self.input.shape)
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits

    def freeze(self) -> Classifier:
        """Put it in eval mode for good and take its weights out of every gradient."""
        return self.eval().requires_grad_(False)
