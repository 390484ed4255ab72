"""A classifier's logits for a whole set of images, batch by batch and without gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from ..images import to_unit, within
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
    rows: Tensor | None = None,
) -> Tensor:
    """Logits float32 (N, classes) on the CPU for images uint8 (N, C, H, W), N > 0.

    :param model: moved to ``device``; it predicts in eval mode, and its own mode is kept.
    :param batch_size: images at a time, at most: fewer where they are large.
    :param autocast: gives the context to compute in, such as ``Engine.autocast``; float32 without.
    :param rows: int64, indices of the images that are meant, in their order; None for all of them.
    """
    size = within(batch_size, images.shape[1:], model.input.shape)
    parts = torch.split(images, size) if rows is None else (images[part] for part in torch.split(rows, size))
    training = model.training
    model.to(device).eval()
    with torch.no_grad(), autocast():
        logits = [model(to_unit(part.to(device))).float() for part in parts]
    model.train(training)
    return torch.cat(logits).cpu()


def predict_with_features(
    model: ClassifierNetwork,
    images: Tensor,
    device: torch.device,
    batch_size: int = BATCH,
    autocast: Autocast = nullcontext,
    rows: Tensor | None = None,
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
            logits = predict(model, images, device, batch_size, autocast, rows)
        finally:
            handle.remove()
    return logits, torch.cat(features), tap.layer
