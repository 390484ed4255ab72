"""Runs parts as processes, several at a time, each as soon as what it needs is there; finished ones are left alone."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryFile
from typing import IO, Any

from ..artifact.atomic import replacing
from ..errors import DeganError
from ..runs.stopping import StopWatch, stopped
from .parts import Part

POLL_SECONDS = 0.05
PROGRAM = (sys.executable, "-m", "degan_cli")
MAX_MINUTES_OVER = 75


@dataclass(frozen=True)
class _Child:
    """A command that runs."""

    part: Part
    process: Popen[bytes]
    began: float
    result: IO[bytes]
    """What it prints, in a file: a pipe that nobody reads may fill up."""


class Ledger:
    """What parts cost, by name: the seconds of all their slices, and the most memory that one of these held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.costs: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, part: Part, seconds: float, memory: Mapping[str, int]) -> None:
        """Note a slice of a part; ``memory`` is its peak in bytes, by place, empty when it did not end well."""
        cost = self.costs.setdefault(part.name, {"seconds": 0.0, "peak_memory_bytes": {}})
        cost["seconds"] = round(cost["seconds"] + seconds, 1)
        peak = cost["peak_memory_bytes"]
        cost["peak_memory_bytes"] = {
            place: max(peak.get(place, 0), memory.get(place, 0)) for place in {**peak, **memory}
        }
        save_json(self.path, self.costs)

    def about(self, part: Part, folder: Path) -> dict[str, Any]:
        """Costs of a finished part, None where they were not noted, and what its header says of it."""
        from ..artifact import read_header

        metrics = read_header(part.path(folder)).metrics
        about = {name: metrics.get(name) for name in ("updates", "images", "stored_bytes")}
        curve = {name: value for name, value in metrics.get("curve", {}).items() if name != "values"}
        cost = self.costs.get(part.name, {})
        costs = {name: cost.get(name) for name in ("seconds", "peak_memory_bytes")}
        return {**about, **costs, "curve": curve or None}


def run_parts(
    wanted: Sequence[Part],
    folder: Path,
    shared: Sequence[str],
    jobs: int,
    watch: StopWatch,
    ledger: Ledger,
    say: Callable[[str], None],
    done: Callable[[Part], None],
    program: Sequence[str] = PROGRAM,
) -> None:
    """Make the wanted parts in ``folder``, with all that they need; ``done`` is called for each when it is there.

    :param shared: options of every command that do not change its numbers, such as ``--data-dir``.
    :param program: what starts degan, with options that come before the command.
    :param watch: each command gets the minutes that are left; a signal is passed on.
    :raises DeganError: with a failed command's exit code once those beside it have ended; 75 when the time is over
        and something is left to do.
    """
    waiting = list(dict.fromkeys(part for last in wanted for part in _missing(last, folder)))
    for part in dict.fromkeys(wanted):
        if part not in waiting:
            done(part)
    children: list[_Child] = []
    code, failed = 0, ""
    while waiting or children:
        if watch.due() and not code:
            code = watch.due()
            for child in children if code == 128 + signal.SIGTERM else ():
                child.process.terminate()
        for part in waiting[:] if not code else ():
            able = all(need.path(folder).exists() for _, need in part.needs)
            if able and len(children) < jobs:
                waiting.remove(part)
                children.append(_start(part, folder, shared, jobs, watch, say, program))
        if not children:
            break
        time.sleep(POLL_SECONDS)
        for child in [child for child in children if child.process.poll() is not None]:
            children.remove(child)
            ledger.add(child.part, time.monotonic() - child.began, _memory(child.result))
            if child.process.returncode == 0 and child.part in wanted:
                done(child.part)
            elif child.process.returncode and code in (0, MAX_MINUTES_OVER):
                code = child.process.returncode
                failed = shlex.join(["degan", *child.part.arguments(folder)])
    if code in (MAX_MINUTES_OVER, 130, 143):
        raise stopped(code, f"{len(waiting)} or more parts are left")
    if code:
        failure = DeganError(f"ended with exit code {code}: {failed}")
        failure.exit_code = code
        raise failure


def _missing(part: Part, folder: Path) -> Iterator[Part]:
    """What must be made for this part to be there, in order; a finished part needs nothing any more."""
    if not part.path(folder).exists():
        for _, need in part.needs:
            yield from _missing(need, folder)
        yield part


def _start(
    part: Part,
    folder: Path,
    shared: Sequence[str],
    jobs: int,
    watch: StopWatch,
    say: Callable[[str], None],
    program: Sequence[str],
) -> _Child:
    arguments = [*part.arguments(folder), *shared]
    say(f"$ degan {shlex.join(arguments)}")
    command = [*program, *arguments, "--resume", "-q", "--json"]
    if watch.deadline is not None:
        command += ["--max-minutes", f"{max(0.0, watch.deadline - time.monotonic()) / 60:.3f}"]
    # Runs that share the cores with all their threads each slow each other down many times over.
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))} if jobs > 1 else {}
    result = TemporaryFile()  # noqa: SIM115, it is closed when the command has ended
    return _Child(part, Popen(command, stdout=result, env=threads | os.environ), time.monotonic(), result)


def _memory(result: IO[bytes]) -> dict[str, int]:
    with result:
        result.seek(0)
        text = result.read()
    return dict(json.loads(text)["peak_memory_bytes"]) if text.strip() else {}


def save_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader never sees half of it."""
    with replacing(path) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")
