"""The built-in GAN backbones; the modules that need torch are imported when a network is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import hookimpl
from ..specs import GanShape, GanSpec

if TYPE_CHECKING:
    from torch import nn


def _generator(shape: GanShape) -> nn.Module:
    from .dcgan import DcganGenerator

    return DcganGenerator(shape)


def _discriminator(shape: GanShape) -> nn.Module:
    from .dcgan import DcganDiscriminator

    return DcganDiscriminator(shape)


def _dafl_generator(shape: GanShape) -> nn.Module:
    from .dafl import DaflGenerator

    return DaflGenerator(shape)


@hookimpl
def degan_gans() -> list[GanSpec]:
    """The paper's backbone, and that of methods without a proxy."""
    return [
        GanSpec(
            name="dcgan",
            generator=_generator,
            discriminator=_discriminator,
            starts=(4, 6),
            source="Radford et al., DCGAN, ICLR 2016; layers of the authors' code of DeGAN, AAAI 2020",
        ),
        GanSpec(
            name="dafl",
            generator=_dafl_generator,
            discriminator=_discriminator,
            source="Chen et al., Data-Free Learning of Student Networks, ICCV 2019; it has no discriminator of its own",
        ),
    ]
