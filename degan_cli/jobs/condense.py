"""Make a few synthetic images of each class out of true data, while they are at hand."""

from __future__ import annotations

from functools import partial

from .. import artifact
from ..config import CondenseSettings, TeacherSettings
from ..console import shortened
from ..datasets.class_names import NUMERALS
from ..errors import BadFile, UsageError
from ..images import fit_uint8
from ..loops.condense import condense as condense_images
from ..runs.classifiers import tell_input
from ..runs.inputs import labelled_parent
from ..runs.next_command import next_command
from ..runs.output import stem
from ..runs.result import Result
from ..runs.session import Session
from ..specs import ImageSet

NEEDS_LABELS = ", but images are condensed class by class; sort them into one folder per class"


def resolve_condense(settings: CondenseSettings, session: Session) -> CondenseSettings:
    """Every value as it will be used, but for what follows the classes; raises UsageError for idle settings."""
    return settings.resolved()


def condense(settings: CondenseSettings, session: Session) -> Result:
    """Condense labelled images and store the result as samples; see ``degan condense --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    settings = resolve_condense(settings, session)
    network = session.plugins.architectures.get("convnet")
    with session.open("condense", "samples", settings, f"{stem(settings.dataset)}-condensed") as run:
        shape = None if settings.image_size is None else (3, settings.image_size, settings.image_size)
        data = session.finder(settings).labelled(settings.dataset, shape=shape, what=settings.dataset, why=NEEDS_LABELS)
        _check_counts(settings.dataset, data, settings.per_class if settings.init == "real" else 1)
        settings = settings.with_classes(digits=set(data.class_names) <= set(NUMERALS))
        input = network.input_for(*data.images.shape[1:])
        images = fit_uint8(data.images, *input.shape)
        tell_input(f"convnet: {len(data.class_names)} classes", input, session)

        engine = run.start_engine()
        run.use(settings)
        run.made_from(labelled_parent("dataset", data))
        if ended := run.ends_early():
            return ended

        labelled = ImageSet(images=images, labels=data.labels, class_names=data.class_names)
        train = partial(condense_images, engine, labelled, settings)
        if settings.dry_run:
            networks = {"convnet": network.build(len(data.class_names), input)}
            return run.rehearsed(train, settings.steps, networks, {"images": images})
        with run.training(settings.steps):
            condensed, metrics = train(run.checkpoint, run.report, run.watch)
        return run.finish(
            lambda path: artifact.save_samples(
                path,
                condensed.images,
                None,
                condensed.labels,
                condensed.class_names,
                provider=session.plugins.architectures.provider(network.name),
                run=run.stored,
                metrics=metrics,
                parents=run.parents,
            ),
            metrics,
            summary=f"{metrics['images']} images for {metrics['real_images']:,}, loss {metrics['loss']:.4f}; "
            "they are for degan distill --method cde --condensed, and a teacher of the same data",
            next_command=next_command(
                "teacher", TeacherSettings, settings, dataset=settings.dataset, architecture="convnet"
            ),
        )


def _check_counts(dataset: str, data: ImageSet, wanted: int) -> None:
    """Raise unless each class has so many images."""
    assert data.labels is not None
    counts = data.labels.bincount(minlength=len(data.class_names)).tolist()
    if empty := [name for name, count in zip(data.class_names, counts, strict=True) if not count]:
        raise BadFile(
            f"{dataset}: no image of {shortened(empty)}; name the classes that have some, as in {stem(dataset)}:A,B"
        )
    short = [f"{name} ({count})" for name, count in zip(data.class_names, counts, strict=True) if count < wanted]
    if short:
        raise UsageError(
            f"--per-class {wanted} starts from as many true images, but {dataset} has fewer of {shortened(short)}; "
            "make it smaller, or add --init noise"
        )
