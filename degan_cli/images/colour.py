"""Brightness, saturation and contrast of images, changed differentiably: what augmentations of a GAN's images share."""

from __future__ import annotations

from torch import Tensor


def recolour(
    images: Tensor, brightness: float | Tensor, saturation: float | Tensor, contrast: float | Tensor
) -> Tensor:
    """Images (batch, C, H, W), changed in brightness, saturation and contrast, one after the other; not clamped.

    :param brightness: what is added.
    :param saturation: by which a pixel's difference from its own grey is multiplied.
    :param contrast: by which a pixel's difference from its image's mean is multiplied. All three are one number for all
        images, or (batch, 1, 1, 1).
    """
    images = images + brightness
    grey = images.mean(dim=1, keepdim=True)  # (batch, 1, H, W)
    images = (images - grey) * saturation + grey
    level = images.mean(dim=(1, 2, 3), keepdim=True)  # (batch, 1, 1, 1)
    return (images - level) * contrast + level
