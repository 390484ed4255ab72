"""The built-in GAN backbones; the modules that need torch are imported when a network is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import hookimpl
from ..specs import GanShape, GanSpec

if TYPE_CHECKING:
    from torch import nn


def _generator(shape: GanShape) -> nn.Module:
    from .dcgan import Generator

    return Generator(shape)


def _discriminator(shape: GanShape) -> nn.Module:
    from .dcgan import Discriminator

    return Discriminator(shape)


@hookimpl
def degan_gans() -> list[GanSpec]:
    """The paper's backbone."""
    return [
        GanSpec(
            name="dcgan",
            generator=_generator,
            discriminator=_discriminator,
            source="Radford et al., DCGAN, ICLR 2016; layers of the authors' code of DeGAN, AAAI 2020",
        )
    ]
