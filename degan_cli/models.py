"""The two networks that travel as artifacts: a classifier and a generator, both in pixels of [0, 1]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .pixels import fit

if TYPE_CHECKING:
    from .specs import GanShape, InputSpec


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

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, C, H, W) in [0, 1], of any size and of 1 or 3 channels, to logits (batch, classes)."""
        images = fit(images, *self.input.shape)
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits

    def freeze(self) -> Classifier:
        """Put it in eval mode for good and take its weights out of every gradient."""
        return self.eval().requires_grad_(False)


class Generator(nn.Module):
    """A GAN backbone's generator with the shape it was built for: z (batch, latent) to images in [0, 1]."""

    def __init__(self, network: nn.Module, gan: str, shape: GanShape) -> None:
        super().__init__()
        self.network = network
        self.gan = gan
        self.shape = shape

    def forward(self, z: Tensor) -> Tensor:
        """Noise (batch, latent) to images (batch, C, S, S) in [0, 1], float32."""
        images: Tensor = self.network(z)
        return images.float()  # under autocast the network may give bf16


@contextmanager
def resting(network: nn.Module) -> Iterator[None]:
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
