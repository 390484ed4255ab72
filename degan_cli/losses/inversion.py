"""The losses by which images are made from a classifier alone, as pure functions.

Every loss is computed in float32 whatever the precision of its arguments, and is a scalar to minimise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .checks import unchanged
from .gan import diversity_loss


def one_hot_loss(logits: Tensor) -> Tensor:
    """Mean cross-entropy, in nats, of predictions with their own top class: 0 when each image is certain.

    Shape: ``logits`` (batch, classes); returns a scalar in [0, log(classes)].
    Source: Chen et al., "Data-Free Learning of Student Networks", ICCV 2019, equation 4.
    """
    return F.cross_entropy(logits.float(), logits.argmax(dim=1))


def activation_loss(features: Tensor) -> Tensor:
    """Minus the mean magnitude of the features: images like the training data excite them.

    Shape: ``features`` (batch, D), see :func:`degan_cli.models.feature_layer`; returns a scalar in (-inf, 0].
    Source: Chen et al., ICCV 2019, equation 5; the mean over features is the authors' code's, the paper sums.
    """
    return -features.float().abs().mean()


def information_loss(logits: Tensor, mean_over_processes: Callable[[Tensor], Tensor] = unchanged) -> Tensor:
    """Negative entropy of the batch's mean prediction, in decimal digits: -log10(classes) when classes are even.

    Shape: ``logits`` (batch, classes); returns a scalar in [-log10(classes), 0].
    Source: Chen et al., ICCV 2019, equation 6, with the base 10 of the authors' code, which their weights are for.
    """
    return diversity_loss(logits, mean_over_processes) / math.log(10)


def agreement_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float = 3.0,
    least: float = 0.01,
    mean_over_classes: bool = False,
) -> Tensor:
    """1 - the divergence of softened predictions from their middle, in nats: 1 where student and teacher agree.

    Images that minimise it are those from which the student can learn most.

    Shape: both (batch, classes); returns a scalar in [0, 1], without gradients once the divergence is 1 or more.
    ``least``: predictions P and Q and their middle M = (P + Q) / 2 are each kept in [least, 1 - least], as in the
    authors' code; M is that of the predictions before.
    ``mean_over_classes``: whether the divergence is divided by the number of classes, as in the code of Binici et al.,
    AAAI 2022, where the term has little weight therefore.
    Source: Yin et al., DeepInversion, CVPR 2020, equations 9 and 10, in the form of the authors' code: the divergence
    of the middle from each prediction, (KL(M | P) + KL(M | Q)) / 2, where Jensen and Shannon have those of each
    prediction from the middle; it is not bounded by log(2), hence the clamp.
    """
    first = F.softmax(student_logits.float() / temperature, dim=1)
    second = F.softmax(teacher_logits.float() / temperature, dim=1)
    first, second, middle = (one.clamp(least, 1 - least) for one in (first, second, (first + second) / 2))
    parts = (F.kl_div(one.log(), middle, reduction="batchmean") for one in (first, second))
    divergence = sum(parts, first.new_zeros(())) / 2
    return 1 - (divergence / first.shape[1] if mean_over_classes else divergence).clamp(0, 1)


def total_variation(images: Tensor) -> Tensor:
    """Sum of the Euclidean norms of four differences over a batch: to the right, down, and both diagonals.

    Shape: ``images`` (batch, C, H, W); returns a scalar in [0, inf) that grows with the batch.
    Source: Yin et al., DeepInversion, CVPR 2020, the prior of equation 3, in the form of the authors' code.
    """
    x = images.float()
    right, down = x[:, :, :, :-1] - x[:, :, :, 1:], x[:, :, :-1] - x[:, :, 1:]
    falling, rising = x[:, :, :-1, :-1] - x[:, :, 1:, 1:], x[:, :, 1:, :-1] - x[:, :, :-1, 1:]
    return torch.stack([difference.norm() for difference in (right, down, falling, rising)]).sum()


def impression_loss(logits: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Mean cross-entropy, in nats, of softened predictions with wanted probabilities.

    Shape: both (batch, classes), ``wanted`` in [0, 1] with sum 1 in each row; returns a scalar in [0, inf).
    Source: Nayak et al., "Zero-Shot Knowledge Distillation in Deep Networks", ICML 2019, equation 3.
    """
    return -(wanted * F.log_softmax(logits.float() / temperature, dim=1)).sum(dim=1).mean()


def logit_distance(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Mean absolute difference of the logits.

    Shape: both (batch, classes); returns a scalar in [0, inf).
    Source: Binici et al., "Robust and Resource-Efficient Data-Free Knowledge Distillation by Generative Pseudo
    Replay", AAAI 2022, the student's loss.
    """
    return F.l1_loss(student_logits.float(), teacher_logits.float())


def code_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence, in nats, of an encoder's normal distributions from the standard one, mean over the batch.

    Shape: both (batch, latent); returns a scalar in [0, inf).
    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014, appendix B.
    """
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
