"""From the settings of ``degan distill --method`` to the source of online samples."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import torch

from ..config import DistillSettings
from ..config.method_settings import read_settings
from ..datasets.finder import DataFinder
from ..datasets.subset import known_images, say_left_out
from ..engine import Engine
from ..errors import BadFile, UsageError
from ..images import digest
from ..models import Classifier, Generator
from ..specs import GanShape, ImageSet, Inversion, InversionParts, InversionSpec, Method, MethodParts, MethodSpec
from .bank import Bank
from .generative_replay import GenerativeReplay
from .online import OnlineGenerator, Pool
from .selection import Selection
from .sources import Source
from .with_proxy import WithProxy

if TYPE_CHECKING:
    from ..plugins import Plugins

Opened = tuple[Source, list[dict[str, str]]]


def open_online(
    engine: Engine,
    spec: MethodSpec | InversionSpec,
    settings: DistillSettings,
    teacher: Classifier,
    student: Classifier,
    finder: DataFinder,
    selection: Selection | None = None,
) -> Opened:
    """The source, on the device, and its parents for the artifact's header.

    :param settings: resolved with ``spec``.
    :param teacher: on the device and frozen.
    :param student: on the device; the very network that will learn.
    :param selection: chooses among the proxy images.
    :raises UsageError: when the method cannot use this teacher, or a batch cannot be divided among the processes.
    :raises BadFile: for a proxy or condensed images that are missing, damaged or too few.
    """
    return _open(spec, engine, settings, teacher, student, finder, selection)


@singledispatch
def _open(
    spec: object,
    engine: Engine,
    settings: DistillSettings,
    teacher: Classifier,
    student: Classifier,
    finder: DataFinder,
    selection: Selection | None,
) -> Opened:
    raise TypeError(f"{type(spec).__name__} is no kind of method")


@_open.register
def _open_generator(
    spec: MethodSpec,
    engine: Engine,
    settings: DistillSettings,
    teacher: Classifier,
    student: Classifier,
    finder: DataFinder,
    selection: Selection | None,
) -> Opened:
    shape = online_shape(settings, teacher, finder.plugins)
    proxy = None if settings.proxy is None else open_proxy(settings.proxy, shape, finder)
    if proxy is not None and selection is not None:
        proxy = selection.choose(proxy, str(settings.proxy))
    own = read_settings(spec, settings.settings)
    learner = student if spec.uses_student else None
    method = build_method(engine, spec, settings.gan, shape, teacher, learner, settings.update_lr, own, finder.plugins)
    share = engine.share(settings.update_batch, "--update-batch")
    source: Source = OnlineGenerator(engine, method, proxy, teacher.input.shape, share, settings.update_every)
    if settings.replay == "bank":
        source = Bank(source, settings.replay_share)
    elif settings.replay == "vae":
        source = GenerativeReplay(engine, source, teacher, shape, settings.replay_share, share)
    if proxy is not None and settings.proxy_share:
        source = WithProxy(source, proxy, settings.proxy_share)
    return source, [] if proxy is None else [{"role": "proxy", "sha256": digest(proxy)}]


@_open.register
def _open_pool(
    spec: InversionSpec,
    engine: Engine,
    settings: DistillSettings,
    teacher: Classifier,
    student: Classifier,
    finder: DataFinder,
    selection: Selection | None,
) -> Opened:
    condensed = None if settings.condensed is None else open_condensed(settings.condensed, teacher, finder)
    own = read_settings(spec, settings.settings)
    inversion = build_inversion(engine, spec, teacher, own, student, condensed)
    pool = Pool(
        engine,
        inversion,
        condensed,
        batch_size=settings.update_batch,
        steps=settings.update_steps,
        lr=settings.update_lr,
        every=settings.update_every,
        seed=settings.seed,
        flip=bool(getattr(own, "flip", False)),
    )
    return pool, [] if condensed is None else [{"role": "condensed", "sha256": digest(condensed.images)}]


def online_shape(settings: DistillSettings, teacher: Classifier, plugins: Plugins) -> GanShape:
    """What the GAN of a method is built for."""
    return plugins.gans.get(settings.gan).shape_for(teacher.input, settings.latent, settings.width)


def build_inversion(
    engine: Engine,
    spec: InversionSpec,
    classifier: Classifier,
    settings: Any,
    student: Classifier | None = None,
    condensed: ImageSet | None = None,
) -> Inversion:
    """A way to optimise images; ``classifier`` and ``student``, which is used if the method wants one, on the device.

    :raises UsageError: where it cannot work: in fp16, or with this classifier.
    """
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


def open_proxy(expression: str, shape: GanShape, finder: DataFinder) -> torch.Tensor:
    """Proxy images uint8 (N, C, S, S) of the GAN's shape; BadFile when there are fewer than two."""
    images = finder.open(expression, shape=(shape.channels, shape.size, shape.size)).images
    if len(images) < 2:
        raise BadFile(f"{expression}: {len(images)} image(s); a proxy needs at least 2, and does well with thousands")
    return images


def open_condensed(expression: str, teacher: Classifier, finder: DataFinder) -> ImageSet:
    """A few labelled images of the teacher's classes and shape; BadFile where a class has none."""
    what, why = f"--condensed {expression}", "; make them with `degan condense`, or one folder per class"
    data = finder.labelled(expression, "train", teacher.input.shape, what=what, why=why)
    images, labels = _of_known_classes(what, data, teacher, finder)
    assert labels is not None
    counts = torch.bincount(labels, minlength=len(teacher.class_names)).tolist()
    if missing := [name for name, count in zip(teacher.class_names, counts, strict=True) if not count]:
        raise BadFile(f"--condensed {expression}: no image of class {missing[0]}; each of the teacher's needs one")
    return ImageSet(images=images, labels=labels, class_names=teacher.class_names)


def open_test(expression: str, teacher: Classifier, finder: DataFinder) -> ImageSet:
    """Labelled test images of the teacher's classes and shape."""
    what, why = f"--test-data {expression}", ", so nothing can be measured on it"
    data = finder.labelled(expression, "test", teacher.input.shape, what=what, why=why)
    images, labels = _of_known_classes(what, data, teacher, finder)
    return ImageSet(images=images, labels=labels, class_names=teacher.class_names)


def _of_known_classes(
    what: str, data: ImageSet, teacher: Classifier, finder: DataFinder
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Images and labels of the classes that the teacher knows, with a warning where there are others."""
    images, labels, left_out = known_images(data, teacher.class_names)
    if left_out:
        finder.reading.warn(say_left_out(what, left_out))
    return images, labels
