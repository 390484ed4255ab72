"""What a report shows of samples: what a classifier takes them for, and which proxy images are nearest to them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .. import artifact
from ..artifact import outputs_of
from ..artifact.parents import find_classifier, missing_classifier
from ..config import ReportSettings
from ..engine import Engine
from ..errors import BadFile
from ..images import within
from ..loops.copies import Nearness, find_nearest
from ..loops.predict import predict
from ..loops.sample import generate
from ..metrics import as_softmax
from ..models import Classifier
from ..page.content import Copies, Neighbour, Seen
from ..runs.session import Session
from .evaluate import fitted_by
from .report_subjects import Opened

SAMPLES = 500
LEAST_SAMPLES = 48
SAMPLE_VALUES = 2**22
"""Pixels times channels in all samples that are looked at, unless ``--number`` wants more."""
SHOWN_NEAREST = 12


def look(engine: Engine, one: Opened, settings: ReportSettings, session: Session) -> Seen:
    """Samples, what a classifier takes them for, and with ``--proxy`` what they may be copies of.

    :raises BadFile: without a classifier where copies are asked for, and for a proxy of a single image.
    """
    assert one.file is not None
    viewer = find_classifier(one.file, settings.classifier, session.plugins, settings, session.warn)
    images = _samples(engine, one, settings, session)
    if viewer is None:
        if settings.proxy is not None:
            raise missing_classifier(one.file)
        session.say(f"{missing_classifier(one.file)}; its samples are shown without classes")
        return Seen(images=images, classes=None, confidence=None, class_names=())
    classifier = viewer.model
    logits = predict(classifier, images, engine.device, autocast=engine.autocast)  # (N, classes)
    confidence, classes = as_softmax(logits, outputs_of(viewer.header)).softmax(dim=1).max(dim=1)
    copies = (
        None
        if settings.proxy is None
        else _copies(engine, images, classifier, settings.fitting_like(fitted_by(one.file, viewer)), session)
    )
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
        return images[: settings.number or _enough(images.shape[1:])]
    generator = artifact.load_generator(one.file, session.plugins).model
    made = generator.shape
    number = settings.number or _enough((made.channels, made.size, made.size))
    return generate(engine, generator, number, settings.seed)


def _enough(shape: Sequence[int]) -> int:
    return within(SAMPLES, shape, values=SAMPLE_VALUES, least=LEAST_SAMPLES)


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
