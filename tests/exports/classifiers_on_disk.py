"""Small classifiers as artifacts, whose mean and std no network would guess."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from degan_cli.artifact import save_classifier
from degan_cli.models import Classifier
from degan_cli.plugins import load_plugins

NAMES = ("cat", "dog | hot", "the, rest")
ABOUT = {
    "run": {"dataset": "animals", "epochs": 3},
    "metrics": {"test_accuracy": 0.75, "curve": {"peak": 0.5, "values": [0.25, 0.5]}},
    "parents": [{"role": "data", "sha256": "ab" * 32}],
}


def write_classifier(path: Path, architecture: str, channels: int = 3) -> Path:
    """An untrained classifier of three classes for images of 32x32 pixels."""
    spec = load_plugins(enabled=False).architectures.get(architecture)
    input = replace(spec.input_for(channels, 32, 32), mean=(0.3,) * channels, std=(0.2,) * channels)
    torch.manual_seed(0)
    classifier = Classifier(spec.build(len(NAMES), input), architecture, NAMES, input).eval()
    save_classifier(path, classifier, provider="degan-cli 0.1.0", **ABOUT)
    return path
