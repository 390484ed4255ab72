"""How good predictions and samples are, as pure functions."""

from .certainty import most_certain
from .features import KID_SUBSET, NEIGHBOURS, frechet_distance, kernel_distance, precision_recall_density_coverage
from .nearest import nearest
from .predictions import (
    CALIBRATION_BINS,
    accuracy,
    agreement,
    as_softmax,
    class_counts,
    confusion,
    curve_summary,
    expected_calibration_error,
    mean_confidence,
    mean_entropy,
    per_class_accuracy,
    reliability,
)
from .support import Support, support

__all__ = [
    "CALIBRATION_BINS",
    "KID_SUBSET",
    "NEIGHBOURS",
    "Support",
    "accuracy",
    "agreement",
    "as_softmax",
    "class_counts",
    "confusion",
    "curve_summary",
    "expected_calibration_error",
    "frechet_distance",
    "kernel_distance",
    "mean_confidence",
    "mean_entropy",
    "most_certain",
    "nearest",
    "per_class_accuracy",
    "precision_recall_density_coverage",
    "reliability",
    "support",
]
