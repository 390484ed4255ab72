"""The losses of GANs, students, inversions and condensation, as pure functions; plugins may use them all."""

from .distillation import (
    distillation_loss,
    label_loss,
    scale_loss,
    sigmoid_loss,
    softened_divergence,
    student_loss,
    widened_distillation_loss,
)
from .gan import diversity_loss, entropy_loss, fake_loss, real_loss
from .inversion import (
    activation_loss,
    agreement_loss,
    code_loss,
    impression_loss,
    information_loss,
    logit_distance,
    one_hot_loss,
    total_variation,
)
from .matching import distribution_distance, gradient_distance

__all__ = [
    "activation_loss",
    "agreement_loss",
    "code_loss",
    "distillation_loss",
    "distribution_distance",
    "diversity_loss",
    "entropy_loss",
    "fake_loss",
    "gradient_distance",
    "impression_loss",
    "information_loss",
    "label_loss",
    "logit_distance",
    "one_hot_loss",
    "real_loss",
    "scale_loss",
    "sigmoid_loss",
    "softened_divergence",
    "student_loss",
    "total_variation",
    "widened_distillation_loss",
]
