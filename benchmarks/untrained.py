"""A classifier for what does not depend on its weights: memory and time."""

from __future__ import annotations

from pathlib import Path

import torch

from degan_cli import artifact
from degan_cli.models import Classifier
from degan_cli.plugins import load_plugins

ARCHITECTURE = "torchvision/resnet18"


def save_untrained(path: Path, size: int) -> None:
    """Write a ResNet-18 of ten classes and colour images of that side, with the weights of seed 0."""
    plugins = load_plugins()
    spec = plugins.architectures.get(ARCHITECTURE)
    torch.manual_seed(0)
    network = Classifier.untrained(spec, tuple(map(str, range(10))), spec.input_for(3, size, size))
    provider = plugins.architectures.provider(ARCHITECTURE)
    artifact.save_classifier(path, network, provider=provider, run={}, metrics={}, parents=())
