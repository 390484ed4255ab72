"""A classifier as one network from pixels to outputs, for formats that hold a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..models import Classifier


class FromPixels(nn.Module):
    """Normalisation, the network, and perhaps a softmax; without the fitting of other sizes, which varies by image."""

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: Classifier, softmax: bool) -> None:
        super().__init__()
        self.network = classifier.network
        self.softmax = softmax
        self.register_buffer("mean", classifier.mean)
        self.register_buffer("std", classifier.std)

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, C, H, W) in [0, 1], of the classifier's shape, to logits or probabilities (batch, classes)."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits.softmax(dim=1) if self.softmax else logits


def example(classifier: Classifier) -> Tensor:
    """Two images (2, C, H, W) in [0, 1] to trace a network with; a batch of one could be taken for none."""
    return torch.full((2, *classifier.input.shape), 0.5)
