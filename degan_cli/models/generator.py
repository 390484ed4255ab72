"""A GAN backbone's generator with the shape it was built for, in pixels of [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from ..specs import GanShape


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
