"""The losses of GANs, students, increments, inversions and condensation: pure functions, for plugins too."""

from .distillation import (
    distillation_loss,
    label_loss,
    logit_spread,
    sigmoid_loss,
    softened_divergence,
    student_loss,
)
from .gan import diversity_loss, entropy_loss, fake_loss, real_loss
from .increments import (
    angle_distance,
    balanced_cross_entropy,
    local_cross_entropy,
    scale_loss,
    widened_distillation_loss,
)
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
    "angle_distance",
    "balanced_cross_entropy",
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
    "local_cross_entropy",
    "logit_distance",
    "logit_spread",
    "one_hot_loss",
    "real_loss",
    "scale_loss",
    "sigmoid_loss",
    "softened_divergence",
    "student_loss",
    "total_variation",
    "widened_distillation_loss",
]
