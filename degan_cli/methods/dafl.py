"""DAFL: no proxy at all; the frozen classifier alone guides the generator.

Source: Chen et al., "Data-Free Learning of Student Networks", ICCV 2019, equations 4 to 7. An image should be
certain to the classifier (one-hot loss), excite its features (activation loss), and a batch should hold all classes
alike (information entropy loss). The weights are those of the authors' code for MNIST; for CIFAR-10 it has
one_hot_weight 0.05 and activation_weight 0.01, for CIFAR-100 0.5, 20 and 0.1. The features are what goes into the last
linear layer, in LeNet into the second last, as in that code. Where a student learns meanwhile, it is given fresh
images of the updated generator; the authors update both on the same ones.
"""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer

from ..images import draws
from ..losses import activation_loss, information_loss, one_hot_loss
from ..models import feature_layer, tapped
from ..specs import MethodParts, Network


class Dafl:
    """A generator that the classifier alone guides."""

    def __init__(self, parts: MethodParts) -> None:
        self.engine = parts.engine
        self.latent = parts.latent
        self.classifier = parts.classifier
        self.settings = parts.settings
        self.generator = self.engine.prepare(parts.generator).train()
        self.optimiser = self.engine.adam(self.generator.parameters(), parts.lr)

    def step(self, real: Tensor) -> dict[str, Tensor]:
        """Update the generator on as many images as ``real`` is long."""
        z = draws.randn(len(real), self.latent, device=real.device)
        with self.engine.autocast():
            images = self.generator(z)  # (batch, C, S, S) in [0, 1]
            with tapped(self.classifier, gradients=True, layer=feature_layer(self.classifier)) as tap:
                logits = self.classifier(images)  # (batch, classes)
            one_hot = one_hot_loss(logits)
            activation = activation_loss(tap.features(logits))
            information = information_loss(logits, self.engine.mean_over_processes)
            challenge, row = self.challenge(images, logits)
        loss = self.settings.one_hot_weight * one_hot + self.settings.activation_weight * activation
        self.engine.backward(loss + self.settings.information_weight * information + challenge)
        self.optimiser.step()
        self.optimiser.zero_grad()
        losses = {"one_hot": one_hot, "activation": activation, "information": information}
        return {name: value.detach() for name, value in losses.items()} | row

    def challenge(self, images: Tensor, logits: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What else the generator minimises, and the rows it reports: nothing here."""
        return images.new_zeros(()), {}

    def state(self) -> dict[str, Network | Optimizer]:
        """The generator and its optimiser."""
        return {"generator": self.generator, "optimiser": self.optimiser}
