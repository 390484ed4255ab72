"""Parts of a sweep or a table that failed, for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..console import note

if TYPE_CHECKING:
    from ..sweep.making import Outcome


def tell_failures(outcome: Outcome) -> None:
    """A line for each, with the last that its command said; one that was killed says nothing of why."""
    for failure in outcome.failed:
        said = _last_line(Path(failure.log)) if failure.exit_code < 128 else ""
        note(f"failed: {failure.part}, exit code {failure.exit_code}, see {failure.log}{said and f': {said}'}")


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("degan: error: ") if lines else ""
