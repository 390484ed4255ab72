"""Strategies that use the new images alone: what forgetting looks like, and three ways to slow it.

Sources: Rebuffi et al., "iCaRL: Incremental Classifier and Representation Learning", CVPR 2017, section 4.1
(finetuning, fixed representation, LwF.MC); Li and Hoiem, "Learning without Forgetting", ECCV 2016 (LwF). iCaRL trains
all outputs as sigmoids, from the first classifier on; the first two go on as the old classifier was trained.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..losses import label_loss, local_cross_entropy, sigmoid_loss, softened_divergence
from ..specs import Network, StrategyParts


class Finetune:
    """The labels of new images, over all classes; nothing keeps the old ones."""

    def __init__(self, parts: StrategyParts) -> None:
        self.engine = parts.engine
        self.old = parts.old
        self.old_classes = len(parts.old.class_names)
        self.old_outputs = parts.old_outputs
        self.head = parts.head
        self.model = parts.engine.prepare(parts.model)

    def parameters(self) -> list[dict[str, Any]]:
        """All weights of the extended classifier, in one group."""
        return [{"params": list(self.model.parameters())}]

    def parts(self) -> dict[str, Network]:
        """Nothing but the classifier learns."""
        return {}

    def train(self, progress: float = 0.0) -> None:
        """BatchNorm and dropout as in any training."""
        self.model.train()

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Over old and new classes, with outputs as the old classifier has them."""
        loss = label_loss(self.model(images), labels, self.old_outputs)
        return loss, {"label_loss": loss.detach()}

    def finish(self) -> None:
        """The network is kept as training left it."""


class FixedRepresentation(Finetune):
    """The new classes' outputs are learned on features that stay as they are, as do the old outputs."""

    def __init__(self, parts: StrategyParts) -> None:
        for name, parameter in parts.model.network.named_parameters():
            parameter.requires_grad_(name in parts.head)
        super().__init__(parts)
        for name, parameter in self.engine.unwrap(self.model).network.named_parameters():
            if name in parts.head:
                hook = partial(_without_first, parts.head[name], self.old_classes)
                parameter.register_hook(hook)  # type: ignore[no-untyped-call]

    def parameters(self) -> list[dict[str, Any]]:
        """The head without weight decay, which would shrink the old outputs too."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        return [{"params": trained, "weight_decay": 0.0}]

    def train(self, progress: float = 0.0) -> None:
        """Everything as in use, BatchNorm's statistics included."""
        self.model.eval()


class Lwf(Finetune):
    """Cross-entropy over the new classes alone, and distillation of the old ones on the new images.

    The distillation has no factor temperature^2, as in PyCIL, from where its weight is.
    """

    def __init__(self, parts: StrategyParts) -> None:
        super().__init__(parts)
        self.settings = parts.settings

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Two heads that share their features; only when the network is used do they compete."""
        with torch.no_grad():
            wanted = self.old(images)  # (batch, old)
        logits = self.model(images).float()  # (batch, old + new)
        cross_entropy = local_cross_entropy(logits, labels, self.old_classes)
        distillation = softened_divergence(logits[:, : self.old_classes], wanted, self.settings.temperature)
        rows = {"cross_entropy": cross_entropy.detach(), "distillation": distillation.detach()}
        return cross_entropy + self.settings.lambda_kd * distillation, rows


class LwfMc(Finetune):
    """A sigmoid per class: new ones learn their labels, old ones what the old classifier says of the new images.

    Where that was trained with a softmax, its probabilities are taken: the sigmoids of such logits are near 1 for many
    classes at once, and the new ones would never win against them.
    """

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Binary cross-entropy, summed over the classes."""
        logits = self.model(images)  # (batch, old + new)
        with torch.no_grad():
            old = self.old(images).float()
        wanted = old.sigmoid() if self.old_outputs == "sigmoid" else old.softmax(dim=1)
        new = F.one_hot(labels - self.old_classes, logits.shape[1] - self.old_classes)
        loss = sigmoid_loss(logits, torch.cat([wanted, new.float()], dim=1))
        return loss, {"binary_cross_entropy": loss.detach()}


def _without_first(axis: int, classes: int, gradient: Tensor) -> Tensor:
    """A gradient without that of the first classes."""
    masked = gradient.clone()
    masked.narrow(axis, 0, classes).zero_()
    return masked
