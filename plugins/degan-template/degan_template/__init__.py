"""A plugin of degan to copy, with one small example of each kind; keep what you need and delete the rest.

This module is what degan imports, to see what the plugin offers. It imports torch nowhere, so that ``degan --help``
need not wait: each ``build`` imports the module beside it that does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from degan_cli import hookimpl
from degan_cli.specs import (
    ArchitectureSpec,
    DatasetRequest,
    DatasetSpec,
    GanShape,
    GanSpec,
    ImageSet,
    InputSpec,
    Inversion,
    InversionParts,
    InversionSpec,
    Method,
    MethodParts,
    MethodSpec,
    Strategy,
    StrategyParts,
    StrategySpec,
)

from .settings import ConfidentSettings, DreamSettings, TetherSettings

if TYPE_CHECKING:
    from torch import nn


def _cnn(num_classes: int, input: InputSpec) -> nn.Module:
    from .architecture import build

    return build(num_classes, input)


def _shapes(request: DatasetRequest) -> ImageSet:
    from .dataset import load

    return load(request)


def _generator(shape: GanShape) -> nn.Module:
    from .gan import Generator

    return Generator(shape)


def _discriminator(shape: GanShape) -> nn.Module:
    from .gan import Discriminator

    return Discriminator(shape)


def _confident(parts: MethodParts) -> Method:
    from .method import Confident

    return Confident(parts)


def _dream(parts: InversionParts) -> Inversion:
    from .inversion import Dream

    return Dream(parts)


def _tether(parts: StrategyParts) -> Strategy:
    from .strategy import Tether

    return Tether(parts)


SOURCE = "made up for this template"


@hookimpl
def degan_architectures() -> list[ArchitectureSpec]:
    """Classifiers, for ``--arch`` and ``--student``; a network for colour alone says ``channels=(3,)``."""
    return [ArchitectureSpec(name="template-cnn", build=_cnn, source=SOURCE)]


@hookimpl
def degan_datasets() -> list[DatasetSpec]:
    """Sets of images, for ``--dataset``, ``--proxy``, ``--samples`` and ``--new-data``."""
    return [DatasetSpec(name="template-shapes", load=_shapes, description="discs and squares", source=SOURCE)]


@hookimpl
def degan_gans() -> list[GanSpec]:
    """Pairs of networks, for ``--gan``."""
    return [GanSpec(name="template-gan", generator=_generator, discriminator=_discriminator, source=SOURCE)]


@hookimpl
def degan_methods() -> list[MethodSpec | InversionSpec | StrategySpec]:
    """Ways to make samples, for ``--method``, and to teach new classes, for ``--strategy``."""
    return [
        MethodSpec(name="template-confident", build=_confident, settings=ConfidentSettings, source=SOURCE),
        InversionSpec(name="template-dream", build=_dream, settings=DreamSettings, steps=500, source=SOURCE),
        StrategySpec(name="template-tether", build=_tether, settings=TetherSettings, source=SOURCE),
    ]
