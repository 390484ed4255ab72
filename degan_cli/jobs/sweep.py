"""Run a pipeline for every combination of values in a file: parts are shared and made, and their numbers collected."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..artifact import file_sha256
from ..config import SweepSettings
from ..config.arguments import arguments
from ..errors import BadFile, DeganError
from ..images import digest
from ..paper.parts import Part
from ..paper.run import PROGRAM, Launch, Ledger, run_parts, save_json
from ..runs.session import Session
from ..runs.stopping import StopWatch
from ..sweep import on_ray
from ..sweep.cases import Case, cases_of
from ..sweep.estimate import Kind, kinds_of, totals
from ..sweep.file import read_sweep, references
from ..sweep.local import jobs_at_a_time, log_of, logged
from ..sweep.slurm import exit_codes, scripts, write_scripts
from ..sweep.table import rows_of

PLACE: Sequence[str] = ("data_dir", "download")
"""Settings that all commands are given."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A part whose command failed."""

    part: str
    exit_code: int
    log: str


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What is known of a sweep so far."""

    path: Path
    """Of the results."""
    rows: Sequence[Mapping[str, Any]] = ()
    metrics: Sequence[str] = ()
    """Those to show."""
    failed: Sequence[Failure] = ()
    missing: Sequence[str] = ()
    """Names of parts that are not there, the failed ones and those that need them among them."""
    hint: str = ""
    """What to run next."""
    error: DeganError | None = None
    """Why it is not complete."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints, and the file holds; it says nothing of when and where."""
        failed = [asdict(failure) for failure in self.failed]
        return {"kind": "sweep", "results": list(self.rows), "failed": failed, "missing": list(self.missing)}


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

    A part that fails does not end it: what does not need that part is made, and ``error`` says what is missing.

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

    codes: dict[str, int] = {}
    error = None
    if settings.executor == "slurm":
        again = ["sweep", *arguments(settings)]
        texts = scripts(wanted, folder, program, again, settings.jobs, file.slurm)
        codes = exit_codes(parts, folder)
        write_scripts(texts, output / "slurm")
        if texts:
            session.say(f"written, not submitted: {output / 'slurm' / 'submit.sh'} and what it submits")
    else:
        with _executor(settings, file.ray, ledger, folder) as (jobs, launch), StopWatch(settings.max_minutes) as watch:

            def note_failure(part: Part, code: int) -> None:
                codes[part.name] = code

            def done(part: Part) -> None:
                session.say(f"made: {part.name}")

            try:
                run_parts(wanted, folder, (), jobs, watch, ledger, session.say, done, program, launch, note_failure)
            except DeganError as stopped:
                error = stopped
    return _collected(cases, parts, folder, output / "results.json", codes, error, file.metrics)


@contextmanager
def _executor(
    settings: SweepSettings, options: Mapping[str, float], ledger: Ledger, folder: Path
) -> Iterator[tuple[int, Launch]]:
    """How many parts run at a time, and what starts them."""
    if settings.executor == "ray":
        with on_ray.cluster(options, settings.jobs) as (jobs, launching):
            yield jobs, launching(folder)
    else:
        yield settings.jobs or jobs_at_a_time(ledger), logged(folder)


def _collected(
    cases: Sequence[Case],
    parts: Sequence[Part],
    folder: Path,
    path: Path,
    codes: Mapping[str, int],
    error: DeganError | None,
    metrics: Sequence[str],
) -> Swept:
    """The table of what is there; it is written, too."""
    last = {case.part for case in cases}
    needed = {part for part in parts if part in last or any(part in dict(p.needs).values() for p in parts)}
    missing = [part.name for part in parts if part in needed and not part.path(folder).exists()]
    failed = [
        Failure(part=part.name, exit_code=codes[part.name], log=str(log_of(part, folder)))
        for part in parts
        if part.name in codes
    ]
    if failed and error is None:
        error = DeganError(
            f"{len(failed)} parts failed and {len(missing)} are missing; the same command makes only them"
        )
        error.exit_code = failed[0].exit_code
    shown = dict.fromkeys(_model(case.part).path(folder) for case in cases)
    models = [str(model) for model in shown if model.exists()]
    hint = shlex.join(["degan", "report", *models, "-o", str(path.with_name("report.html"))]) if models else ""
    swept = Swept(
        path=path,
        rows=rows_of(cases, folder),
        metrics=metrics,
        failed=failed,
        missing=missing,
        hint=hint,
        error=error,
    )
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
                sets[expression, split] = digest(finder.open(expression, split).images)
            except BadFile:
                sets[expression, split] = ""
        return sets[expression, split]

    def of_file(path: Path) -> str:
        if path not in files:
            files[path] = file_sha256(path)
        return files[path]

    return of_set, of_file
