"""A plugin of degan: the GAN backbone ``light-gan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from degan_cli import hookimpl
from degan_cli.specs import GanShape, GanSpec

if TYPE_CHECKING:
    from torch import nn


def _generator(shape: GanShape) -> nn.Module:
    from .networks import Generator

    return Generator(shape)


def _discriminator(shape: GanShape) -> nn.Module:
    from .networks import Discriminator

    return Discriminator(shape)


@hookimpl
def degan_gans() -> list[GanSpec]:
    """One backbone."""
    return [
        GanSpec(
            name="light-gan",
            generator=_generator,
            discriminator=_discriminator,
            starts=(4, 6),
            source="Liu et al., Towards Faster and Stabilized GAN Training, ICLR 2021 (FastGAN), section 3.1",
        )
    ]
