"""Networks in use: classifiers and generators in pixels, their features, statistics and heads."""

from .batch_norm import Watched, check_batch_norm, has_batch_norm, watching
from .classifier import Classifier
from .copying import copy_weights, follow
from .features import Tap, feature_layer, tapped
from .frozen import resting
from .generator import Generator
from .head import has_linear_head, head_layer
from .size import parameter_count
from .widen import widen

__all__ = [
    "Classifier",
    "Generator",
    "Tap",
    "Watched",
    "check_batch_norm",
    "copy_weights",
    "feature_layer",
    "follow",
    "has_batch_norm",
    "has_linear_head",
    "head_layer",
    "parameter_count",
    "resting",
    "tapped",
    "watching",
    "widen",
]
