"""MosaicKD: patches like the proxy's, put together into images of the classifier's classes that puzzle a student.

Source: Fang et al., "Mosaicking to Distill: Knowledge Distillation from Out-of-Domain Data", NeurIPS 2021, equations 3
(patches), 4 (align) and 7 (adversarial), and the term of the appendix that keeps the classes even (balance). Weights,
rates and the student's diet, half proxy and half generated, are those of the authors' runs. Departures: generator and
discriminator keep their rate, where the authors' falls along a cosine. The student has Adam at 1e-3 and a rate that
falls twice, where theirs has SGD with momentum at 0.1 along a cosine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from ..losses import distillation_loss, diversity_loss, entropy_loss, fake_loss, real_loss
from ..models import resting
from ..specs import MethodParts
from .dcgan import Dcgan
from .patch_discriminator import PatchDiscriminator


class Mosaickd(Dcgan):
    """Generator against a discriminator of patches; the classifier aligns the whole, the student is the adversary.

    The backbone's own discriminator, which judges whole images, is not used; that of patches has the backbone's width.
    """

    def __init__(self, parts: MethodParts) -> None:
        if parts.student is None:
            raise ValueError("this method needs the student that learns meanwhile")
        shape = parts.generator.shape
        super().__init__(replace(parts, discriminator=PatchDiscriminator(shape.channels, shape.width)))
        self.classifier = parts.classifier
        self.student = parts.student
        self.settings = parts.settings
        self.game_weight = self.settings.local_weight

    def judged(self, logits: Tensor, real: bool) -> Tensor:
        """Half the loss of each kind of image, summed over patches."""
        return summed_over_patches(real_loss if real else fake_loss, logits) / 2

    def fooled(self, logits: Tensor) -> Tensor:
        """The loss of generated patches that are not taken for real, summed over patches."""
        return summed_over_patches(real_loss, logits)

    def guide(self, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """align_weight * entropy - adversarial_weight * KL(classifier || student) + balance_weight * sum p log2 p.

        The entropy of each prediction and the divergence are in nats and means over images; p is the mean prediction
        of the batch, whose negative entropy is in bits.
        """
        logits = self.classifier(fake)  # (batch, classes)
        with resting(self.student):
            divergence = distillation_loss(self.student(fake), logits, temperature=1.0)
        entropy = entropy_loss(logits)
        balance = diversity_loss(logits, self.engine.mean_over_processes) / math.log(2)
        rows = {"entropy": entropy.detach(), "disagreement": divergence.detach(), "balance": balance.detach()}
        guidance = self.settings.align_weight * entropy - self.settings.adversarial_weight * divergence
        return guidance + self.settings.balance_weight * balance, rows


def summed_over_patches(loss: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    """A loss that averages over logits (batch, rows, columns), as a sum over an image's patches, mean over images."""
    return logits[0].numel() * loss(logits)
