"""Parts made where the user says, and what became of them: what ``sweep`` and ``reproduce`` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DeganError
from ..paper.parts import Part
from ..paper.run import Launch, Ledger, missing, run_parts
from ..runs.stopping import StopWatch
from . import on_ray
from .local import jobs_at_a_time, log_of, logged


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A part whose command failed."""

    part: str
    exit_code: int
    log: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What there is not, and why."""

    failed: Sequence[Failure] = ()
    missing: Sequence[str] = ()
    """Names of parts that are not there, the failed ones and those that need them among them."""
    error: DeganError | None = None
    """Why not everything is there."""

    def to_json(self) -> dict[str, Any]:
        """It says nothing of when and where."""
        return {"failed": [asdict(failure) for failure in self.failed], "missing": list(self.missing)}


@contextmanager
def executor(
    kind: str, jobs: int | None, options: Mapping[str, float], ledger: Ledger, folder: Path
) -> Iterator[tuple[int, Launch]]:
    """How many parts run at a time, and what starts them.

    :param kind: ``local`` or ``ray``.
    :param jobs: parts at a time; as many as there is room for where it is None.
    :param options: what each part takes of a Ray cluster.
    """
    if kind == "ray":
        with on_ray.cluster(options, jobs) as (found, launching):
            yield found, launching(folder)
    else:
        yield jobs or jobs_at_a_time(ledger), logged(folder)


def make(
    wanted: Sequence[Part],
    folder: Path,
    shared: Sequence[str],
    where: tuple[int, Launch],
    max_minutes: float | None,
    ledger: Ledger,
    say: Callable[[str], None],
    done: Callable[[Part], None],
    program: Sequence[str],
) -> Outcome:
    """Make the wanted parts and what they need; one that fails ends only what needs it. See :func:`run_parts`.

    :param where: what :func:`executor` gives.
    """
    codes: dict[str, int] = {}
    error = None

    def note_failure(part: Part, code: int) -> None:
        codes[part.name] = code

    jobs, launch = where
    with StopWatch(max_minutes) as watch:
        try:
            run_parts(wanted, folder, shared, jobs, watch, ledger, say, done, program, launch, note_failure)
        except DeganError as stopped:
            error = stopped
    return outcome(wanted, folder, codes, error)


def outcome(wanted: Sequence[Part], folder: Path, codes: Mapping[str, int], error: DeganError | None = None) -> Outcome:
    """What is not there of the wanted parts and of what they need.

    :param codes: exit codes of the commands that failed, by the name of the part.
    :param error: what ended the making of parts early.
    """
    parts = list(dict.fromkeys(part for last in wanted for part in last.in_order()))
    left = list(dict.fromkeys(part.name for last in wanted for part in missing(last, folder)))
    failed = [
        Failure(part=part.name, exit_code=codes[part.name], log=str(log_of(part, folder)))
        for part in parts
        if part.name in codes
    ]
    if failed and error is None:
        error = DeganError(f"{len(failed)} parts failed and {len(left)} are missing; the same command makes only them")
        error.exit_code = failed[0].exit_code
    return Outcome(failed=failed, missing=left, error=error)
