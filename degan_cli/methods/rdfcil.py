"""R-DFCIL: hard distillation on samples, and on new images the old relations of features.

Source: Gao et al., "R-DFCIL: Relation-Guided Representation Learning for Data-Free Class Incremental Learning", ECCV
2022, equations 5 to 11, and the authors' code. Here the samples come from any generator. In the last part of the
epochs the head alone goes on, as there; it does so at the schedule's own rate.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..losses import angle_distance, balanced_cross_entropy, local_cross_entropy
from ..specs import Network, StrategyParts
from .with_head import WithHead


class Rdfcil(WithHead):
    """Local cross-entropy, L1 of old logits on samples, angles of projected features; then a balanced head."""

    def __init__(self, parts: StrategyParts) -> None:
        super().__init__(parts)
        width, wide = self.old_head.in_features, self.settings.projection
        self.project_old = self.engine.prepare(nn.Linear(width, wide, bias=False))
        self.project_new = self.engine.prepare(nn.Linear(width, wide, bias=False))
        new = self.head_module.out_features - self.old_classes
        self.growth = math.log2(new / 2 + 1)
        """The source's alpha: the more new classes, the more is to be kept."""
        self.balance = math.sqrt(self.old_classes / new)
        """Its beta: the more old classes there are beside the new ones."""
        self.head_only = False

    def parameters(self) -> list[dict[str, Any]]:
        """All weights of the extended classifier, and those of the projections."""
        projections = [*self.project_old.parameters(), *self.project_new.parameters()]
        return [*super().parameters(), {"params": projections}]

    def parts(self) -> dict[str, Network]:
        """The projections."""
        return {"project_old": self.project_old, "project_new": self.project_new}

    def train(self, progress: float = 0.0) -> None:
        """In the last part of the epochs everything but the head stays as it is."""
        if progress < 1 - self.settings.head_part:
            self.model.train()
        elif not self.head_only:
            self.head_only = True
            self.freeze_features()

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Both kinds of images pass the network as one batch, so BatchNorm sees old and new classes together."""
        assert samples is not None
        both, count = torch.cat([images, samples]), len(images)
        before, old_features = self.seen_before(both)
        logits, features = self.seen(both)
        if self.head_only:
            head = balanced_cross_entropy(logits, self.all_labels(labels, before[count:]), self.old_classes)
            return head, {"head": head.detach()}

        local = local_cross_entropy(logits[:count], labels, self.old_classes)
        hard = F.l1_loss(logits[count:, : self.old_classes], before[count:])
        relations = angle_distance(self.project_new(features[:count]), self.project_old(old_features[:count]))
        chosen, growth, balance = self.settings, self.growth, self.balance
        loss = chosen.lambda_ce * (1 + 1 / growth) / balance * local
        loss = loss + growth * balance * (chosen.lambda_kd * hard + chosen.lambda_rkd * relations)
        rows = {"local_cross_entropy": local, "distillation": hard, "relations": relations}
        return loss, {name: value.detach() for name, value in rows.items()}
