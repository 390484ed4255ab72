"""Measure how good a classifier is on images, or how good a generator's samples are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import artifact
from ..artifact import Artifact, Loaded, outputs_of
from ..artifact.parents import find_classifier, missing_classifier
from ..config import EvaluateSettings, ReportSettings
from ..datasets.subset import say_left_out
from ..engine import Engine, start
from ..errors import BadFile, UsageError
from ..images import within
from ..loops.evaluate import evaluate_classifier, evaluate_samples
from ..loops.predict import predict
from ..loops.sample import generate
from ..metrics import as_softmax
from ..models import Classifier
from ..runs.classifiers import is_unnamed, open_classifier, said_of, tell
from ..runs.distinct import refuse_inputs
from ..runs.output import check_free
from ..runs.session import Session
from ..specs import ImageSet
from .predictions import write_predictions

LOOKED_AT_VALUES = EvaluateSettings.number * 3 * 128 * 128
"""Pixels times channels of a generator's samples where nobody says how many they are: of large images fewer."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was measured of an artifact."""

    artifact: str
    kind: str
    """``classifier``, ``generator`` or ``samples``."""
    sha256: str
    values: Mapping[str, Any]
    """All that was measured; accuracies are fractions in [0, 1]."""
    seconds: float

    @property
    def metrics(self) -> dict[str, float]:
        """The plain numbers among the values."""
        return {
            name: value
            for name, value in self.values.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        about = {"artifact": self.artifact, "kind": self.kind, "sha256": self.sha256, "metrics": self.metrics}
        return dict(self.values) | about | {"seconds": round(self.seconds, 3)}


def resolve_evaluate(settings: EvaluateSettings, session: Session) -> EvaluateSettings:
    """Every value as it will be used; raises UsageError for settings that have no use."""
    return settings.resolved()


def evaluate(settings: EvaluateSettings, session: Session) -> Evaluation:
    """Measure an artifact; see ``degan eval --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    settings = resolve_evaluate(settings, session)
    refuse_inputs(settings)
    if settings.predictions is not None:
        check_free(settings.predictions, "--predictions", settings.force)
    file = artifact.read_artifact(settings.model)
    kind = "classifier" if file.header is None else file.header.kind
    if kind == "dataset":
        raise BadFile(f"{file.path}: holds a dataset; degan eval takes a classifier, a generator or stored samples")
    if settings.predictions is not None and kind != "classifier":
        raise UsageError(f"--predictions is for classifiers, and {file.path} holds a {kind}; leave it out")
    if "number" in settings.given and kind != "generator":
        raise UsageError(f"--number is for generators, and {file.path} holds a {kind}; leave it out")
    engine = start(settings.device, settings.precision, settings.seed)
    measure = _measure_classifier if kind == "classifier" else _measure_samples
    values = measure(engine, file, settings, session)
    values |= {"skipped_images": dict(session.skipped)} if session.skipped else {}
    values |= {"warnings": list(session.warnings)} if session.warnings else {}
    seconds = time.monotonic() - began
    return Evaluation(artifact=file.path, kind=kind, sha256=file.sha256, values=values, seconds=seconds)


def open_to_measure(
    file: Artifact, settings: EvaluateSettings | ReportSettings, session: Session
) -> tuple[Classifier, Classifier | None, ImageSet | None]:
    """A classifier, the one to compare it with, and the images of ``settings.dataset``, with classes that match.

    Images are fitted as the first classifier stores it, and of a shape that loses nothing for either.
    """

    def load(source: Path | Artifact) -> Loaded[Classifier]:
        read = source if isinstance(source, Artifact) else artifact.read_artifact(source)
        return open_classifier(read, said_of(read, settings), session)

    loaded = load(file)
    beside = None if settings.classifier is None else load(settings.classifier)
    run = {} if file.header is None else file.header.run
    data = _open(settings, run, session, *(one.model for one in (loaded, beside) if one is not None))
    if data is not None:
        _take_names(loaded, data.class_names, session)
    if beside is not None:
        _take_names(beside, loaded.model.class_names, session)
        _take_names(loaded, beside.model.class_names, session)
    return loaded.model, None if beside is None else beside.model, data


def warn_of(values: Mapping[str, Any], settings: EvaluateSettings | ReportSettings, session: Session) -> None:
    """Say which classes the numbers leave out."""
    if left_out := values.get("left_out"):
        session.warn(say_left_out(str(settings.dataset), left_out))
    if unshared := values.get("unshared_classes"):
        session.warn(f"agreement is less where only one of the two knows a class: {', '.join(unshared[:8])}")


def _open(
    settings: EvaluateSettings | ReportSettings, run: Mapping[str, Any], session: Session, *classifiers: Classifier
) -> ImageSet | None:
    """The images to measure on, fitted as a ``run`` stores it, of a shape that loses nothing for any classifier."""
    if settings.dataset is None:
        return None
    channels, height, width = (max(sides) for sides in zip(*(c.input.shape for c in classifiers), strict=True))
    finder = session.finder(settings.fitting_like(run))
    return finder.open(settings.dataset, settings.split, (channels, height, width))


def _measure_classifier(engine: Engine, file: Artifact, settings: EvaluateSettings, session: Session) -> dict[str, Any]:
    model, other, data = open_to_measure(file, settings, session)
    if data is None:
        raise UsageError(
            f"{file.path} is a classifier: name images to measure it on with --dataset (labels are optional)"
        )
    if data.labels is None:
        session.say("the images have no labels: no accuracy, only what the classifier predicts")
    logits = None
    if settings.predictions is not None:
        logits = predict(model, data.images, engine.device, autocast=engine.autocast)  # (N, classes)
        if engine.is_main:
            said = as_softmax(logits, outputs_of(file.header))
            write_predictions(settings.predictions, said, data, model.class_names, settings.probabilities)
    result = evaluate_classifier(engine, model, data, other, logits, outputs_of(file.header))
    warn_of(result, settings, session)
    return result


def _measure_samples(engine: Engine, file: Artifact, settings: EvaluateSettings, session: Session) -> dict[str, Any]:
    viewer = find_classifier(file, settings.classifier, session.plugins, settings, session.warn)
    if viewer is None:
        raise missing_classifier(file)
    tell(viewer, session)
    if file.header is not None and file.header.kind == "generator":
        generator = artifact.load_generator(file, session.plugins).model
        number, size = settings.number, generator.shape.size
        if "number" not in settings.given:
            number = within(number, (generator.shape.channels, size, size), values=LOOKED_AT_VALUES)
        if number < settings.number:
            session.say(f"{number:,} samples of {size}x{size} pixels are looked at; -n says how many")
        images = generate(engine, generator, number, settings.seed)
    else:
        images = artifact.load_images(file)[0].images
    real = _open(settings, fitted_by(file, viewer), session, viewer.model)
    if real is not None:
        _take_names(viewer, real.class_names, session)
    result = evaluate_samples(engine, images, viewer.model, real, settings.seed, outputs_of(viewer.header))
    warn_of(result, settings, session)
    return result


def fitted_by(file: Artifact, viewer: Loaded[Classifier]) -> Mapping[str, Any]:
    """The run that says how the images beside these samples were fitted: theirs, or else the classifier's."""
    own = {} if file.header is None else file.header.run
    return own if "fit" in own else viewer.header.run


def _take_names(loaded: Loaded[Classifier], names: tuple[str, ...], session: Session) -> None:
    """A network from elsewhere calls its classes 0, 1, ...: then, and only then, their order stands for names."""
    own = loaded.model.class_names
    if is_unnamed(loaded) and len(names) == len(own) and not set(names) & set(own):
        order = f"{', '.join(names[:3])}, ..."
        session.warn(f"{loaded.path}: its {len(own)} classes have no names; they are taken in the order {order}")
        loaded.model.class_names = names
