"""The best smaller classifier for a classifier and some images: look, plan, make, tell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import artifact
from ..artifact.atomic import replacing
from ..artifact.makers import plugin_versions
from ..config.arguments import arguments
from ..config.compress import CompressSettings
from ..config.evaluate import EvaluateSettings
from ..config.stored import refuse_others
from ..engine import Engine
from ..errors import BadFile, Diverged, UsageError
from ..images import digest
from ..loops.predict import predict
from ..metrics import Support, accuracy
from ..models import Classifier, parameter_count
from ..runs.classifiers import open_classifier, taught_unnamed, tell_input
from ..runs.inputs import refuse_other_inputs, tested_by
from ..runs.next_command import PHOTOGRAPHS, next_command
from ..runs.output import stem
from ..runs.result import Result
from ..runs.session import Run, Session
from ..samples.open_online import open_test
from ..specs import ImageSet
from .compress_look import look
from .compress_plan import Plan, make_plan
from .distill import distill

PLAN = "plan.json"
"""In the run folder."""
REPORT = "report.md"
"""In the run folder."""
STUDENT = "student.safetensors"
"""In the run folder; the artifact has its weights, and the plan beside them."""


def compress(settings: CompressSettings, session: Session) -> Result:
    """Make the best student that the images and the budget allow; see ``degan compress --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    plugins = session.plugins
    spec = plugins.architectures.get(settings.student)
    images = settings.images or PHOTOGRAPHS
    _check_rereadable(settings)
    with session.open("compress", "classifier", settings, f"{spec.name}-of-{stem(settings.classifier)}") as run:
        loaded = open_classifier(settings.classifier, settings, session)
        settings = settings.fitting_like(loaded.header.run)
        engine = run.start_engine()
        run.use(settings, taught_unnamed(loaded))
        teacher = loaded.model
        input = spec.input_for(*teacher.input.shape)
        student = Classifier.untrained(spec, teacher.class_names, input)
        tell_input(f"student: {spec.name}", input, session)
        given = session.finder(settings).open(images, shape=teacher.input.shape).images
        # Before the time is spent: what cannot be measured is told at once.
        test = None if settings.test_data is None else open_test(settings.test_data, teacher, session.finder(settings))
        taught_by, learned_from = (
            {"role": "teacher", "sha256": loaded.sha256},
            {"role": "images", "sha256": digest(given)},
        )
        run.made_from(taught_by, learned_from, *tested_by(test))
        if ended := run.ends_early():
            return ended

        plan = _kept_plan(run)
        if plan is None:
            facts = look(engine, loaded, student, images, given)
            plan = _agreed(make_plan(facts, settings.seconds - run.seconds), engine)
        student_settings = plan.distillation(settings, images, run.output.folder / STUDENT)
        command = shlex.join(["degan", "distill", *arguments(plan.distillation(settings, images, None))])
        if settings.dry_run:
            shown = plan.to_json() | {"dry_run": True, "artifact": str(run.output.path), "command": command}
            return Result(artifact=run.output.path, kind="classifier", plan=shown, warnings=session.warnings)
        for line in plan.words:
            session.say(line)
        run.lock()
        _keep(plan, run)
        session.announce("distill", student_settings)
        try:
            made = distill(run.inside(student_settings), session)
        except Diverged as error:
            advice = "compress has no such option, but the command that it shows, degan distill, has"
            raise Diverged(f"{error}; {advice}") from error
        if made.summary:
            session.say(made.summary)

        best = artifact.load_classifier(run.output.folder / STUDENT, plugins).model
        metrics = {**made.metrics, "plan": plan.to_json(), "command": command}
        metrics |= {"parameters": parameter_count(best), "teacher_parameters": parameter_count(teacher)}
        metrics |= _measured(engine, best, teacher, test)
        if engine.is_main:
            with replacing(run.output.folder / REPORT) as file:
                file.write(_report(plan, command, metrics, settings).encode())
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
            summary=_summary(metrics, run.output.folder / REPORT),
            next_command=next_command(
                "eval",
                EvaluateSettings,
                settings,
                model=run.output.path,
                dataset=settings.test_data or images,
                classifier=settings.classifier,
            ),
        )


def _check_rereadable(settings: CompressSettings) -> None:
    """Raise UsageError for stdin: a look comes first, and then the training reads its files anew."""
    for option, value in (("--classifier", str(settings.classifier)), ("--images", settings.images)):
        if value == "-":
            raise UsageError(f"{option} -: compress reads it more than once, so it cannot be stdin; name a file")


def _agreed(plan: Plan, engine: Engine) -> Plan:
    """The main process's plan in every process: each timed its updates by itself."""
    return replace(
        plan,
        epochs=round(engine.from_main(plan.epochs)),
        steps_per_epoch=round(engine.from_main(plan.steps_per_epoch)),
    )


def _kept_plan(run: Run) -> Plan | None:
    """The plan of a stopped run that goes on.

    :raises BadFile: where it cannot be read.
    :raises UsageError: where it was made with other settings, or from other inputs.
    """
    path = run.output.folder / PLAN
    if not run.settings.resume or not path.exists():
        return None
    try:
        kept = json.loads(path.read_text())
        plan, before = Plan.from_json(kept["plan"]), dict(kept["run"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadFile(f"{path}: no plan that can be read; start anew with --force") from error
    refuse_others(path, before, run.stored)
    refuse_other_inputs(path, kept.get("parents", ()), run.parents, "or start anew with --force")
    return plan


def _keep(plan: Plan, run: Run) -> None:
    """In the run folder, with the settings that it was made for."""
    if run.engine.is_main:
        with replacing(run.output.folder / PLAN) as file:
            file.write(
                json.dumps({"plan": plan.to_json(), "run": run.stored, "parents": run.parents}, indent=2).encode()
            )


def _measured(engine: Engine, student: Classifier, teacher: Classifier, test: ImageSet | None) -> dict[str, Any]:
    """Accuracy of both on ``--test-data``, if there is any."""
    if test is None:
        return {}
    assert test.labels is not None
    found = {}
    for name, model in {"accuracy": student, "teacher_accuracy": teacher}.items():
        logits = predict(model, test.images, engine.device, autocast=engine.autocast)  # (N, classes)
        found[name] = accuracy(logits.argmax(dim=1), test.labels)
    return found


def _summary(metrics: Mapping[str, Any], report: Path) -> str:
    text = f"{_sizes(metrics)} parameters"
    if "accuracy" in metrics:
        text += f"; test accuracy {_accuracies(metrics)}"
    return f"{text}; report: {report}"


def _sizes(metrics: Mapping[str, Any]) -> str:
    return f"{metrics['parameters']:,} of {metrics['teacher_parameters']:,}"


def _accuracies(metrics: Mapping[str, Any]) -> str:
    return f"{metrics['accuracy']:.2%}, the classifier's {metrics['teacher_accuracy']:.2%}"


def _report(plan: Plan, command: str, metrics: Mapping[str, Any], settings: CompressSettings) -> str:
    """Markdown for people: what was seen and done, what came out, and how to do it by hand."""
    rows = {
        "parameters": _sizes(metrics),
        "agreement with the classifier on held-out samples": f"{metrics['agreement']:.2%}",
        "which rests on": Support(**metrics["support"]).describe(),
        "updates of the student": f"{metrics['updates']:,}, the best after epoch {metrics['best_epoch']}",
    }
    if "accuracy" in metrics:
        rows[f"accuracy on {settings.test_data}"] = _accuracies(metrics)
    lines = [f"# {settings.student} of {settings.classifier.name}", "", *(f"- {word}" for word in plan.words), ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), ""]
    return "\n".join([*lines, "The same by hand:", "", f"    {command}", ""])
