"""Images as tensors: pixels, batches, augmentations and pictures."""

from . import draws
from .augmentations import augmentation
from .budget import within
from .crop_flip import AUGMENTS, augment
from .diff_augment import diff_augment
from .mix import mix
from .order import Shuffle
from .picture import MOST_ROWS, class_picture, emptiest_and_fullest, grid
from .pixels import GREY_WEIGHTS, digest, fit, fit_uint8, frame, to_uint8, to_unit
from .resized_crop import resized_crop
from .siamese import draw_siamese
from .store import ImageStore, free_bytes
from .strong import augment_a_part_strongly, augment_strongly

__all__ = [
    "AUGMENTS",
    "GREY_WEIGHTS",
    "MOST_ROWS",
    "ImageStore",
    "Shuffle",
    "augment",
    "augmentation",
    "augment_a_part_strongly",
    "augment_strongly",
    "class_picture",
    "diff_augment",
    "digest",
    "draw_siamese",
    "draws",
    "emptiest_and_fullest",
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
