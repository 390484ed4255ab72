"""What a classifier takes images for, and how surely."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..engine import Engine
from ..images import ImageStore, to_unit, within
from ..specs import ClassifierNetwork

SCORING_BATCH = 512


def top_classes(engine: Engine, classifier: ClassifierNetwork, images: Tensor | ImageStore) -> Tensor:
    """The classifier's top class of each image uint8 (n, C, H, W), int64 (n,); it is left in eval mode.

    :param images: wherever they are; they are sent to the device batch by batch.
    """
    return _seen(engine, classifier, images, lambda logits: logits.argmax(dim=1))


def all_logits(engine: Engine, classifier: ClassifierNetwork, images: Tensor) -> Tensor:
    """Its logits for images uint8 (n, C, H, W), float32 (n, classes); it is left in eval mode."""
    return _seen(engine, classifier, images, lambda logits: logits.float())


def class_probabilities(engine: Engine, classifier: ClassifierNetwork, images: Tensor) -> Tensor:
    """The softmax of its logits for images uint8 (n, C, H, W), float32 (n, classes); it is left in eval mode."""
    return all_logits(engine, classifier, images).softmax(dim=1)


def _seen(
    engine: Engine, classifier: ClassifierNetwork, images: Tensor | ImageStore, read: Callable[[Tensor], Tensor]
) -> Tensor:
    """What ``read`` makes of the logits, batch by batch."""
    classifier.eval()
    if isinstance(images, ImageStore):
        parts = images.batches(within(SCORING_BATCH, images.shape, classifier.input.shape))
    else:
        parts = iter(torch.split(images, within(SCORING_BATCH, images.shape[1:], classifier.input.shape)))
    with torch.no_grad(), engine.autocast(), engine.eager():
        return torch.cat([read(classifier(to_unit(part.to(engine.device)))) for part in parts])
