"""Put together what is known of some runs, measure what is asked for, and write it as one HTML page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from torch import Tensor

from .. import __version__, artifact
from ..artifact.atomic import replacing
from ..artifact.parents import find_classifier, missing_classifier
from ..config import ReportSettings
from ..engine import Engine, start
from ..errors import BadFile, UsageError
from ..loops.copies import Nearness, find_nearest
from ..loops.evaluate import evaluate_classifier
from ..loops.predict import predict
from ..loops.sample import generate
from ..models import Classifier
from ..page.content import Content, Copies, Neighbour, Seen
from ..page.page import page
from ..page.plots import check_plots, write_plots
from ..runs.output import check_free
from ..runs.result import Result
from ..runs.session import Session
from .report_subjects import Opened, open_subjects

SAMPLES = 500
LEAST_SAMPLES = 48
SAMPLE_VALUES = 2**22
"""Pixels times channels in all samples that are looked at, unless ``--number`` wants more."""
SHOWN_NEAREST = 12


def report(settings: ReportSettings, session: Session) -> Result:
    """Write a page about artifacts and runs; see ``degan report --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    check_free(settings.output, "-o", settings.force)
    if settings.plots is not None:
        check_plots(settings.plots, settings.force)
    opened = open_subjects(settings.runs)
    _check_uses(settings, opened)
    engine = start(settings.device, settings.precision, settings.seed)
    seen = {one.subject.name: _look(engine, one, settings, session) for one in opened if _holds_samples(one)}
    measured = {
        one.subject.name: _measure(engine, one, settings, session)
        for one in opened
        if one.subject.kind == "classifier" and settings.dataset is not None
    }
    content = Content(
        subjects=[one.subject for one in opened],
        seen=seen,
        measured=measured,
        dataset=f"{settings.dataset} ({settings.split})",
        version=__version__,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    written = page(content).encode()
    if engine.is_main:
        with replacing(settings.output) as file:
            file.write(written)
        if settings.plots is not None:
            write_plots(content.subjects, settings.plots)
    return Result(
        artifact=settings.output,
        kind="report",
        sha256=hashlib.sha256(written).hexdigest(),
        metrics={"bytes": len(written), **_found(seen, measured)},
        seconds=time.monotonic() - began,
    )


def _holds_samples(one: Opened) -> bool:
    return one.subject.kind in ("generator", "samples")


def _check_uses(settings: ReportSettings, opened: Sequence[Opened]) -> None:
    """Raise UsageError for an option that has nothing to be used on, BadFile for what no page can be made of."""
    if not any(map(_holds_samples, opened)):
        for option, given in (("--proxy", settings.proxy), ("--number", settings.number)):
            if given is not None:
                raise UsageError(f"{option} has no use here: it is for generators and stored samples; leave it out")
    if settings.dataset is not None and all(one.subject.kind != "classifier" for one in opened):
        raise UsageError("--dataset has no use here: it is for classifiers; leave it out")
    for one in opened:
        if one.subject.kind == "dataset":
            raise BadFile(f"{one.subject.file}: holds a dataset; degan report takes what a run made, or its folder")


def _look(engine: Engine, one: Opened, settings: ReportSettings, session: Session) -> Seen:
    """Samples, what a classifier takes them for, and with ``--proxy`` what they may be copies of."""
    assert one.file is not None
    viewer = find_classifier(one.file, settings.classifier, session.plugins, settings.arch, settings.num_classes)
    images = _samples(engine, one, settings, session)
    if viewer is None:
        if settings.proxy is not None:
            raise missing_classifier(one.file)
        session.say(f"{missing_classifier(one.file)}; its samples are shown without classes")
        return Seen(images=images, classes=None, confidence=None, class_names=())
    classifier = viewer.model
    logits = predict(classifier, images, engine.device, autocast=engine.autocast)  # (N, classes)
    confidence, classes = logits.softmax(dim=1).max(dim=1)
    copies = None if settings.proxy is None else _copies(engine, images, classifier, settings, session)
    return Seen(
        images=images, classes=classes, confidence=confidence, class_names=classifier.class_names, copies=copies
    )


def _samples(engine: Engine, one: Opened, settings: ReportSettings, session: Session) -> Tensor:
    """uint8 (N, C, H, W); of stored ones the first."""
    assert one.file is not None
    if one.subject.kind == "samples":
        images = artifact.load_images(one.file)[0].images
        if not len(images):
            raise BadFile(f"{one.file.path}: holds no samples; make it again with `degan sample`")
        return images[: settings.number or _enough(images[0].numel())]
    generator = artifact.load_generator(one.file, session.plugins).model
    number = settings.number or _enough(generator.shape.channels * generator.shape.size**2)
    return generate(engine, generator, number, settings.seed)


def _enough(values: int) -> int:
    return max(LEAST_SAMPLES, min(SAMPLES, SAMPLE_VALUES // values))


def _copies(
    engine: Engine, images: Tensor, classifier: Classifier, settings: ReportSettings, session: Session
) -> Copies:
    channels, height, width = images.shape[1:]
    expression = str(settings.proxy)
    proxy = session.finder(settings).open(expression, "train", (channels, height, width)).images
    if len(proxy) < 2:
        raise BadFile(f"--proxy {expression}: holds a single image, and two are needed to say how near is near")
    found = find_nearest(engine, images, proxy, classifier, settings.seed)
    neighbours = [_neighbour(images, found, index) for index in range(len(images))]
    suspicious = sorted(neighbours, key=lambda one: min(one.pixel_ratio, one.feature_ratio))
    verdicts = [one.verdict for one in neighbours]
    return Copies(
        proxy=expression,
        proxy_images=len(found.proxy),
        pixel_side=found.side,
        samples=len(images),
        verdicts={verdict: verdicts.count(verdict) for verdict in ("copy", "near", "new")},
        nearest=suspicious[:SHOWN_NEAREST],
    )


def _neighbour(images: Tensor, found: Nearness, index: int) -> Neighbour:
    return Neighbour(
        sample=images[index],
        by_pixels=found.proxy[found.by_pixels[index]],
        by_features=found.proxy[found.by_features[index]],
        levels=float(found.levels[index]),
        pixel_ratio=float(found.pixel_ratio[index]),
        feature_ratio=float(found.feature_ratio[index]),
    )


def _measure(engine: Engine, one: Opened, settings: ReportSettings, session: Session) -> dict[str, Any]:
    """What ``degan eval`` measures of a classifier."""
    assert one.file is not None
    assert settings.dataset is not None

    def load(source: Any) -> Classifier:
        """--arch and --num-classes are for files without a header only."""
        file = source if isinstance(source, artifact.Artifact) else artifact.read_artifact(source)
        plain = (settings.arch, settings.num_classes) if file.header is None else (None, None)
        return artifact.load_classifier(file, session.plugins, *plain).model

    model = load(one.file)
    data = session.finder(settings).open(settings.dataset, settings.split, model.input.shape)
    other = None if settings.classifier is None else load(settings.classifier)
    return evaluate_classifier(engine, model, data, other)


def _found(seen: Mapping[str, Seen], measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What was measured for the page, by subject."""
    kept = ("accuracy", "agreement", "calibration_error")
    found = {name: {key: values[key] for key in kept if key in values} for name, values in measured.items()}
    copies = {name: {"copies": dict(one.copies.verdicts)} for name, one in seen.items() if one.copies is not None}
    return {"subjects": {name: {**found.get(name, {}), **copies.get(name, {})} for name in {**found, **copies}}}
