"""What strategies share that look at a network's features and at its head apart from each other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models import head_layer, tapped
from ..specs import StrategyParts
from .finetune import Finetune


class WithHead(Finetune):
    """A strategy on samples; all classes must be outputs of one linear layer, the head."""

    def __init__(self, parts: StrategyParts) -> None:
        self.layer, self.head_module = head_layer(parts.model, parts.head)
        super().__init__(parts)
        self.settings = parts.settings
        self.old_head = head_layer(parts.old, parts.head)[1]

    def seen(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 (batch, old + new), and the features (batch, D) that the head made them from."""
        with tapped(self.engine.unwrap(self.model), gradients=True, layer=f"network.{self.layer}") as tap:
            logits = self.model(images).float()
        return logits, tap.features(logits)

    def seen_before(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The same of the old classifier, without gradients: (batch, old) and (batch, D)."""
        with torch.no_grad(), tapped(self.old, layer=f"network.{self.layer}") as tap:
            logits = self.old(images).float()
        return logits, tap.features(logits)

    def seen_by_old_head(self, features: Tensor) -> Tensor:
        """Logits float32 (batch, old) that the old head gives features; only these get a gradient."""
        bias = self.old_head.bias
        logits = F.linear(features, self.old_head.weight.detach(), None if bias is None else bias.detach())
        return logits.float()

    def all_labels(self, labels: Tensor, before: Tensor) -> Tensor:
        """Classes of new images, then of samples: those that the old classifier sees, by its logits (samples, old)."""
        return torch.cat([labels, before.argmax(dim=1)])

    def head_alone(self, features: Tensor) -> Tensor:
        """Logits float32 (batch, old + new) whose gradient ends at the head's own weights."""
        logits: Tensor = self.head_module(features.detach())
        return logits.float()

    def freeze_features(self) -> None:
        """From now on only the head learns; BatchNorm's statistics stay too."""
        model = self.engine.unwrap(self.model)
        for name, parameter in model.network.named_parameters():
            parameter.requires_grad_(name in self.head)
        # Prepared again, so that processes do not wait for gradients that will not come.
        self.model = self.engine.prepare(model).eval()
