"""A method that trains a generator: a GAN whose images the classifier is sure of.

``Dcgan`` owns both networks, their optimisers and the checkpoint; a method adds what else the generator minimises.
"""

from __future__ import annotations

from torch import Tensor

from degan_cli.losses import entropy_loss
from degan_cli.methods import Dcgan
from degan_cli.specs import MethodParts


class Confident(Dcgan):
    """Generator against discriminator, guided by the entropy of the classifier's predictions."""

    def __init__(self, parts: MethodParts) -> None:
        super().__init__(parts)
        self.classifier = parts.classifier
        self.weight: float = parts.settings.entropy_weight

    def guide(self, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """entropy_weight * entropy of each prediction on images (batch, C, S, S) in [0, 1]."""
        entropy = entropy_loss(self.classifier(fake))
        return self.weight * entropy, {"entropy": entropy.detach()}
