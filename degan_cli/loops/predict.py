"""A classifier's logits for a whole set of images, batch by batch and without gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from ..engine import Engine
from ..features import tapped
from ..models import Classifier
from ..pixels import to_unit

BATCH = 500


def predict(engine: Engine, model: Classifier, images: Tensor, batch_size: int = BATCH) -> Tensor:
    """Logits float32 (N, classes) on the CPU for images uint8 (N, C, H, W); the mode of ``model`` is kept."""
    training = model.training
    engine.place(model).eval()
    with torch.no_grad(), engine.autocast():
        logits = [model(_pixels(engine, part)).float() for part in images.split(batch_size)]
    model.train(training)
    return torch.cat(logits).cpu()


def predict_with_features(
    engine: Engine, model: Classifier, images: Tensor, batch_size: int = BATCH
) -> tuple[Tensor, Tensor, str]:
    """Logits as :func:`predict` gives them, the features float32 (N, D) on the CPU, and their layer's name.

    The features are what goes into the last linear layer; see :mod:`degan_cli.features`.
    """
    training = model.training
    engine.place(model).eval()
    logits, features = [], []
    with torch.no_grad(), engine.autocast(), tapped(model.network) as tap:
        for part in images.split(batch_size):
            logits.append(model(_pixels(engine, part)).float())
            features.append(tap.features(logits[-1]).float().cpu())
    model.train(training)
    return torch.cat(logits).cpu(), torch.cat(features), tap.layer


def _pixels(engine: Engine, images: Tensor) -> Tensor:
    return to_unit(images.to(engine.device))
