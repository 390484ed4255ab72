"""DeGAN: the frozen classifier joins as third player and asks for confident images of every class.

Source: Addepalli et al., "DeGAN: Data-Enriching GAN for Retrieving Representative Samples from a Trained
Classifier", AAAI 2020, equations 4 to 7. Departures from the text follow the authors' code, which made the
published numbers: the generator's adversarial term does not saturate, and lambda_e is 0 and lambda_d 5.
Departures from the code: see :mod:`degan_cli.losses`.
"""

from __future__ import annotations

from torch import Tensor

from ..losses import diversity_loss, entropy_loss
from ..models import check_batch_norm, watching
from ..specs import MethodParts
from .dcgan import Dcgan


class Degan(Dcgan):
    """Generator against discriminator, guided by the classifier."""

    def __init__(self, parts: MethodParts) -> None:
        super().__init__(parts)
        self.classifier = parts.classifier
        self.lambda_e: float = parts.settings.lambda_e
        self.lambda_d: float = parts.settings.lambda_d
        self.bn_weight: float = parts.settings.bn_weight
        if self.bn_weight:
            check_batch_norm(self.classifier, "leave bn_weight out")

    def guide(self, fake: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """lambda_e * entropy of each prediction + lambda_d * negative entropy of the batch's mean prediction.

        With ``bn_weight`` also the distance of :mod:`degan_cli.models.batch_norm`, of which the paper knows nothing.
        """
        if self.bn_weight:
            with watching(self.classifier) as watched:
                logits = self.classifier(fake)  # (batch, classes)
            statistics = self.bn_weight * watched.distance()
        else:
            logits, statistics = self.classifier(fake), fake.new_zeros(())
        entropy = entropy_loss(logits)
        negative_diversity = diversity_loss(logits, self.engine.mean_over_processes)
        rows = {"entropy": entropy.detach(), "diversity": -negative_diversity.detach()}
        if self.bn_weight:
            rows["bn_distance"] = statistics.detach() / self.bn_weight
        return self.lambda_e * entropy + self.lambda_d * negative_diversity + statistics, rows
