"""DeepInversion: images whose statistics in every BatchNorm layer are those of the training data.

Source: Yin et al., "Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion", CVPR 2020, equations 3 to
10, with the settings of the authors' CIFAR-10 code. With a student it is Adaptive DeepInversion: images on which
student and teacher disagree. The values are normalised pixels, N(0, 1) at first and free in range meanwhile;
they are clipped to [0, 1] once, at the end. Departures: statistics of every BatchNorm, not of two-dimensional ones
alone; the last images are kept, not those of the least loss (in the authors' code both are the same, because what it
keeps as the best is an alias of what Adam goes on changing).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from ..losses import agreement_loss, total_variation
from ..models import check_batch_norm, resting, watching
from ..specs import ClassifierNetwork, InversionParts, Network

JITTER = 2
"""Pixels by which a batch is rolled at most, each way."""


class DeepInversion:
    """Images of every class alike, from noise."""

    def __init__(self, parts: InversionParts) -> None:
        self.parts = parts
        self.classifier = parts.classifier
        self.student = parts.student
        self.settings = parts.settings
        check_batch_norm(self.classifier, "use --method zskd or --method dafl")

    def begin(self, count: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """Normal noise, and the classes in turn."""
        return begin_balanced(self.parts, count, noise)

    def loss(self, values: Tensor, targets: Tensor, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy + bn_weight * statistics + tv_weight * variation (+ disagreement_weight * agreement)."""
        rolled = jitter(values, noise)
        images = to_pixels(self.classifier, rolled)  # (count, C, H, W), not clipped
        with watching(self.classifier) as watched:
            logits = self.classifier(images)
        wanted, statistics = F.cross_entropy(logits.float(), targets), watched.distance()
        loss = wanted + self.settings.bn_weight * statistics + self.settings.tv_weight * total_variation(rolled)
        row = {"cross_entropy": wanted.detach(), "bn_distance": statistics.detach()}
        if self.student is not None:
            with resting(self.student):
                agreement = agreement_loss(self.student(images), logits)
            loss = loss + self.settings.disagreement_weight * agreement
            row["disagreement"] = 1 - agreement.detach()
        return loss, row

    def pixels(self, values: Tensor) -> Tensor:
        """Clipped; the values stay."""
        return to_pixels(self.classifier, values).clamp(0, 1)

    def learn(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Nothing beside the images learns here."""
        return {}

    def state(self) -> dict[str, Network | Optimizer]:
        """Empty: nothing beside the images is trained."""
        return {}


def begin_balanced(parts: InversionParts, count: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Values (count, C, H, W) from N(0, 1), and the classes in turn, int64 (count,)."""
    values = torch.randn(count, *parts.classifier.input.shape, generator=noise).to(parts.engine.device)
    return values, in_turn(count, len(parts.classifier.class_names), noise).to(values.device)


def in_turn(count: int, things: int, noise: torch.Generator) -> Tensor:
    """0 ... things - 1 and again, int64 (count,), from anywhere on: a batch may hold fewer than there are."""
    return (torch.randint(things, (), generator=noise) + torch.arange(count)) % things


def jitter(values: Tensor, noise: torch.Generator) -> Tensor:
    """The whole batch rolled by up to two pixels each way."""
    down, right = torch.randint(-JITTER, JITTER + 1, (2,), generator=noise).tolist()
    return values.roll((down, right), dims=(2, 3))


def to_pixels(classifier: ClassifierNetwork, values: Tensor) -> Tensor:
    """Normalised pixels as pixels, which are in [0, 1] but for what has to be clipped."""
    return values * classifier.std + classifier.mean
