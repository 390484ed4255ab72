"""Put together what is known of some runs, measure what is asked for, and write it as one HTML page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..artifact import outputs_of
from ..artifact.atomic import replacing
from ..config import ReportSettings
from ..engine import Engine, start
from ..errors import BadFile, UsageError
from ..loops.evaluate import evaluate_classifier
from ..page.content import Content, Seen
from ..page.page import page
from ..page.plots import check_plots, write_plots
from ..runs.distinct import refuse_inputs
from ..runs.output import check_free
from ..runs.result import Result
from ..runs.session import Session
from .evaluate import open_to_measure, warn_of
from .report_samples import look
from .report_subjects import Opened, open_subjects


def report(settings: ReportSettings, session: Session) -> Result:
    """Write a page about artifacts and runs; see ``degan report --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    refuse_inputs(settings)
    check_free(settings.output, "-o", settings.force)
    if settings.plots is not None:
        check_plots(settings.plots, settings.force)
    opened = open_subjects(settings.runs)
    _check_uses(settings, opened)
    engine = start(settings.device, settings.precision, settings.seed)
    seen = {one.subject.name: look(engine, one, settings, session) for one in opened if _holds_samples(one)}
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
    written = page(content).encode(errors="replace")  # a file may hold half of a character
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
        warnings=session.warnings,
    )


def _holds_samples(one: Opened) -> bool:
    return one.subject.kind in ("generator", "samples")


def _check_uses(settings: ReportSettings, opened: Sequence[Opened]) -> None:
    """Raise UsageError for an option that has nothing to be used on, BadFile for what no page can be made of."""
    if not any(map(_holds_samples, opened)):
        for option, given in (("--proxy", settings.proxy), ("--number", settings.number)):
            if given is not None:
                raise UsageError(f"{option} has no use here: it is for generators and stored samples; leave it out")
        if settings.classifier is not None and settings.dataset is None:
            raise UsageError("--classifier has no use here: it looks at samples, and at images of --dataset")
    if settings.dataset is None and "split" in settings.given:
        raise UsageError("--split has no use here: it is a part of --dataset; leave it out")
    if settings.dataset is not None and all(one.subject.kind != "classifier" for one in opened):
        raise UsageError("--dataset has no use here: it is for classifiers; leave it out")
    for one in opened:
        if one.subject.kind == "dataset":
            raise BadFile(f"{one.subject.file}: holds a dataset; degan report takes what a run made, or its folder")


def _measure(engine: Engine, one: Opened, settings: ReportSettings, session: Session) -> dict[str, Any]:
    """What ``degan eval`` measures of a classifier."""
    assert one.file is not None
    assert settings.dataset is not None

    try:
        model, other, data = open_to_measure(one.file, settings, session)
        assert data is not None
        result = evaluate_classifier(engine, model, data, other, outputs=outputs_of(one.file.header))
    except BadFile as error:  # of several subjects, which one
        raise BadFile(f"{one.file.path}: {error}") from error
    warn_of(result, settings, session)
    return result


def _found(seen: Mapping[str, Seen], measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What was measured for the page, by subject."""
    kept = ("accuracy", "agreement", "calibration_error")
    found = {name: {key: values[key] for key in kept if key in values} for name, values in measured.items()}
    copies = {name: {"copies": dict(one.copies.verdicts)} for name, one in seen.items() if one.copies is not None}
    return {"subjects": {name: {**found.get(name, {}), **copies.get(name, {})} for name in {**found, **copies}}}
