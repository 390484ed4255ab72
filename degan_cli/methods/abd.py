"""ABD: features learn the new classes among themselves, and the head all of them, so that no feature tells samples
from photographs.

Source: Smith et al., "Always Be Dreaming: A New Approach for Data-Free Class-Incremental Learning", ICCV 2021,
equations 6 to 9, and the authors' code. Here the samples come from any generator, theirs from one that inverts the
old classifier. Ours is that a part of both kinds of images is changed strongly (``strong``), as in
:mod:`degan_cli.methods.replay` and for the same reason. A new image keeps its label even where the change makes it
something else, such as a 9 of a 6; the part that stays as it is shows it right.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..images import augment_a_part_strongly
from ..losses import balanced_cross_entropy, local_cross_entropy
from .with_head import WithHead


class Abd(WithHead):
    """Local cross-entropy, a balanced one of the head alone, and features that the old head sees as before."""

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Both kinds of images pass the network as one batch, so BatchNorm sees old and new classes together."""
        assert samples is not None
        images, samples = (augment_a_part_strongly(each, self.settings.strong) for each in (images, samples))
        both, count = torch.cat([images, samples]), len(images)
        before, _ = self.seen_before(both)
        logits, features = self.seen(both)
        local = local_cross_entropy(logits[:count], labels, self.old_classes)
        all_labels = self.all_labels(labels, before[count:])
        head = balanced_cross_entropy(self.head_alone(features), all_labels, self.old_classes)
        # Features matter as much as the old head makes of them: the importance weights of equation 9.
        kept = F.mse_loss(self.seen_by_old_head(features), before)
        loss = local + self.settings.lambda_head * head + self.settings.lambda_kd * kept
        rows = {"local_cross_entropy": local, "head": head, "feature_distillation": kept}
        return loss, {name: value.detach() for name, value in rows.items()}
