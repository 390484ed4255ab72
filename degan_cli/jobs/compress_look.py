"""The look of ``degan compress`` at a classifier, its student and some images, and a short timing of training."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..artifact import Loaded
from ..config import DistillSettings
from ..engine import Engine
from ..loops.pace import student_pace
from ..loops.top_classes import class_probabilities
from ..metrics import support
from ..models import Classifier, has_batch_norm, parameter_count
from ..samples.sources import HELD_OUT_FRACTION
from .compress_plan import BATCH_SIZE, Facts, recipe_for

LOOKED_AT = 2000
"""Images that the classifier is asked about, at most."""


def look(
    engine: Engine,
    loaded: Loaded[Classifier],
    student: Classifier,
    images: str,
    given: Tensor,
) -> Facts:
    """What the classifier and the images are, and how long updates take on them.

    :param images: how they were named.
    :param given: they themselves, uint8 (N, C, H, W) of the classifier's shape.
    """
    teacher = engine.place(loaded.model).freeze()
    channels, height, width = teacher.input.shape
    number = min(LOOKED_AT, len(given))
    chosen = given[torch.arange(number) * len(given) // number].to(engine.device)
    found = support(class_probabilities(engine, teacher, chosen))
    share = engine.share(BATCH_SIZE, "batches of")
    colour = bool((chosen != chosen[:, :1]).any())  # grey images in three equal channels are grey
    augment = recipe_for(colour, passes=math.inf)["augment"]
    update, scoring = student_pace(engine, teacher, engine.place(student), chosen, share, augment)
    size = f"{'grey' if channels == 1 else 'colour'} {width}x{height}"
    norm = "with" if has_batch_norm(teacher) else "without"
    return Facts(
        classifier=f"classifier: {teacher.architecture}, {len(teacher.class_names)} classes, {size}, {norm} BatchNorm, "
        f"{parameter_count(teacher):,} parameters; student: {student.architecture}, {parameter_count(student):,}",
        images=images,
        number=len(given),
        support=found,
        colour=colour,
        update_seconds=update,
        look_seconds=scoring * min(DistillSettings.held_out, HELD_OUT_FRACTION * len(given)) / 1000,
    )
