"""Any method with its discriminator behind an augmentation, so that few images teach it for longer.

Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020, equations 4 to 6:
real and generated images alike, in the discriminator's steps and in the generator's. The classifier sees them as they
are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from ..images import diff_augment
from ..specs import MethodSpec

if TYPE_CHECKING:
    from ..specs import Method, MethodParts


class SeenChanged(nn.Module):
    """A discriminator behind :func:`~degan_cli.images.diff_augment`: images (batch, C, H, W) to its logits."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits, each image changed anew."""
        logits: Tensor = self.discriminator(diff_augment(images))
        return logits


def with_augmented_discriminator(spec: MethodSpec) -> MethodSpec:
    """The same method, built around a discriminator that sees changed images; it needs to know nothing of it."""

    def build(parts: MethodParts) -> Method:
        return spec.build(replace(parts, discriminator=SeenChanged(parts.discriminator)))

    return replace(spec, build=build)
