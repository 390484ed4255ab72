"""A classifier: two strided convolutions and a linear layer."""

from __future__ import annotations

from torch import nn

from degan_cli.specs import InputSpec


def build(num_classes: int, input: InputSpec) -> nn.Module:
    """Normalised images (batch, channels, H, W) of any size to logits (batch, classes)."""
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
