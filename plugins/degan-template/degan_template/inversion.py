"""A method that optimises the images themselves: pixels of which the classifier says what it is asked to."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from degan_cli.losses import total_variation
from degan_cli.specs import InversionParts, Network


class Dream:
    """From grey noise to images of each class in turn."""

    def __init__(self, parts: InversionParts) -> None:
        self.parts = parts

    def begin(self, count: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """Logits of pixels (count, C, H, W), and classes int64 (count,); all that is random comes from ``noise``."""
        classifier = self.parts.classifier
        values = torch.randn(count, *classifier.input.shape, generator=noise)
        first = int(torch.randint(len(classifier.class_names), (), generator=noise))
        targets = (first + torch.arange(count)) % len(classifier.class_names)
        return values.to(self.parts.engine.device), targets.to(self.parts.engine.device)

    def loss(self, values: Tensor, targets: Tensor, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy, and tv_weight * variation of the images."""
        images = self.pixels(values)
        wanted = F.cross_entropy(self.parts.classifier(images).float(), targets)
        loss = wanted + self.parts.settings.tv_weight * total_variation(images)
        return loss, {"cross_entropy": wanted.detach()}

    def pixels(self, values: Tensor) -> Tensor:
        """The images in [0, 1]."""
        return values.sigmoid()

    def learn(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Nothing beside the images learns here."""
        return {}

    def state(self) -> dict[str, Network | Optimizer]:
        """So there is nothing that a checkpoint must hold."""
        return {}
