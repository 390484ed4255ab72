"""A strategy that teaches new classes: the labels of new images, while no weight goes far from where it was.

``Finetune`` prepares the extended classifier and learns the labels; a strategy adds what keeps the old classes.
"""

from __future__ import annotations

from torch import Tensor

from degan_cli.methods import Finetune
from degan_cli.specs import StrategyParts


class Tether(Finetune):
    """Finetuning with a penalty on the distance to the old weights."""

    def __init__(self, parts: StrategyParts) -> None:
        super().__init__(parts)
        self.weight: float = parts.settings.tether
        self.known = {
            name: weight.detach() for name, weight in parts.old.network.named_parameters() if name not in parts.head
        }

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy + tether * half the squared distance, without the head, which has grown."""
        loss, row = super().loss(images, labels, samples)
        now = dict(self.engine.unwrap(self.model).network.named_parameters())
        distance = sum(((now[name] - weight).square().sum() for name, weight in self.known.items()), loss.new_zeros(()))
        return loss + self.weight / 2 * distance, {**row, "distance": distance.detach()}
