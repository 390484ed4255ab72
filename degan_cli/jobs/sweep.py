"""Run a pipeline for every combination of values in a file: parts are shared and made, and their numbers collected."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..artifact import file_sha256
from ..config import SweepSettings
from ..config.arguments import arguments
from ..errors import BadFile
from ..paper.parts import Part
from ..paper.run import PROGRAM, Ledger, save_json
from ..runs.session import Session
from ..sweep.cases import Case, cases_of
from ..sweep.estimate import Kind, kinds_of, totals
from ..sweep.file import read_sweep, references
from ..sweep.making import Outcome, executor, make, outcome
from ..sweep.slurm import exit_codes, scripts, write_scripts
from ..sweep.table import rows_of

PLACE: Sequence[str] = ("data_dir", "download")
"""Settings that all commands are given."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What is known of a sweep so far."""

    path: Path
    """Of the results."""
    rows: Sequence[Mapping[str, Any]] = ()
    metrics: Sequence[str] = ()
    """Those to show."""
    outcome: Outcome = Outcome()
    """What there is not."""
    hint: str = ""
    """What to run next."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints, and the file holds; it says nothing of when and where."""
        return {"kind": "sweep", "results": list(self.rows), **self.outcome.to_json()}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a sweep will take."""

    cases: int
    parts: int
    unshared: int
    """Parts that there would be if no case shared any."""
    kinds: Sequence[Kind]
    seconds: Mapping[str, float]
    """By number of workers, each as fast as this machine was with one; and of the longest chain."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {"dry_run": True, **asdict(self)}


def sweep(settings: SweepSettings, session: Session) -> Swept | Estimate:
    """Make what is missing of all cases and set it in a table. See ``degan sweep --help``.

    A part that fails does not end it: what does not need that part is made, and ``outcome`` says what is missing.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`, when nothing can be run at all.
    """
    file = read_sweep(settings.file)
    output = settings.output or settings.file.with_suffix(".sweep")
    folder = output / "parts"
    place = {name: getattr(settings, name) for name in PLACE if name in settings.given}
    cases = cases_of(file, place, *_digests(settings, session))
    wanted = list(dict.fromkeys(case.part for case in cases))
    parts = list(dict.fromkeys(part for last in wanted for part in last.in_order()))
    ledger = Ledger(output / "parts.json")
    program = (*PROGRAM, *([] if session.plugins.enabled else ["--no-plugins"]))
    if settings.dry_run:
        kinds = kinds_of(parts, folder, ledger, program)
        unshared = sum(len(set(case.part.in_order())) for case in cases)
        seconds = totals(parts, folder, kinds)
        return Estimate(cases=len(cases), parts=len(parts), unshared=unshared, kinds=kinds, seconds=seconds)

    if settings.executor == "slurm":
        again = ["sweep", *arguments(settings)]
        texts = scripts(wanted, folder, program, again, settings.jobs, file.slurm)
        ended = outcome(wanted, folder, exit_codes(parts, folder))
        write_scripts(texts, output / "slurm")
        if texts:
            session.say(f"written, not submitted: {output / 'slurm' / 'submit.sh'} and what it submits")
    else:

        def done(part: Part) -> None:
            session.say(f"made: {part.name}")

        with executor(settings.executor, settings.jobs, file.ray, ledger, folder) as where:
            ended = make(wanted, folder, (), where, settings.max_minutes, ledger, session.say, done, program)
    return _collected(cases, folder, output / "results.json", ended, file.metrics)


def _collected(cases: Sequence[Case], folder: Path, path: Path, ended: Outcome, metrics: Sequence[str]) -> Swept:
    """The table of what is there; it is written, too."""
    shown = dict.fromkeys(_model(case.part).path(folder) for case in cases)
    models = [str(model) for model in shown if model.exists()]
    hint = shlex.join(["degan", "report", *models, "-o", str(path.with_name("report.html"))]) if models else ""
    swept = Swept(path=path, rows=rows_of(cases, folder), metrics=metrics, outcome=ended, hint=hint)
    save_json(path, swept.to_json())
    return swept


def _model(part: Part) -> Part:
    """What a part made, or measured."""
    measured = references(part.values["model"]) if part.prints else []
    return dict(part.needs)[measured[0]] if measured else part


def _digests(settings: SweepSettings, session: Session) -> tuple[Any, Any]:
    """Of data sets and of files, each read once."""
    finder = session.finder(settings)
    sets: dict[tuple[str, str], str] = {}
    files: dict[Path, str] = {}

    def of_set(expression: str, split: str) -> str:
        """Empty where it is not there, which the command itself will say."""
        if (expression, split) not in sets:
            try:
                sets[expression, split] = finder.content(expression, split)
            except BadFile:
                sets[expression, split] = ""
        return sets[expression, split]

    def of_file(path: Path) -> str:
        if path not in files:
            files[path] = file_sha256(path)
        return files[path]

    return of_set, of_file
