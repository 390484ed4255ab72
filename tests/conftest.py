"""Small parts that many tests are built from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from degan_cli.engine import Engine, start
from degan_cli.models import Classifier, Generator
from degan_cli.specs import GanShape, InputSpec

INPUT = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
SHAPE = GanShape(channels=1, size=8, latent=4, width=2)


class TinyGenerator(nn.Sequential):
    """z (batch, 4) -> images (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 64, bias=False), nn.BatchNorm1d(64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))


class TinyDiscriminator(nn.Sequential):
    """Images (batch, 1, 8, 8) -> logits (batch,)."""

    def __init__(self) -> None:
        # No bias before BatchNorm: its gradient is rounding noise, which Adam would magnify to full steps.
        hidden = (nn.Conv2d(1, 4, 4, 2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3))
        super().__init__(*hidden, nn.Flatten(), nn.Linear(5, 1), nn.Flatten(0))


def tiny_classifier(classes: int = 3, seed: int = 0) -> Classifier:
    """Normalised images (batch, 1, 8, 8) -> logits (batch, classes)."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, classes),
    )
    return Classifier(network, "tiny", tuple(f"class {k}" for k in range(classes)), INPUT)


@pytest.fixture
def engine() -> Engine:
    return start("cpu", "fp32", seed=0)


@pytest.fixture
def tiny_generator() -> Generator:
    torch.manual_seed(3)
    return Generator(TinyGenerator(), "tiny", SHAPE)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "x.run"
