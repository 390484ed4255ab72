"""``degan export``: a classifier for other tools."""

from __future__ import annotations

from ..config import ExportSettings
from .declare import command, shown

export = command(
    ExportSettings,
    shown("export"),
    """Write a classifier for other tools, load the result again, and compare its outputs with the classifier's.

    ONNX and TorchScript files take pixels in [0, 1], any number of images at a time, and normalise inside. A timm
    folder and plain weights (a safetensors state dict) take normalised images; their config holds mean and std. All
    hold class names and a model card. A difference above the bound is exit code 5, and nothing is written.
    """,
)
