"""A plugin of degan to copy: one small classifier, ``template-cnn``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from degan_cli import hookimpl
from degan_cli.specs import ArchitectureSpec, InputSpec

if TYPE_CHECKING:
    from torch import nn


def build(num_classes: int, input: InputSpec) -> nn.Module:
    """Normalised images (batch, channels, H, W) of any size to logits (batch, classes)."""
    from torch import nn  # here, so that `degan --help` need not wait for it

    return nn.Sequential(
        nn.Conv2d(input.channels, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, num_classes),
    )


@hookimpl
def degan_architectures() -> list[ArchitectureSpec]:
    """What this plugin offers; degan asks once, when it first looks a name up."""
    return [ArchitectureSpec(name="template-cnn", build=build, source="made up for this template")]
