"""``degan sweep``: a pipeline for every combination of values in a file, and one table of what came out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..config import SweepSettings
from ..console import note
from .declare import command
from .failures import tell_failures

if TYPE_CHECKING:
    from ..jobs.sweep import Estimate, Swept
    from ..runs.session import Session

WIDTH = 160
"""Columns of a table where there is no terminal that says how many it has."""


def _run(settings: SweepSettings, session: Session, as_json: bool) -> None:
    from ..jobs import sweep as run_pipelines
    from ..jobs.sweep import Estimate

    found = run_pipelines(settings, session)
    if as_json:
        print(json.dumps(found.to_json()))
    elif isinstance(found, Estimate):
        _print_estimate(found)
    else:
        _print_table(found)
    if isinstance(found, Estimate):
        return
    tell_failures(found.outcome)
    if found.hint and not session.quiet:
        note(f"next: {found.hint}")
    if found.outcome.error is not None:
        raise found.outcome.error


def _print_table(swept: Swept) -> None:
    from rich.console import Console

    from ..sweep.table import rich_table

    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(rich_table(swept.rows, swept.metrics))


def _print_estimate(estimate: Estimate) -> None:
    shared = estimate.unshared - estimate.parts
    print(f"{estimate.cases} cases of {estimate.parts} parts; {shared} more if none were shared")
    for kind in estimate.kinds:
        made = f", {kind.made} of them made" if kind.made else ""
        cost = "" if kind.seconds is None else f": {_time(kind.seconds)} each"
        cost += "" if kind.memory is None else f", {kind.memory / 2**20:.0f} MiB"
        print(f"{kind.step} ({kind.command}): {kind.parts} parts{made}{cost} ({kind.source})")
    chain = estimate.seconds["longest_chain"]
    on = [f"on {workers}: {_time(value)}" for workers, value in estimate.seconds.items() if workers != "longest_chain"]
    print(
        f"workers as fast as this machine with one: {', '.join(on)}; never less than {_time(chain)}, the longest chain"
    )


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


sweep = command(
    SweepSettings,
    _run,
    """Run a pipeline for every combination of values in FILE, and set what came out in one table.

    Parts that are equal in settings and inputs are made once. A part that fails is listed with its exit code and
    log; all that does not need it is made, and the same command makes what is missing. Results go to DIR/results.json.
    --dry-run measures what it will take.
    """,
)
