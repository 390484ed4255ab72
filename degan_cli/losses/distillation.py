"""The losses of students and of classifiers, as pure functions of logits.

Every loss is computed in float32 whatever the precision of its arguments, and is a scalar to minimise.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .checks import checked_logits


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """temperature^2 * KL(teacher || student) of the predictions softened by ``temperature``, mean over the batch.

    The factor keeps the gradient's size about independent of the temperature.

    Shape: both (batch, classes), unnormalised; returns a scalar in [0, inf), 0 when the softened predictions agree.
    Raises: ValueError for other shapes.
    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; temperature 20 in DeGAN's commands.
    """
    return temperature**2 * softened_divergence(student_logits, teacher_logits, temperature)


def softened_divergence(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(teacher || student), in nats, of the predictions softened by ``temperature``, mean over the batch.

    Without the factor of :func:`distillation_loss`; its gradient is that of the cross-entropy of softened predictions.

    Shape: both (batch, classes), unnormalised; returns a scalar in [0, inf), 0 when the softened predictions agree.
    Raises: ValueError for other shapes.
    Source: the distillation of LwF in PyCIL (Zhou et al., 2021), there as the cross-entropy.
    """
    student = F.log_softmax(checked_logits(student_logits) / temperature, dim=1)
    teacher = F.log_softmax(checked_logits(teacher_logits) / temperature, dim=1)
    if student.shape != teacher.shape:
        raise ValueError(f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} differ in shape")
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True)


def student_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float, ce_weight: float) -> Tensor:
    """(1 - ce_weight) * distillation + ce_weight * cross-entropy with the teacher's top class.

    Shape: both (batch, classes), unnormalised; returns a scalar. ``ce_weight`` in [0, 1]; 0 is pure distillation,
    the setting of DeGAN's tables (its lambda is 1 - ce_weight).
    """
    loss = (1 - ce_weight) * distillation_loss(student_logits, teacher_logits, temperature)
    if ce_weight:
        loss = loss + ce_weight * F.cross_entropy(student_logits.float(), teacher_logits.argmax(dim=1))
    return loss


def logit_spread(logits: Tensor) -> Tensor:
    """The standard deviation of an image's logits over the classes, mean over the images.

    Distances of logits in this unit mean the same for a loud classifier and for a quiet one.

    Shape: (batch, classes), unnormalised; returns a scalar in [0, inf), 0 for a single class.
    """
    return checked_logits(logits).std(dim=1, correction=0).mean()


def label_loss(logits: Tensor, labels: Tensor, outputs: str) -> Tensor:
    """Cross-entropy of labelled images in nats, or for ``sigmoid`` outputs :func:`sigmoid_loss` with 1 for the label.

    Shape: ``logits`` (batch, classes), ``labels`` int64 (batch,); ``outputs`` ``softmax`` or ``sigmoid``; a scalar.
    """
    if outputs == "sigmoid":
        return sigmoid_loss(logits, F.one_hot(labels, logits.shape[1]))
    return F.cross_entropy(checked_logits(logits), labels)


def sigmoid_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy in nats of every output with its target, summed over outputs, mean over the batch.

    Shape: both (batch, outputs), ``targets`` in [0, 1]; returns a scalar in [0, inf).
    Source: Rebuffi et al., "iCaRL", CVPR 2017, equation 3; its code averages over the outputs, with a larger rate.
    """
    each = F.binary_cross_entropy_with_logits(checked_logits(logits), targets.float(), reduction="none")
    return each.sum(dim=1).mean()
