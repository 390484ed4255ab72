"""Replay: labelled new images teach the new classes, and samples of the old classifier keep the old ones.

Source: Addepalli et al., "DeGAN", AAAI 2020, section 5.2 and table 3: cross-entropy on new images, distillation of the
old classifier on generated images, and "a regularisation term for the relative scaling of logits between old and new
classes", of which the paper gives neither form nor weight. Ours, and the alternatives that ``scaling`` chooses from:

- ``full-width``: the distillation runs over all classes, with probability 0 wanted for the new ones on samples.
- ``tie``: :func:`degan_cli.losses.scale_loss`, weighted by ``lambda_s``. New images' largest new logits are tied to
  the largest old logits of samples, and of the new images themselves (``tie_to``).
- ``weight-align``: no term; after training, the new classes' weights are scaled to the old ones' mean norm (Zhao et
  al., "Maintaining Discrimination and Fairness in Class Incremental Learning", CVPR 2020, equation 9).
- ``logits``: the distillation is the mean squared difference of the old classes' logits, which fixes their offset.
- ``none``: cross-entropy and distillation alone.

A network that can tell samples from photographs takes each photograph for a new class, whatever the scales. Therefore
a part of both kinds of images, half if not said otherwise, is changed strongly, so that little is left to tell them
apart by (``strong``); the other part stays as it is, for nobody asks a classifier about changed images. That is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..images import augment_a_part_strongly
from ..losses import distillation_loss, local_cross_entropy, scale_loss, widened_distillation_loss
from ..specs import StrategyParts
from .finetune import Finetune


class ReplayStrategy(Finetune):
    """Cross-entropy on new images over all classes, distillation on samples over the old ones, and a tie of scales."""

    def __init__(self, parts: StrategyParts) -> None:
        super().__init__(parts)
        self.settings = parts.settings

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Both kinds of images pass the network as one batch, so BatchNorm sees old and new classes together.

        ``competition`` says among which classes a new image's label must win: ``new`` leaves the old logits of new
        images alone (the local cross-entropy of Smith et al., "Always Be Dreaming", ICCV 2021).
        """
        assert samples is not None
        chosen, old = self.settings, self.old_classes
        images, samples = (augment_a_part_strongly(each, chosen.strong) for each in (images, samples))
        with torch.no_grad():
            wanted = self.old(samples).float()  # (samples, old)
        logits = self.model(torch.cat([images, samples])).float()
        new, replayed = logits[: len(images)], logits[len(images) :]

        if chosen.competition == "new":
            cross_entropy = local_cross_entropy(new, labels, old)
        else:
            cross_entropy = F.cross_entropy(new, labels)
        if chosen.scaling == "full-width":
            distillation = widened_distillation_loss(replayed, wanted, chosen.temperature)
        elif chosen.scaling == "logits":
            distillation = F.mse_loss(replayed[:, :old], wanted)
        else:
            distillation = distillation_loss(replayed[:, :old], wanted, chosen.temperature)
        mean = self.engine.mean_over_processes
        tied_to = (replayed[:, :old],) if chosen.tie_to == "samples" else (replayed[:, :old], new[:, :old])
        scales = torch.stack([scale_loss(new[:, old:], to, mean) for to in tied_to]).mean()
        loss = cross_entropy + chosen.lambda_kd * distillation
        if chosen.scaling == "tie":
            loss = loss + chosen.lambda_s * scales
        rows = {"cross_entropy": cross_entropy, "distillation": distillation, "scale_difference": scales.sqrt()}
        return loss, {name: value.detach() for name, value in rows.items()}

    def finish(self) -> None:
        """Align the weights, where that is chosen."""
        if self.settings.scaling != "weight-align":
            return
        weights = self.engine.unwrap(self.model).network.state_dict()
        for name, axis in self.head.items():
            by_class = weights[name].movedim(axis, 0)
            if by_class.ndim > 1:  # biases are left as they are
                norms = by_class.flatten(1).norm(dim=1)
                by_class[self.old_classes :] *= norms[: self.old_classes].mean() / norms[self.old_classes :].mean()
