"""From the settings of a :class:`~degan_cli.runs.LiveRun` to the source whose samples change while a student learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .datasets.resolve import open_images
from .datasets.subset import known_images
from .errors import BadFile, UsageError
from .generative_replay import GenerativeReplay
from .live import LiveGenerator, Pool
from .memory import Bank
from .models import Generator
from .pixels import digest
from .samples import Source
from .specs import GanShape, ImageSet, Inversion, InversionParts, InversionSpec, Method, MethodParts, MethodSpec

if TYPE_CHECKING:
    from .engine import Engine
    from .models import Classifier
    from .plugins import Plugins
    from .runs import LiveRun


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where data sets are looked for."""

    plugins: Plugins
    data_dir: Path
    download: bool


def open_live(
    engine: Engine, live: LiveRun, settings: Any, teacher: Classifier, student: Classifier, seed: int, place: Place
) -> tuple[Source, list[dict[str, str]]]:
    """The source, on the device, and its parents for the artifact's header.

    :param settings: an instance of the method's settings, those of ``live``.
    :param teacher: on the device and frozen.
    :param student: on the device; the very network that will learn.
    :raises UsageError: when the method cannot use this teacher, or there are several processes.
    :raises BadFile: for a proxy or condensed images that are missing, damaged or too few.
    """
    if engine.processes > 1:
        raise UsageError(f"--method {live.method} makes samples in one process only, not in {engine.processes}")
    spec = place.plugins.methods.get(live.method)
    if isinstance(spec, InversionSpec):
        return _pool(engine, spec, live, settings, teacher, student, seed, place)
    proxy, parents = None, []
    if live.gan is None or live.size is None or live.latent is None or live.width is None:
        raise ValueError(f"{live.method} trains a generator, whose GAN, size, latent and width must be known")
    shape = GanShape(channels=teacher.input.channels, size=live.size, latent=live.latent, width=live.width)
    if live.proxy is not None:
        proxy = open_proxy(live.proxy, shape, place)
        parents = [{"role": "proxy", "sha256": digest(proxy)}]
    method = build_method(
        engine, spec, live.gan, shape, teacher, student if spec.uses_student else None, live.lr, settings, place.plugins
    )
    source: Source = LiveGenerator(engine, method, proxy, teacher.input.shape, live.batch_size, live.every)
    if live.replay == "bank":
        source = Bank(source, live.replay_share)
    elif live.replay == "vae":
        source = GenerativeReplay(engine, source, teacher, shape, live.replay_share, live.batch_size)
    return source, parents


def _pool(
    engine: Engine,
    spec: InversionSpec,
    live: LiveRun,
    settings: Any,
    teacher: Classifier,
    student: Classifier,
    seed: int,
    place: Place,
) -> tuple[Source, list[dict[str, str]]]:
    condensed, parents = None, []
    if live.condensed is not None:
        condensed = open_condensed(live.condensed, teacher, place)
        parents = [{"role": "condensed", "sha256": digest(condensed.images)}]
    inversion = build_inversion(engine, spec, teacher, settings, student, condensed)
    if live.steps is None:
        raise ValueError(f"{live.method} optimises images; how many steps must be known")
    pool = Pool(
        engine,
        inversion,
        condensed,
        batch_size=live.batch_size,
        steps=live.steps,
        lr=live.lr,
        every=live.every,
        seed=seed,
        flip=bool(live.settings.get("flip", False)),
    )
    return pool, parents


def build_inversion(
    engine: Engine,
    spec: InversionSpec,
    classifier: Classifier,
    settings: Any,
    student: Classifier | None = None,
    condensed: ImageSet | None = None,
) -> Inversion:
    """A way to optimise images; ``classifier`` and ``student``, which is used if the method wants one, on the device.

    :raises UsageError: where it cannot work: in several processes, in fp16, or with this classifier.
    """
    if engine.processes > 1:
        raise UsageError(f"--method {spec.name} makes images in one process only, not in {engine.processes}")
    if engine.precision == "fp16":
        raise UsageError(f"--method {spec.name}: the gradients of single pixels vanish in fp16; use --precision bf16")
    return spec.build(
        InversionParts(
            engine=engine,
            classifier=classifier,
            student=student if spec.uses_student else None,
            condensed=condensed,
            settings=settings,
        )
    )


def build_method(
    engine: Engine,
    spec: MethodSpec,
    gan: str,
    shape: GanShape,
    classifier: Classifier,
    student: Classifier | None,
    lr: float,
    settings: Any,
    plugins: Plugins,
) -> Method:
    """A method with fresh networks; ``classifier`` and ``student`` are on the device."""
    gan_spec = plugins.gans.get(gan)
    return spec.build(
        MethodParts(
            engine=engine,
            generator=Generator(gan_spec.generator(shape), gan, shape),
            discriminator=gan_spec.discriminator(shape),
            classifier=classifier,
            student=student,
            latent=shape.latent,
            lr=lr,
            settings=settings,
        )
    )


def open_proxy(expression: str, shape: GanShape, place: Place) -> torch.Tensor:
    """Proxy images uint8 (N, C, S, S) of the GAN's shape; BadFile when there are fewer than two."""
    wanted = (shape.channels, shape.size, shape.size)
    images = open_images(
        expression, "train", plugins=place.plugins, data_dir=place.data_dir, download=place.download, shape=wanted
    ).images
    if len(images) < 2:
        raise BadFile(f"{expression}: {len(images)} image(s); a proxy needs at least 2, and does well with thousands")
    return images


def open_condensed(expression: str, teacher: Classifier, place: Place) -> ImageSet:
    """A few labelled images of the teacher's classes and shape; BadFile where a class has none."""
    data = open_images(
        expression,
        "train",
        plugins=place.plugins,
        data_dir=place.data_dir,
        download=place.download,
        shape=teacher.input.shape,
    )
    if data.labels is None:
        raise BadFile(f"--condensed {expression}: no labels; make them with `degan condense`, or one folder per class")
    images, labels, _ = known_images(data, teacher.class_names)
    assert labels is not None
    counts = torch.bincount(labels, minlength=len(teacher.class_names)).tolist()
    if missing := [name for name, count in zip(teacher.class_names, counts, strict=True) if not count]:
        raise BadFile(f"--condensed {expression}: no image of class {missing[0]}; each of the teacher's needs one")
    return ImageSet(images=images, labels=labels, class_names=teacher.class_names)


def open_test(expression: str, teacher: Classifier, place: Place) -> ImageSet:
    """Labelled test images of the teacher's classes and shape."""
    data = open_images(
        expression,
        "test",
        plugins=place.plugins,
        data_dir=place.data_dir,
        download=place.download,
        shape=teacher.input.shape,
    )
    if data.labels is None:
        raise BadFile(f"--test-data {expression}: no labels, so nothing can be measured on it")
    images, labels, _ = known_images(data, teacher.class_names)
    return ImageSet(images=images, labels=labels, class_names=teacher.class_names)
