"""What a classifier takes images for."""

from __future__ import annotations

import torch
from torch import Tensor

from ..engine import Engine
from ..images import to_unit
from ..specs import ClassifierNetwork

SCORING_BATCH = 512


def top_classes(engine: Engine, classifier: ClassifierNetwork, images: Tensor) -> Tensor:
    """The classifier's top class of each image uint8 (n, C, H, W), int64 (n,); it is left in eval mode."""
    classifier.eval()
    with torch.no_grad(), engine.autocast(), engine.eager():
        return torch.cat([classifier(to_unit(part)).argmax(dim=1) for part in torch.split(images, SCORING_BATCH)])
