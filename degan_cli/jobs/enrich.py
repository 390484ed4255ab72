"""Make samples that stand for a classifier's lost data: a generator of them, or the images themselves."""

from __future__ import annotations

from functools import partial, singledispatch
from typing import Any

import torch

from .. import artifact
from ..artifact import Loaded
from ..artifact.makers import plugin_versions
from ..config import DistillSettings, EnrichSettings, Layer
from ..config.method_settings import read_settings
from ..config.recipes import paper_batch_size
from ..errors import UsageError
from ..images import digest, within
from ..loops.enrich import enrich as train_generator
from ..loops.enrich import look_every
from ..loops.invert import make_images
from ..methods.seen_changed import with_augmented_discriminator
from ..models import Classifier
from ..runs.classifiers import open_classifier
from ..runs.dry_run import REHEARSED
from ..runs.next_command import next_command, smaller
from ..runs.output import stem
from ..runs.result import Result
from ..runs.session import Run, Session
from ..samples.open_online import build_inversion, build_method, open_proxy
from ..samples.selection import Selection
from ..specs import GanShape, InversionSpec, MethodSpec
from .tune import tune


def check_enrich(settings: EnrichSettings, session: Session) -> EnrichSettings:
    """Every value as it will be used, but for what follows the proxy's size; nothing is read.

    :raises UsageError: for settings that contradict each other or have no use with the method.
    """
    return settings.resolved(session.plugins.methods.get(settings.method))


def resolve_enrich(settings: EnrichSettings, session: Session) -> EnrichSettings:
    """Every value as it will be used; classifier and proxy are read for the size that decides some of them.

    :raises UsageError: for settings that contradict each other or have no use with the method.
    """
    settings = check_enrich(settings, session)
    spec = session.plugins.methods.get(settings.method)
    if not isinstance(spec, MethodSpec) or settings.proxy is None:
        return settings
    loaded = artifact.load_classifier(settings.classifier, session.plugins, settings)
    settings = settings.fitting_like(loaded.header.run)
    shape, images = _open_data(settings, session, loaded.model)
    return _sized(settings, spec, shape, images, session)[0]


def enrich(settings: EnrichSettings, session: Session) -> Result:
    """Make samples for a classifier and store them, or their generator; see ``degan enrich --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    settings = check_enrich(settings, session)
    spec = session.plugins.methods.get(settings.method)
    sources = [stem(settings.classifier), spec.name, *([] if settings.proxy is None else [stem(settings.proxy)])]
    with session.open("enrich", MAKES[type(spec)], settings, "-".join(sources)) as run:
        loaded = open_classifier(settings.classifier, settings, session)
        settings = settings.fitting_like(loaded.header.run)
        return _make(spec, settings, session, run, loaded)


BATCH_VALUES = 2048 * 3 * 32 * 32
"""Pixels times channels of a batch where nobody says how many images it has: larger ones come in smaller batches,"""
LEAST_BATCH = 16
"""but no smaller than this."""
LEAST_PROXY = 50
"""Images; a discriminator knows fewer by heart."""
MAKES: dict[type, str] = {MethodSpec: "generator", InversionSpec: "samples"}
"""The kind of artifact that each kind of method makes."""


@singledispatch
def _make(spec: object, settings: EnrichSettings, session: Session, run: Run, loaded: Loaded[Classifier]) -> Result:
    raise TypeError(f"{type(spec).__name__} is no kind of method")


@_make.register
def _train_generator(
    spec: MethodSpec, settings: EnrichSettings, session: Session, run: Run, loaded: Loaded[Classifier]
) -> Result:
    gan = session.plugins.gans.get(settings.gan)
    shape, images = _open_data(settings, session, loaded.model)
    settings, why = _sized(settings, spec, shape, images, session)
    if why:
        session.say(f"--recipe {settings.recipe}, for {why}")
    tried: list[dict[str, Any]] = []
    if settings.tune and not settings.dry_run:
        settings, tried = tune(settings, session, run, enrich)

    engine = run.start_engine(
        compiled=settings.compiled, graphs=settings.graphs, own_batch_norm=settings.own_batch_norm
    )
    run.use(settings, {"size": shape.size})
    frozen = engine.place(loaded.model).freeze()
    chosen = None if settings.select is None else Selection(engine, frozen, settings.select, settings.balanced)
    if images is not None and chosen is not None:
        images = chosen.choose(images, str(settings.proxy))
        session.say(chosen.summaries[0])
    if images is not None and len(images) < LEAST_PROXY:
        session.warn(
            f"--proxy {settings.proxy}: {len(images)} image(s) are too few for a GAN, which learns them by heart; give "
            "more, or crops of few large pictures: crops:FOLDER"
        )
    proxy = [] if images is None else [{"role": "proxy", "sha256": digest(images)}]
    run.made_from({"role": "classifier", "sha256": loaded.sha256}, *proxy)
    if ended := run.ends_early():
        return ended

    own = read_settings(spec, settings.settings)
    method_spec = spec if settings.d_augment == "none" else with_augmented_discriminator(spec)
    method = build_method(engine, method_spec, gan.name, shape, frozen, None, settings.lr, own, session.plugins)
    train = partial(train_generator, engine, method, frozen, images)
    if settings.dry_run:
        short = partial(train, settings.replaced(steps=min(REHEARSED, settings.steps)))
        networks = {"classifier": frozen, "generator": gan.generator(shape), "discriminator": gan.discriminator(shape)}
        looks = -(-settings.steps // look_every(settings, images))
        return run.rehearsed(short, settings.steps, networks, {} if images is None else {"proxy": images}, looks)
    with run.training(settings.steps):
        kept, metrics = train(settings, run.checkpoint, run.report, run.watch)
    metrics |= {"tried_weights": tried} if tried else {}
    metrics |= {} if chosen is None else {"selected": chosen.counts}
    return run.finish(
        lambda path: artifact.save_generator(
            path,
            kept,
            class_names=frozen.class_names,
            input=frozen.input,
            provider=session.plugins.gans.provider(gan.name),
            run=run.stored,
            metrics=metrics,
            parents=run.parents,
            versions=plugin_versions(run.settings, session.plugins),
        ),
        metrics,
        summary=_summary(metrics, run, "samples"),
        next_command=_next_command(settings, session, run, loaded.model),
    )


@_make.register
def _make_images(
    spec: InversionSpec, settings: EnrichSettings, session: Session, run: Run, loaded: Loaded[Classifier]
) -> Result:
    engine = run.start_engine(compiled=settings.compiled)
    frozen = engine.place(loaded.model).freeze()
    inversion = build_inversion(engine, spec, frozen, read_settings(spec, settings.settings))
    run.use(settings)
    run.made_from({"role": "classifier", "sha256": loaded.sha256})
    if ended := run.ends_early():
        return ended

    steps = -(-settings.number // settings.batch_size) * settings.steps
    train = partial(make_images, engine, inversion, frozen, settings)
    if settings.dry_run:
        return run.rehearsed(train, steps, {"classifier": frozen}, {})
    with run.training(steps):
        images, logits, metrics = train(run.checkpoint, run.report, run.watch)
    return run.finish(
        lambda path: artifact.save_samples(
            path,
            images,
            logits.softmax(dim=1),
            logits.argmax(dim=1),
            frozen.class_names,
            input=frozen.input,
            provider=session.plugins.methods.provider(spec.name),
            run=run.stored,
            metrics=metrics,
            parents=run.parents,
            versions=plugin_versions(run.settings, session.plugins),
        ),
        metrics,
        summary=_summary(metrics, run, "images"),
        next_command=_next_command(settings, session, run, loaded.model, augment="strong"),
    )


def _open_data(
    settings: EnrichSettings, session: Session, classifier: Classifier
) -> tuple[GanShape, torch.Tensor | None]:
    """What the GAN is built for, and the proxy's images in this shape; None for a method that uses none."""
    shape = session.plugins.gans.get(settings.gan).shape_for(classifier.input, settings.latent, settings.width)
    return shape, None if settings.proxy is None else open_proxy(settings.proxy, shape, session.finder(settings))


def _sized(
    settings: EnrichSettings, spec: MethodSpec, shape: GanShape, images: torch.Tensor | None, session: Session
) -> tuple[EnrichSettings, str]:
    """With all that follows the number of proxy images, and why the recipe is the one that it is."""
    used = 0 if images is None else min(len(images), settings.select or len(images))
    settings = _with_lengths(settings, used, shape)
    return (settings, "") if images is None else settings.sized(spec, used)


def _with_lengths(settings: EnrichSettings, proxy_images: int, shape: GanShape) -> EnrichSettings:
    """With batch size and steps, which may follow the number of proxy images and the size of the made ones."""
    batch = settings.batch_size or paper_batch_size(proxy_images)
    if "batch_size" not in settings.given:
        batch = within(batch, (shape.channels, shape.size, shape.size), values=BATCH_VALUES, least=LEAST_BATCH)
    lengths: dict[str, Any] = {} if settings.batch_size == batch else {"batch_size": batch}
    if settings.epochs is not None:
        lengths["steps"] = settings.epochs * max(1, round(proxy_images / batch))
    settings = settings.filled(Layer("the proxy's size", lengths))
    if settings.batch_size == 0:
        raise UsageError("--batch-size 0: leave it out, and it follows the proxy's size")
    return settings


def _next_command(settings: EnrichSettings, session: Session, run: Run, classifier: Classifier, **values: Any) -> str:
    student = smaller(classifier.architecture, session.plugins)
    values |= {"teacher": settings.classifier, "student": student, "samples": (str(run.output.path),)}
    return next_command("distill", DistillSettings, settings, **values)


def _summary(metrics: dict[str, Any], run: Run, what: str) -> str:
    counts = metrics["class_counts"].values()
    return (
        f"{sum(map(bool, counts))} of {len(counts)} classes in {sum(counts):,} {what}, "
        f"mean confidence {metrics['confidence']:.2f}; look at {run.output.folder / 'samples.png'}"
    )
