"""What a job gives back: the artifact it made and what was measured, or what a dry run would do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..console import is_main_process, note, print_result
from .output import STDOUT


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a run."""

    artifact: Path
    """``-`` where its bytes went to stdout."""
    kind: str
    """``classifier``, ``generator``, ``samples`` or ``images``."""
    sha256: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Accuracies are fractions in [0, 1]."""
    seconds: float = 0.0
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Set of images -> how many broken files were left out of it."""
    warnings: Sequence[str] = ()
    """All that was warned of on the way."""
    reused: bool = False
    """The artifact was complete before; ``seconds`` is not the time it took."""
    plan: Mapping[str, Any] | None = None
    """What would run, after ``--dry-run``: then nothing else is known."""
    summary: str = ""
    """What came out, for people."""
    next_command: str = ""
    """What to run next."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        result: dict[str, Any] = {
            "artifact": str(self.artifact),
            "kind": self.kind,
            "sha256": self.sha256,
            "metrics": dict(self.metrics),
            "seconds": round(self.seconds, 3),
            "peak_memory_bytes": peak_memory(),
        }
        return result | self._met | ({"reused": True} if self.reused else {})

    @property
    def _met(self) -> dict[str, Any]:
        skipped = {"skipped_images": dict(self.skipped)} if self.skipped else {}
        return skipped | ({"warnings": list(self.warnings)} if self.warnings else {})

    def show(self, as_json: bool, quiet: bool) -> None:
        """Print it on stdout, and on stderr what came out and what to run next."""
        if not is_main_process():
            return
        if self.plan is not None:
            print(json.dumps({**self.plan, **self._met}, indent=None if as_json else 2, sort_keys=True))
            return
        if self.summary and not quiet:
            note(self.summary)
        if self.artifact == STDOUT:
            note(json.dumps(self.to_json(), sort_keys=True))
            return
        if self.next_command and not quiet:
            note(f"next: {self.next_command}")
        print_result(self.to_json(), as_json)


def peak_memory() -> dict[str, int]:
    """The most memory that this process has held so far: ``host``, and ``device`` where a GPU was used."""
    try:
        import resource
    except ImportError:  # Windows has none
        return {}

    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["device"] = int(torch.cuda.max_memory_allocated())
    return peak
