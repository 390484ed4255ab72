"""The losses of a classifier that learns new classes while it keeps the old ones, as pure functions.

Logits are those of all classes, the old ones first. Every loss is computed in float32 whatever the precision of its
arguments, and is a scalar to minimise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .checks import checked_logits, unchanged

SAME_POINT = 1e-4
"""Two images whose features are less than this share of the mean distance apart are one."""


def local_cross_entropy(logits: Tensor, labels: Tensor, old: int) -> Tensor:
    """Cross-entropy of new images among the new classes alone: old logits are neither raised nor lowered.

    Shape: ``logits`` (batch, old + new); ``labels`` int64 (batch,) in old ... old + new - 1; a scalar in [0, inf).
    Source: Smith et al., "Always Be Dreaming", ICCV 2021, equation 6; before them Li and Hoiem, "Learning without
    Forgetting", ECCV 2016.
    """
    return F.cross_entropy(checked_logits(logits)[:, old:], labels - old)


def balanced_cross_entropy(logits: Tensor, labels: Tensor, old: int) -> Tensor:
    """Cross-entropy over all classes, in which old and new ones weigh as many as they are.

    The mean over the images of old classes times their share of the classes, and the same for new ones; so each class
    counts alike, however many images there are of either kind. A kind without images counts as nothing.

    Shape: ``logits`` (batch, classes); ``labels`` int64 (batch,); a scalar in [0, inf).
    Source: Smith et al., "Always Be Dreaming", ICCV 2021, equation 7, whose weights are those of the tasks.
    """
    each = F.cross_entropy(checked_logits(logits), labels, reduction="none")
    is_old = labels < old
    share = old / logits.shape[1]
    counts = torch.stack([is_old.sum(), (~is_old).sum()]).clamp(min=1)  # without waiting for the device
    weights = torch.where(is_old, share / counts[0], (1 - share) / counts[1])
    return (weights * each).sum()


def angle_distance(features: Tensor, wanted: Tensor) -> Tensor:
    """Smooth L1 distance of the angles that each three images of a batch form, in two feature spaces.

    The angle at an image is the cosine between the directions to two others; what is kept is how the images lie to
    each other, whatever turns and scales their features. Triplets in which two are the same image count as 0, also
    where the batch has it twice: the direction between two points that are all but one is noise, and division by
    their distance would make its gradient larger than all others together.

    Shape: ``features`` (batch, D), ``wanted`` (batch, E); a scalar in [0, 1.5].
    Source: Park et al., "Relational Knowledge Distillation", CVPR 2019, equations 6 and 7.
    """
    with torch.autocast(features.device.type, enabled=False):
        (directions, apart), (wanted_directions, wanted_apart) = _directions(features), _directions(wanted)
        both = (apart & wanted_apart).unsqueeze(2)
        return F.smooth_l1_loss(_cosines(directions, both), _cosines(wanted_directions, both))


def _directions(features: Tensor) -> tuple[Tensor, Tensor]:
    """From each image to each other one, float32 (batch, batch, D); and bool (batch, batch), which pairs have one."""
    differences = features.float().unsqueeze(0) - features.float().unsqueeze(1)
    lengths = differences.detach().norm(dim=2)
    return F.normalize(differences, dim=2), lengths > SAME_POINT * lengths.mean()


def _cosines(directions: Tensor, apart: Tensor) -> Tensor:
    """(batch, batch, batch): at image i, between the directions to images j and k."""
    directions = torch.where(apart, directions, 0.0)
    return directions @ directions.transpose(1, 2)


def scale_loss(
    new_logits: Tensor, old_logits: Tensor, mean_over_processes: Callable[[Tensor], Tensor] = unchanged
) -> Tensor:
    """Square of the difference between the mean largest logit of new classes and that of old classes.

    Cross-entropy on new images drives new logits up, distillation over the old classes does not mind what is added to
    all of them, so nothing else ties the two scales that the final argmax compares.

    Shape: ``new_logits`` (batch, new), the new classes' logits of new images; ``old_logits`` (samples, old), the old
    classes' logits of samples; ``mean_over_processes`` as for :func:`diversity_loss`; returns a scalar in [0, inf).
    Source: DeGAN, section 5.2, asks for "a regularisation term for the relative scaling of logits between old and new
    classes" and does not give it; this form is ours.
    """
    difference = checked_logits(new_logits).amax(dim=1).mean() - checked_logits(old_logits).amax(dim=1).mean()
    return mean_over_processes(difference).square()


def widened_distillation_loss(logits: Tensor, old_logits: Tensor, temperature: float) -> Tensor:
    """temperature^2 * KL of softened predictions, where the old classifier gives new classes probability 0.

    Shape: ``logits`` (batch, old + new), ``old_logits`` (batch, old); returns a scalar in [0, inf).
    Source: the DeepInversion baseline in the code of Smith et al., "Always Be Dreaming", ICCV 2021.
    """
    wanted = F.log_softmax(checked_logits(old_logits) / temperature, dim=1)
    seen = F.log_softmax(checked_logits(logits) / temperature, dim=1)[:, : wanted.shape[1]]
    return temperature**2 * F.kl_div(seen, wanted, reduction="batchmean", log_target=True)
