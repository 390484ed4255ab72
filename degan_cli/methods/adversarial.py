"""The generator of MB-DFKD and PRE-DFKD: images as DAFL makes them, but such that student and teacher disagree.

Sources: Binici et al., "Preventing Catastrophic Forgetting and Distribution Mismatch in Knowledge Distillation via
Synthetic Data", WACV 2022 (MB-DFKD), and "Robust and Resource-Efficient Data-Free Knowledge Distillation by Generative
Pseudo Replay", AAAI 2022 (PRE-DFKD). Two methods by their memory alone, :mod:`degan_cli.samples.bank` and
:mod:`degan_cli.samples.generative_replay`: that of MB-DFKD has no public code, so its generator is the sister code's.
As in that code the divergence is a mean over the classes too, so that its share in the loss is small, and its gradient
reaches the images through the student alone. Departures: the student is in eval mode while the generator learns, so
that its BatchNorm statistics do not drift; the term has a weight, 1 there; no spectral norm.
"""

from __future__ import annotations

from torch import Tensor

from ..losses import agreement_loss
from ..models import resting
from ..specs import MethodParts
from .dafl import Dafl


class Adversarial(Dafl):
    """A generator that looks for what the student has not learned yet."""

    def __init__(self, parts: MethodParts) -> None:
        super().__init__(parts)
        if parts.student is None:
            raise ValueError("this method needs the student that learns meanwhile")
        self.student = parts.student

    def challenge(self, images: Tensor, logits: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """disagreement_weight * (1 - Jensen-Shannon divergence of student and teacher, per class)."""
        with resting(self.student):
            agreement = agreement_loss(self.student(images), logits.detach(), mean_over_classes=True)
        return self.settings.disagreement_weight * agreement, {"disagreement": 1 - agreement.detach()}
