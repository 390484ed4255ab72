"""The two-player baseline: a generator learns the proxy, and the classifier has no say.

Source: Radford et al., "Unsupervised Representation Learning with DCGAN", ICLR 2016; settings of the
authors' DeGAN code: Adam(2e-4, betas 0.5 and 0.999) for both networks, labels 0 and 1 without smoothing,
one batch of real and one of generated images through the discriminator's BatchNorm, and the same
generated images for both updates.
"""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer

from ..images import draws
from ..losses import fake_loss, real_loss
from ..specs import MethodParts, Network

BETA1 = 0.5


class Dcgan:
    """Generator against discriminator."""

    game_weight = 1.0
    """Of the losses of both players, beside what :meth:`guide` adds."""

    def __init__(self, parts: MethodParts) -> None:
        self.engine = parts.engine
        self.latent = parts.latent
        self.generator = self.engine.prepare(parts.generator).train()
        self.discriminator = self.engine.prepare(parts.discriminator).train()
        self.generator_optimiser = self.engine.adam(self.generator.parameters(), parts.lr, BETA1)
        self.discriminator_optimiser = self.engine.adam(self.discriminator.parameters(), parts.lr, BETA1)

    def step(self, real: Tensor) -> dict[str, Tensor]:
        """Update the discriminator, then the generator, on the same generated images."""
        z = draws.randn(len(real), self.latent, device=real.device)
        with self.engine.autocast():
            fake = self.generator(z)  # (batch, C, S, S) in [0, 1]

        # Two backward passes: one after two forward passes trips DDP over the BatchNorm buffers.
        with self.engine.autocast():
            on_real = self.judged(self.discriminator(real), real=True)
        self.engine.backward(self.game_weight * on_real)
        with self.engine.autocast():
            on_fake = self.judged(self.discriminator(fake.detach()), real=False)
        self.engine.backward(self.game_weight * on_fake)
        self.discriminator_optimiser.step()
        self.discriminator_optimiser.zero_grad()

        # The unwrapped and frozen discriminator: its weights' gradients are not wanted here, nor to be averaged.
        frozen = self.engine.unwrap(self.discriminator).requires_grad_(False)
        with self.engine.autocast():
            adversarial = self.fooled(frozen(fake))
            guidance, row = self.guide(fake)
        self.engine.backward(self.game_weight * adversarial + guidance)
        frozen.requires_grad_(True)
        self.generator_optimiser.step()
        self.generator_optimiser.zero_grad()
        return {"d_loss": (on_real + on_fake).detach(), "g_loss": adversarial.detach(), **row}

    def judged(self, logits: Tensor, real: bool) -> Tensor:
        """The discriminator's loss on logits of images that are all real, or all generated."""
        return real_loss(logits) if real else fake_loss(logits)

    def fooled(self, logits: Tensor) -> Tensor:
        """The generator's loss on the discriminator's logits of generated images."""
        return real_loss(logits)

    def guide(self, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What else the generator minimises, and the rows it reports: nothing here."""
        return fake.new_zeros(()), {}

    def state(self) -> dict[str, Network | Optimizer]:
        """Both networks and their optimisers."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
        }
