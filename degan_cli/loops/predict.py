"""A classifier's logits for a whole set of images, batch by batch and without gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from ..images import to_unit
from ..models import tapped
from ..specs import ClassifierNetwork

Autocast = Callable[[], AbstractContextManager[object]]
BATCH = 500


def predict(
    model: ClassifierNetwork,
    images: Tensor,
    device: torch.device,
    batch_size: int = BATCH,
    autocast: Autocast = nullcontext,
) -> Tensor:
    """Logits float32 (N, classes) on the CPU for images uint8 (N, C, H, W), N > 0.

    :param model: moved to ``device``; it predicts in eval mode, and its own mode is kept.
    :param autocast: gives the context to compute in, such as ``Engine.autocast``; float32 without.
    """
    training = model.training
    model.to(device).eval()
    with torch.no_grad(), autocast():
        logits = [model(to_unit(part.to(device))).float() for part in torch.split(images, batch_size)]
    model.train(training)
    return torch.cat(logits).cpu()


def predict_with_features(
    model: ClassifierNetwork,
    images: Tensor,
    device: torch.device,
    batch_size: int = BATCH,
    autocast: Autocast = nullcontext,
) -> tuple[Tensor, Tensor, str]:
    """Logits as :func:`predict` gives them, features float32 (N, D) on the CPU, and the name of their layer.

    The features are what goes into the last linear layer; see :mod:`degan_cli.models.features`.
    """
    features: list[Tensor] = []
    with tapped(model) as tap:

        def keep(module: nn.Module, arguments: object, logits: Tensor) -> None:
            features.append(tap.features(logits).float().cpu())

        handle = model.register_forward_hook(keep)
        try:
            logits = predict(model, images, device, batch_size, autocast)
        finally:
            handle.remove()
    return logits, torch.cat(features), tap.layer
