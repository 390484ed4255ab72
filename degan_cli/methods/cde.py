"""Condensed data expansion: a few images per class guide the inversion of a classifier.

Source: Binici et al., "Condensed Sample-Guided Model Inversion for Knowledge Distillation", arXiv 2408.13850. A
discriminator that knows the class tells features of condensed images from features of inverted ones (the classifier's
penultimate features); the images are optimised to be taken for condensed ones, beside the usual terms of inversion.
There is no released code. What the text leaves open is ours: a projection discriminator of two layers; its updates
after each batch; images optimised directly, not through a generator; siamese augmentation of what it sees.
A classifier without BatchNorm is inverted without that term.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from ..images import draw_siamese
from ..losses import fake_loss, real_loss, total_variation
from ..models import has_batch_norm, tapped, watching
from ..specs import InversionParts, Network
from .deepinversion import begin_balanced, jitter, to_pixels

HIDDEN = 256


class FeatureDiscriminator(nn.Module):
    """Features (batch, D) and their classes int64 (batch,) to logits (batch,), positive for condensed.

    Source: Miyato and Koyama, "cGANs with Projection Discriminator", ICLR 2018, equation 9.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(features, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.2)
        )
        self.any_class = nn.Linear(HIDDEN, 1)
        self.each_class = nn.Embedding(classes, HIDDEN)

    def forward(self, features: Tensor, classes: Tensor) -> Tensor:
        """Logits (batch,)."""
        x: Tensor = self.trunk(features.float())
        logits: Tensor = self.any_class(x).squeeze(1) + (self.each_class(classes) * x).sum(dim=1)
        return logits


class CondensedExpansion:
    """Images of every class alike, whose features pass for those of condensed ones."""

    def __init__(self, parts: InversionParts) -> None:
        if parts.condensed is None or parts.condensed.labels is None:
            raise ValueError("condensed images with labels are needed")
        self.parts = parts
        self.classifier = parts.classifier
        self.settings = parts.settings
        device = parts.engine.device
        self.images = parts.condensed.images.to(device).float().div(255)  # (n, C, H, W) in [0, 1]
        self.labels = parts.condensed.labels.to(device)
        self.batch_norm = has_batch_norm(self.classifier)
        width = self._features(self.images[:1]).shape[1]
        self.discriminator = FeatureDiscriminator(width, len(self.classifier.class_names)).to(device)
        self.optimiser = torch.optim.Adam(self.discriminator.parameters(), lr=self.settings.judge_lr)

    def begin(self, count: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """Normal noise, and the classes in turn."""
        return begin_balanced(self.parts, count, noise)

    def loss(self, values: Tensor, targets: Tensor, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy + fa_weight * (-log D) + tv_weight * variation (+ bn_weight * statistics)."""
        rolled = jitter(values, noise)
        images = to_pixels(self.classifier, rolled)
        with watching(self.classifier) as watched:
            logits = self.classifier(images)
        with tapped(self.classifier, gradients=True) as tap:
            features = tap.features(self.classifier(draw_siamese(flip=self.settings.flip, noise=noise)(images)))
        wanted = F.cross_entropy(logits.float(), targets)
        fooled = real_loss(self.discriminator(features, targets))
        loss = wanted + self.settings.fa_weight * fooled + self.settings.tv_weight * total_variation(rolled)
        row = {"cross_entropy": wanted.detach(), "feature_alignment": fooled.detach()}
        if self.batch_norm and self.settings.bn_weight:
            statistics = watched.distance()
            loss = loss + self.settings.bn_weight * statistics
            row["bn_distance"] = statistics.detach()
        return loss, row

    def pixels(self, values: Tensor) -> Tensor:
        """Clipped; the values stay."""
        return to_pixels(self.classifier, values).clamp(0, 1)

    def learn(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Updates of the discriminator, on batches of condensed and of these images under the same augmentation."""
        count = min(len(images), 64)
        loss = images.new_zeros(())
        for _ in range(self.settings.judge_steps):
            mine = torch.randint(len(images), (count,), device=images.device)
            given = torch.randint(len(self.images), (count,), device=images.device)
            augment = draw_siamese(flip=self.settings.flip)
            inverted = self._features(augment(images[mine]))
            condensed = self._features(augment(self.images[given]))
            loss = real_loss(self.discriminator(condensed, self.labels[given]))
            loss = loss + fake_loss(self.discriminator(inverted, targets[mine]))
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        self.optimiser.zero_grad()
        return {"discriminator_loss": loss.detach()}

    def _features(self, images: Tensor) -> Tensor:
        with torch.no_grad(), tapped(self.classifier) as tap:
            return tap.features(self.classifier(images))

    def state(self) -> dict[str, Network | Optimizer]:
        """The discriminator and its optimiser."""
        return {"discriminator": self.discriminator, "discriminator_optimiser": self.optimiser}
