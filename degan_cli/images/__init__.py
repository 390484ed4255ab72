"""Images as tensors: pixels, batches, augmentations and pictures."""

from .augmentations import augmentation
from .budget import within
from .crop_flip import AUGMENTS, augment
from .diff_augment import diff_augment
from .mix import mix
from .order import Shuffle
from .picture import by_class, grid
from .pixels import GREY_WEIGHTS, digest, fit, fit_uint8, frame, to_uint8, to_unit
from .resized_crop import resized_crop
from .siamese import draw_siamese
from .store import ImageStore, free_bytes
from .strong import augment_strongly

__all__ = [
    "AUGMENTS",
    "GREY_WEIGHTS",
    "ImageStore",
    "Shuffle",
    "augment",
    "augmentation",
    "by_class",
    "augment_strongly",
    "diff_augment",
    "digest",
    "draw_siamese",
    "fit",
    "fit_uint8",
    "frame",
    "free_bytes",
    "grid",
    "mix",
    "resized_crop",
    "to_uint8",
    "to_unit",
    "within",
]
