"""What a classifier does with images, and what a classifier sees in samples: measured, never trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import metrics
from ..datasets.subset import known_rows, match_classes
from ..engine import Engine
from ..errors import BadFile, Diverged
from ..models import Classifier
from ..specs import ImageSet
from .predict import predict, predict_with_features

__all__ = ["evaluate_classifier", "evaluate_samples", "predict"]

CONFIDENT = 0.9
"""Largest probability above which the authors call a prediction confident when they look at a generator's samples."""


def evaluate_classifier(
    engine: Engine,
    model: Classifier,
    data: ImageSet,
    reference: Classifier | None = None,
    logits: Tensor | None = None,
    outputs: str = "softmax",
) -> dict[str, Any]:
    """Accuracy and calibration on labelled images; agreement with ``reference``, which needs no labels.

    Classes are matched by name. Images of a class that ``model`` lacks are left out of everything but the count
    in ``left_out``. All fractions are in [0, 1]; a class without images has accuracy None.

    :param logits: of ``model`` for all images of ``data`` (N, classes), where they are known already.
    :param outputs: what ``model`` was taught with, see :func:`~degan_cli.metrics.as_softmax`.
    :raises BadFile: when there are no images, or when ``model`` shares no class with them or with ``reference``.
    """
    rows, labels, left_out = known_rows(data, model.class_names)
    if logits is None:
        logits = predict(model, data.images, engine.device, autocast=engine.autocast, rows=rows)
    elif rows is not None:
        logits = logits[rows]
    logits = metrics.as_softmax(logits, outputs)
    predicted = logits.argmax(dim=1)
    names = model.class_names
    result: dict[str, Any] = {"images": len(logits), "labelled": labels is not None, "left_out": left_out}
    if labels is not None:
        per_class = metrics.per_class_accuracy(predicted, labels, len(names)).tolist()
        result |= {
            "accuracy": metrics.accuracy(predicted, labels),
            "per_class": {
                name: None if math.isnan(value) else value for name, value in zip(names, per_class, strict=True)
            },
            "confusion": {"classes": list(names), "counts": metrics.confusion(predicted, labels, len(names)).tolist()},
            "calibration_error": metrics.expected_calibration_error(logits, labels),
            "reliability": metrics.reliability(logits, labels),
        }
    result |= _predictions(logits, names)
    if reference is not None:
        if not set(names) & set(reference.class_names):
            few = ", ".join(reference.class_names[:5])
            raise BadFile(f"the two classifiers share no class name ({', '.join(names[:5])}, ... and {few}, ...)")
        theirs = predict(reference, data.images, engine.device, autocast=engine.autocast, rows=rows).argmax(dim=1)
        result["agreement"] = metrics.agreement(predicted, match_classes(theirs, reference.class_names, names)[0])
        result["unshared_classes"] = sorted(set(names) ^ set(reference.class_names))
    return result


def evaluate_samples(
    engine: Engine,
    samples: Tensor,
    classifier: Classifier,
    real: ImageSet | None = None,
    seed: int = 0,
    outputs: str = "softmax",
) -> dict[str, Any]:
    """What ``classifier`` sees in samples uint8 (N, C, H, W), and how near they are to real images.

    The distances are measured in the classifier's own feature space, on equally many real images at most, and only
    on those of classes that it knows. They compare generators of one classifier, not papers.

    :param outputs: what ``classifier`` was taught with, see :func:`~degan_cli.metrics.as_softmax`.
    :raises BadFile: when there are too few images of either kind.
    """
    logits, features, layer = predict_with_features(classifier, samples, engine.device, autocast=engine.autocast)
    logits = metrics.as_softmax(logits, outputs)
    confident = logits.softmax(dim=1).amax(dim=1) > CONFIDENT
    names = classifier.class_names
    counts = metrics.class_counts(logits.argmax(dim=1)[confident], len(names)).tolist()
    result = {"images": len(samples)} | _predictions(logits, names)
    result["confident_counts"] = dict(zip(names, counts, strict=True))
    if real is None:
        return result

    rows, _, left_out = known_rows(real, names)
    known = len(real.images) if rows is None else len(rows)
    if min(known, len(samples)) <= metrics.NEIGHBOURS:
        least = metrics.NEIGHBOURS + 1
        raise BadFile(f"{len(samples)} samples and {known} real images are too few, {least} of each are needed")
    chosen = torch.randperm(known, generator=torch.Generator().manual_seed(seed))[: len(samples)]
    _, real_features, _ = predict_with_features(
        classifier,
        real.images,
        engine.device,
        autocast=engine.autocast,
        rows=chosen if rows is None else rows[chosen],
    )
    if not (features.isfinite().all() and real_features.isfinite().all()):
        raise Diverged("the classifier's features are not finite; try --precision fp32")
    if engine.device.type == "cuda":  # others may lack float64
        features, real_features = features.cuda(), real_features.cuda()
    kid, deviation = metrics.kernel_distance(real_features, features, seed=seed)
    return result | {
        "real_images": len(chosen),
        "left_out": left_out,
        "feature_space": {"layer": layer.removeprefix("network.") or "logits", "size": features.shape[1]},
        "fid": metrics.frechet_distance(real_features, features),
        "kid": kid,
        "kid_deviation": deviation,
        **metrics.precision_recall_density_coverage(real_features, features),
    }


def _predictions(logits: Tensor, names: Sequence[str]) -> dict[str, Any]:
    counts = metrics.class_counts(logits.argmax(dim=1), len(names)).tolist()
    mean = logits.double().softmax(dim=1).mean(dim=0)
    return {
        "class_counts": dict(zip(names, counts, strict=True)),
        "missing_classes": [name for name, count in zip(names, counts, strict=True) if not count],
        "confidence": metrics.mean_confidence(logits),
        "entropy": metrics.mean_entropy(logits),
        "diversity": float(torch.special.entr(mean).sum()),
    }
