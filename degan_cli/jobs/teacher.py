"""Train a classifier on labelled data: a teacher, or the baseline taught by the true data."""

from __future__ import annotations

from functools import partial

from .. import artifact
from ..artifact.makers import plugin_versions
from ..config import EnrichSettings, TeacherSettings
from ..datasets.subset import say_left_out
from ..images import fit_uint8
from ..loops.evaluate import evaluate_classifier
from ..loops.teacher import train_teacher
from ..models import Classifier
from ..runs.classifiers import tell_input
from ..runs.inputs import labelled_parent
from ..runs.next_command import PHOTOGRAPHS, next_command
from ..runs.output import stem
from ..runs.result import Result
from ..runs.session import Session
from ..specs import ImageSet

NEEDS_LABELS = ", but a teacher needs them; sort the images into one folder per class"


def resolve_teacher(settings: TeacherSettings, session: Session) -> TeacherSettings:
    """Every value as it will be used; raises UsageError for settings that contradict each other or have no use."""
    return settings.resolved()


def teacher(settings: TeacherSettings, session: Session) -> Result:
    """Train a classifier on labelled images and store it; see ``degan teacher --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    settings = resolve_teacher(settings, session)
    spec = session.plugins.architectures.get(settings.architecture)
    with session.open("teacher", "classifier", settings, f"{stem(settings.dataset)}-{spec.name}") as run:
        finder = session.finder(settings)
        shape = None if settings.image_size is None else (3, settings.image_size, settings.image_size)
        data = finder.labelled(settings.dataset, shape=shape, what=settings.dataset, why=NEEDS_LABELS)
        start = None if settings.init is None else artifact.read_start(settings.init, spec)
        input = spec.input_for(*data.images.shape[1:])
        input = input if start is None else start.statistics_for(input)
        images = fit_uint8(data.images, *input.shape)
        tell_input(f"{spec.name}: {len(data.class_names)} classes", input, session)

        engine = run.start_engine(compiled=settings.compiled, own_batch_norm=settings.own_batch_norm)
        classifier = Classifier.untrained(spec, data.class_names, input)
        if start is not None:
            session.say(start.put_into(classifier, spec))
        run.use(settings)
        run.made_from(labelled_parent("data", data), *([] if start is None else [start.parent]))
        if ended := run.ends_early():
            return ended

        epochs = settings.epochs * (2 if settings.optimiser == "adam" else 1)
        epoch_images = (1 - settings.held_out) * len(images)
        steps = epochs * max(1, round(epoch_images / settings.batch_size))
        labelled = ImageSet(images=images, labels=data.labels, class_names=data.class_names)
        train = partial(train_teacher, engine, classifier, labelled, settings)
        if settings.dry_run:
            return run.rehearsed(train, steps, {"classifier": classifier}, {"images": images})
        with run.training(steps):
            best, metrics = train(run.checkpoint, run.report, run.watch)

        if engine.is_main:
            test = finder.test_images(settings.dataset, data)
            if test is not None and test.labels is not None:
                measured = evaluate_classifier(engine, best, test)
                metrics["test_accuracy"] = measured["accuracy"]
                if left_out := measured["left_out"]:
                    session.warn(say_left_out(f"test images of {settings.dataset}", left_out))
        seen = {"held_out_accuracy": "held-out training images", "test_accuracy": "the test images"}
        found = [f"{metrics[name]:.2%} on {where}" for name, where in seen.items() if name in metrics]
        return run.finish(
            lambda path: artifact.save_classifier(
                path,
                best,
                provider=session.plugins.architectures.provider(spec.name),
                run=run.stored,
                metrics=metrics,
                parents=run.parents,
                versions=plugin_versions(run.settings, session.plugins),
            ),
            metrics,
            summary=f"accuracy {', '.join(found) or 'unknown: there are no held-out and no test images'}",
            next_command=next_command(
                "enrich", EnrichSettings, settings, classifier=run.output.path, proxy=PHOTOGRAPHS
            ),
        )
