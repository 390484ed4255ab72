"""Parts as processes of this machine, each with a log of its own, and how many it can carry at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import IO

from ..errors import writing
from ..paper.parts import Part
from ..paper.run import Launch, Ledger, Process

ASSUMED_BYTES = 2 * 2**30
"""Of a part, before one has been made."""


def log_of(part: Part, folder: Path) -> Path:
    """What the command of a part said, each time it ran."""
    return folder / f"{part.name}.log"


def logged(folder: Path) -> Launch:
    """Starts commands that say things in their logs."""

    def launch(part: Part, command: Sequence[str], result: IO[bytes], environment: Mapping[str, str]) -> Process:
        with writing(log_of(part, folder)):
            folder.mkdir(parents=True, exist_ok=True)
            log = log_of(part, folder).open("ab")
        with log:
            return Popen(command, stdout=result, stderr=log, env=environment)

    return launch


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jobs_at_a_time(ledger: Ledger) -> int:
    """As many as there are cores, and as memory allows when each takes what the largest has taken so far."""
    peaks = [cost["peak_memory_bytes"].get("host", 0) for cost in ledger.costs.values()]
    return max(1, min(cores(), _free_bytes() // (max(peaks, default=0) or ASSUMED_BYTES)))


def _free_bytes() -> int:
    """Memory that new processes can have; plenty where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return 2**50
