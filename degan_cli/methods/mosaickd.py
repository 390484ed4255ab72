"""MosaicKD: patches like the proxy's, put together into images of the classifier's classes that puzzle a student.

Source: Fang et al., "Mosaicking to Distill: Knowledge Distillation from Out-of-Domain Data", NeurIPS 2021, equations 3
(patches), 4 (align) and 7 (adversarial), and the term of the appendix that keeps the classes even (balance). Weights,
rates and the student's diet, half proxy and half generated, are those of the authors' runs. A step comes first for the
discriminator and then for the generator. Departures: generator and discriminator keep their rate, where the authors'
falls along a cosine. The student has Adam at 1e-3 and a rate that falls twice, where theirs has SGD with momentum at
0.1 along a cosine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
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

    def step(self, real: Tensor) -> dict[str, Tensor]:
        """Update the discriminator, then the generator, on the same generated images."""
        z = torch.randn(len(real), self.latent, device=real.device)
        with self.engine.autocast():
            fake = self.generator(z)  # (batch, C, S, S) in [0, 1]

        weight = self.settings.local_weight
        with self.engine.autocast():
            on_real = summed_over_patches(real_loss, self.discriminator(real))
        self.engine.backward(weight * on_real / 2)
        with self.engine.autocast():
            on_fake = summed_over_patches(fake_loss, self.discriminator(fake.detach()))
        self.engine.backward(weight * on_fake / 2)
        self.discriminator_optimiser.step()
        self.discriminator_optimiser.zero_grad()

        frozen = self.engine.unwrap(self.discriminator).requires_grad_(False)
        with self.engine.autocast():
            local = summed_over_patches(real_loss, frozen(fake))
            guidance, row = self.guide(fake)
        self.engine.backward(weight * local + guidance)
        frozen.requires_grad_(True)
        self.generator_optimiser.step()
        self.generator_optimiser.zero_grad()
        return {"d_loss": ((on_real + on_fake) / 2).detach(), "g_loss": local.detach(), **row}

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
