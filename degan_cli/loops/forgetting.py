"""What an extended classifier gained and lost: measured on test images, and said where they cannot tell."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from ..datasets.subset import match_and_count
from ..engine import Engine
from ..metrics import accuracy, per_class_accuracy
from ..models import Classifier
from ..specs import ClassifierNetwork, ImageSet
from .predict import predict


def measure_forgetting(
    engine: Engine, model: ClassifierNetwork, old: Classifier, test: ImageSet | None
) -> dict[str, Any]:
    """Accuracies in [0, 1] on test images of old, new and all classes, all predictions being over all classes.

    ``forgetting`` is the old classifier's accuracy on its classes' images less the extended one's, and
    ``forgetting_by_class`` the same for each old class that has test images, the worst first. ``confusion`` has
    the fractions of old classes' images taken for a new class, and of new ones' taken for an old class. A number is
    None where ``test``, matched by class name, has no image to measure it on; ``left_out`` counts the images
    of each class that the extended classifier lacks.
    """
    unknown = dict.fromkeys(("accuracy_old", "accuracy_new", "accuracy_all", "old_classifier_accuracy", "forgetting"))
    result: dict[str, Any] = unknown | {"confusion": {"old_as_new": None, "new_as_old": None}}
    result |= {"forgetting_by_class": {}, "test_images_old": 0, "test_images_new": 0, "left_out": {}}
    if test is None or test.labels is None:
        return result
    labels, left_out = match_and_count(test, model.class_names)
    rows, labels = (labels >= 0).nonzero().flatten(), labels[labels >= 0]
    first_new = len(old.class_names)
    is_old = labels < first_new
    result |= {
        "test_images_old": int(is_old.sum()),
        "test_images_new": int((~is_old).sum()),
        "left_out": left_out,
    }
    if not len(rows):
        return result

    predicted = predict(model, test.images, engine.device, autocast=engine.autocast, rows=rows).argmax(dim=1)
    if is_old.any():
        before = predict(old, test.images, engine.device, autocast=engine.autocast, rows=rows[is_old]).argmax(dim=1)
        result["old_classifier_accuracy"] = accuracy(before, labels[is_old])
        result["accuracy_old"] = accuracy(predicted[is_old], labels[is_old])
        result["forgetting"] = result["old_classifier_accuracy"] - result["accuracy_old"]
        known, classes = labels[is_old], len(model.class_names)
        lost = per_class_accuracy(before, known, classes) - per_class_accuracy(predicted[is_old], known, classes)
        named = zip(old.class_names, lost[:first_new].tolist(), strict=True)
        by_class = sorted(((name, value) for name, value in named if not math.isnan(value)), key=lambda item: -item[1])
        result["forgetting_by_class"] = dict(by_class)
        result["confusion"]["old_as_new"] = _mean(predicted[is_old] >= first_new)
    if not is_old.all():
        result["accuracy_new"] = accuracy(predicted[~is_old], labels[~is_old])
        result["confusion"]["new_as_old"] = _mean(predicted[~is_old] < first_new)
    if is_old.any() and not is_old.all():
        result["accuracy_all"] = accuracy(predicted, labels)
    return result


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
