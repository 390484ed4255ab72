"""Teach a classifier new classes without the data of the old ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .. import artifact
from ..artifact import Loaded, outputs_of
from ..artifact.makers import plugin_versions
from ..config import EnrichSettings, EvaluateSettings, IncrementalSettings
from ..config.method_settings import read_settings
from ..console import shortened
from ..datasets.new_classes import number_new_classes
from ..errors import Diverged, UsageError
from ..loops.forgetting import measure_forgetting
from ..loops.incremental import teach_new_classes
from ..models import Classifier, has_linear_head, head_layer, widen
from ..runs.classifiers import tell
from ..runs.inputs import labelled_parent, tested_by
from ..runs.next_command import next_command
from ..runs.output import stem
from ..runs.result import Result
from ..runs.session import Run, Session
from ..samples.open_fixed import open_samples
from ..samples.sources import Source
from ..specs import ImageSet, StrategyParts, StrategySpec
from .enrich import check_enrich, enrich

WORST = 3
"""Old classes that the summary names, with the points that each lost."""


def resolve_incremental(settings: IncrementalSettings, session: Session) -> IncrementalSettings:
    """Every value as it will be used; the old classifier is read for what it was trained with.

    :raises UsageError: for settings that contradict each other or have no use.
    """
    settings, strategy_spec, known = _decided(settings, session)
    loaded = known or artifact.load_classifier(settings.classifier, session.plugins, settings)
    resolved = settings.resolved(strategy_spec, loaded.header.run)
    if resolved.enrich is not None:
        _generator(resolved, session, Path("generator.safetensors"))
    return resolved


def incremental(settings: IncrementalSettings, session: Session) -> Result:
    """Extend a classifier by new classes and store it; see ``degan incremental --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    plugins = session.plugins
    settings, strategy_spec, known = _decided(settings, session)
    settings = settings.checked(strategy_spec)  # mistakes are told before any data are read
    if settings.enrich is not None:
        _generator(settings, session, Path("generator.safetensors"))
    name = f"{stem(settings.classifier)}-{strategy_spec.name}-{stem(settings.new_data)}"
    with session.open("incremental", "classifier", settings, name) as run:
        loaded = known or artifact.load_classifier(settings.classifier, plugins, settings)
        tell(loaded, session)
        old, trained = loaded.model, loaded.header.run
        settings = settings.resolved(strategy_spec, trained).fitting_like(trained)
        data, test = _open_data(settings, session, old)
        labels = number_new_classes(settings.new_data, data, old.class_names, str(settings.classifier))
        spec = plugins.architectures.get(old.architecture)
        if settings.enrich is not None:
            wide = widen(old, spec, data.class_names)  # to look at its head; the one that learns is made after the seed
            if strategy_spec.one_linear_head:
                head_layer(*wide)  # told before samples are made, for these take long
            if settings.impressions and not has_linear_head(*wide):
                session.say(f'no data impressions: the classes of "{spec.name}" are no outputs of a linear layer')
                settings = settings.replaced(impressions=0)
            if not settings.dry_run:
                settings = settings.replaced(samples=_make_samples(settings, session, run))

        engine = run.start_engine(settings.compiled, own_batch_norm=settings.own_batch_norm)
        samples, parents = _open_samples(settings, session, run, loaded)
        own, taught = read_settings(strategy_spec, settings.settings), labelled_parent("new data", data)
        if strategy_spec.keeps_apart(own):
            _check_apart(settings, parents, taught["sha256"])
        old_outputs = outputs_of(loaded.header)
        run.use(settings, {"outputs": strategy_spec.outputs or old_outputs})
        model, head = widen(old, spec, data.class_names)
        widened = {"role": "classifier", "sha256": loaded.sha256}
        run.made_from(widened, taught, *parents, *tested_by(test))
        if ended := run.ends_early():
            return ended
        if settings.dry_run and settings.enrich is not None:  # the samples to learn from are not made
            return run.planned({"old": old, "extended": model}, {"new": data.images})

        frozen = engine.place(old).freeze()
        parts = StrategyParts(engine=engine, model=model, old=frozen, old_outputs=old_outputs, head=head, settings=own)
        strategy = strategy_spec.build(parts)
        steps_per_epoch = max(1, round(len(data.images) / settings.batch_size))
        train = partial(teach_new_classes, engine, strategy, frozen, data.images, labels, samples, settings)
        if settings.dry_run:
            networks = {"old": old, "extended": model}
            return run.rehearsed(train, settings.epochs * steps_per_epoch, networks, {"new": data.images})
        with run.training(settings.epochs * steps_per_epoch):
            extended, metrics = train(run.checkpoint, run.report, run.watch)
        if engine.is_main:
            metrics |= measure_forgetting(engine, extended, frozen, test)
        return run.finish(
            lambda path: artifact.save_classifier(
                path,
                extended,
                provider=plugins.architectures.provider(spec.name),
                run=run.stored,
                metrics=metrics,
                parents=run.parents,
                versions=plugin_versions(run.settings, session.plugins),
            ),
            metrics,
            summary=_summary(metrics, len(old.class_names), len(data.class_names)) if engine.is_main else "",
            next_command=next_command(
                "eval",
                EvaluateSettings,
                settings,
                model=run.output.path,
                dataset=settings.test_data or settings.new_data,
            ),
        )


def _decided(
    settings: IncrementalSettings, session: Session
) -> tuple[IncrementalSettings, StrategySpec, Loaded[Classifier] | None]:
    """With the strategy that suits the classifier, where none is named; and the classifier, if it was read for that."""
    loaded = None
    if settings.strategy is None:
        loaded = artifact.load_classifier(settings.classifier, session.plugins, settings)
        settings = settings.decided(loaded.model.input.channels > 1, loaded.header.run)
    assert settings.strategy is not None
    return settings, session.plugins.strategies.get(settings.strategy), loaded


def _open_data(settings: IncrementalSettings, session: Session, old: Classifier) -> tuple[ImageSet, ImageSet | None]:
    """New images, and labelled test images if there are any."""
    finder, shape = session.finder(settings), old.input.shape
    data = finder.open(settings.new_data, shape=shape)
    if settings.test_data is None:
        return data, finder.test_images(settings.new_data, data)
    what = f"--test-data {settings.test_data}"
    return data, finder.labelled(settings.test_data, "test", shape, what=what, why=", so nothing can be measured on it")


def _generator(settings: IncrementalSettings, session: Session, path: Path) -> EnrichSettings:
    """Settings of the generator of ``--enrich``, checked for its method."""
    method = session.plugins.methods.get((settings.enrich or {}).get("method", EnrichSettings.method))
    generator = settings.for_generator(path, uses_proxy="proxy" in method.conditions)
    try:
        check_enrich(generator, session)
    except UsageError as error:
        raise UsageError(f"--enrich: {error}") from error
    return generator


def _make_samples(settings: IncrementalSettings, session: Session, run: Run) -> tuple[str, ...]:
    """Make the generator, and the data impressions beside it, in the run folder; their paths."""
    folder = run.output.folder
    generator = _generator(settings, session, folder / "generator.safetensors")
    wanted = [(generator, "write it as --set enrich.lr=RATE")]
    if settings.impressions:
        impressions = settings.for_impressions(folder / "impressions.safetensors")
        wanted.append((impressions, "or leave them out with --impressions 0"))
    for made, advice in wanted:
        inside = run.inside(made)
        session.announce("enrich", inside)
        try:
            session.say(enrich(inside, session).summary)
        except Diverged as error:
            raise Diverged(f"--enrich: {error}; {advice}") from error
    return tuple(str(made.output) for made, _ in wanted)


def _open_samples(
    settings: IncrementalSettings, session: Session, run: Run, loaded: Loaded[Classifier]
) -> tuple[Source | None, list[dict[str, str]]]:
    if not settings.samples:
        return None, []
    finder = session.finder(settings)
    return open_samples(settings.samples, loaded, run.engine.device, finder, settings.seed, selects=False)


def _check_apart(settings: IncrementalSettings, samples: list[dict[str, str]], new: str) -> None:
    """Raise UsageError where the new images are also to stand for the old classes.

    :param samples: the parents that ``--samples`` names, in their order.
    :param new: digest of the new images.
    """
    for name, parent in zip(settings.samples, samples, strict=True):
        if parent["sha256"] == new:
            raise UsageError(
                f'--samples {name} are the new images themselves, but strategy "{settings.strategy}" takes samples for '
                "images of no new class; make samples of the old classes with --enrich, "
                "or take --strategy replay --set scaling=tie --set strong=0"
            )


def _summary(metrics: Mapping[str, Any], known: int, added: int) -> str:
    """What is known of the result, and what cannot be known from the test images."""
    words = {"accuracy_old": "old", "accuracy_new": "new", "accuracy_all": "all"}
    accuracies = [f"{words[name]} {metrics[name]:.2%}" for name in words if metrics[name] is not None]
    measured = ", ".join(accuracies) if accuracies else "unknown, there are no test images"
    text = f"{known} old + {added} new classes; test accuracy: {measured}"
    if metrics["forgetting"] is not None:
        worst = [f"{name} {100 * lost:.0f}" for name, lost in metrics["forgetting_by_class"].items() if lost > 0]
        text += f"; forgetting {100 * metrics['forgetting']:.2f} points of {metrics['old_classifier_accuracy']:.2%}"
        text += f" (most: {', '.join(worst[:WORST])})" if worst else ""
        text += f"; {metrics['confusion']['old_as_new']:.1%} of old images taken for new classes"
        if metrics["confusion"]["new_as_old"] is not None:
            text += f", {metrics['confusion']['new_as_old']:.1%} of new ones for old"
    else:
        text += "; what was forgotten is unknown without test images of old classes (--test-data)"
        if "old_agreement" in metrics:
            text += f"; on samples it agrees with the old classifier on {metrics['old_agreement']:.1%}"
            # Measured over 16 increments: a rank correlation of 0.06 with what was forgotten.
            text += ", which says little of it"
    if left_out := metrics["left_out"]:
        names = shortened(list(left_out))
        text += f"; {sum(left_out.values()):,} test images of classes that it lacks are left out: {names}"
    return text
