"""Teach a student from a teacher and samples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .. import artifact
from ..artifact.makers import plugin_versions
from ..config import DistillSettings, EvaluateSettings
from ..config.distill import IN_TURN
from ..loops.distill import distill as train_student
from ..metrics import Support
from ..models import Classifier
from ..runs.classifiers import open_classifier, taught_unnamed, tell_input
from ..runs.dry_run import REHEARSED
from ..runs.inputs import tested_by
from ..runs.next_command import PHOTOGRAPHS, next_command
from ..runs.output import stem
from ..runs.result import Result
from ..runs.session import Session
from ..samples.open_fixed import open_samples
from ..samples.open_online import online_shape, open_online, open_test
from ..samples.selection import Selection
from ..specs import InversionSpec, MethodSpec


def resolve_distill(settings: DistillSettings, session: Session) -> DistillSettings:
    """Every value as it will be used; raises UsageError for settings that contradict each other or have no use."""
    return settings.resolved(_spec(settings, session))


def distill(settings: DistillSettings, session: Session) -> Result:
    """Teach a student and store it; see ``degan distill --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    settings = resolve_distill(settings, session)
    plugins, method = session.plugins, _spec(settings, session)
    spec = plugins.architectures.get(settings.student)
    sources = [stem(text.partition("@")[0]) for text in settings.samples] if method is None else [method.name]
    with session.open("distill", "classifier", settings, "-".join([spec.name, *sources])) as run:
        loaded = open_classifier(settings.teacher, settings, session)
        settings = settings.fitting_like(loaded.header.run)
        finder = session.finder(settings)

        engine = run.start_engine(settings.compiled, settings.graphs, settings.own_batch_norm)
        run.use(settings, _how_samples_are_made(settings, method, loaded.model, session) | taught_unnamed(loaded))
        class_names = loaded.model.class_names
        start = None if settings.init is None else artifact.read_start(settings.init, spec)
        input = spec.input_for(*loaded.model.input.shape)
        input = input if start is None else start.statistics_for(input)
        student = Classifier.untrained(spec, class_names, input)
        if start is not None:
            session.say(start.put_into(student, spec))
        tell_input(f"student: {spec.name}", input, session)
        teacher = engine.place(loaded.model).freeze()
        chosen = None if settings.select is None else Selection(engine, teacher, settings.select, settings.balanced)
        if method is None:
            mirror = settings.augment == IN_TURN
            source, parents = open_samples(
                settings.samples, loaded, engine.device, finder, settings.seed, chosen, mirror
            )
        else:
            source, parents = open_online(engine, method, settings, teacher, engine.place(student), finder, chosen)
        for summary in [] if chosen is None else chosen.summaries:
            session.say(summary)
        taught_by = {"role": "teacher", "sha256": loaded.sha256}
        test = None if settings.test_data is None else open_test(settings.test_data, teacher, finder)
        run.made_from(taught_by, *parents, *([] if start is None else [start.parent]), *tested_by(test))
        if ended := run.ends_early():
            return ended
        epochs = settings.epochs * (2 if method is None and settings.schedule == "stages" else 1)
        train = partial(train_student, engine, teacher, student, source, test_data=test)
        if settings.dry_run:
            networks = {"teacher": teacher, "student": student}
            if isinstance(method, InversionSpec):  # whose first step makes a whole batch of images
                return run.planned(networks, {})
            steps_per_epoch = min(REHEARSED, settings.steps_per_epoch)
            short = partial(train, settings.replaced(steps_per_epoch=steps_per_epoch))
            return run.rehearsed(short, epochs * settings.steps_per_epoch, networks, {}, looks=epochs)
        with run.training(epochs * settings.steps_per_epoch):
            best, metrics = train(settings, run.checkpoint, run.report, run.watch)
        metrics |= {} if chosen is None else {"selected": chosen.counts}
        return run.finish(
            lambda path: artifact.save_classifier(
                path,
                best,
                provider=plugins.architectures.provider(spec.name),
                run=run.stored,
                metrics=metrics,
                parents=run.parents,
                versions=plugin_versions(run.settings, session.plugins),
            ),
            metrics,
            summary=_summary(metrics, with_curve=method is not None or test is not None),
            next_command=next_command(
                "eval",
                EvaluateSettings,
                settings,
                model=run.output.path,
                dataset=settings.test_data or settings.proxy or PHOTOGRAPHS,
                classifier=settings.teacher,
            ),
        )


def _spec(settings: DistillSettings, session: Session) -> MethodSpec | InversionSpec | None:
    return None if settings.method is None else session.plugins.methods.get(settings.method)


def _how_samples_are_made(
    settings: DistillSettings, method: MethodSpec | InversionSpec | None, teacher: Classifier, session: Session
) -> dict[str, Any]:
    """What the stored run says under ``live`` beside the settings: nothing where samples stay as they are."""
    if method is None:
        return {"live": None}
    if "generator" not in method.conditions:
        return {"live.size": None, "live.replay": "none", "live.replay_share": 0.0}
    size = online_shape(settings, teacher, session.plugins).size
    return {"live.size": size} | ({"live.replay_share": 0.0} if settings.replay == "none" else {})


def _summary(metrics: Mapping[str, Any], with_curve: bool) -> str:
    text = f"agreement {metrics['agreement']:.2%} with the teacher on held-out samples, epoch {metrics['best_epoch']}"
    rests_on = Support(**metrics["support"])
    text += f"; to the teacher these are {rests_on.describe()}" + (", so it means nothing" if rests_on.useless else "")
    if not with_curve:
        return text
    curve = metrics["curve"]
    return (
        f"{text}; {curve['of']} over {len(curve['values'])} epochs: last {curve['last']:.2%}, "
        f"mean {curve['mean']:.2%}, spread {curve['variance'] ** 0.5:.2%}, peak {curve['peak']:.2%}"
    )
