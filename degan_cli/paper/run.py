"""Runs parts as processes, several at a time, each as soon as what it needs is there; finished ones are left alone."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

from ..artifact.atomic import replacing
from ..runs.stopping import SIGNAL_CODES, StopWatch, stopped
from .parts import Part

POLL_SECONDS = 0.05
PROGRAM = (sys.executable, "-m", "degan_cli")
MAX_MINUTES_OVER = 75
STOPPED = (MAX_MINUTES_OVER, *SIGNAL_CODES)
"""Exit codes of commands that go on when they are started again."""


class Process(Protocol):
    """A command that runs, here or elsewhere, as ``subprocess`` shows it."""

    returncode: int | None

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""

    def terminate(self) -> None:
        """Ask it to write a checkpoint and end."""


Launch = Callable[[Part, Sequence[str], IO[bytes], Mapping[str, str]], Process]
"""Starts the command of a part, whose stdout goes to the file, in an environment."""


@dataclass(frozen=True)
class _Child:
    """A command that runs."""

    part: Part
    process: Process
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
    program: Sequence[str],
    launch: Launch,
    failed: Callable[[Part, int], None],
) -> None:
    """Make the wanted parts in ``folder``, with all that they need; ``done`` is called for each when it is there.

    :param shared: options of every command that do not change its numbers, such as ``--data-dir``.
    :param watch: each command gets the minutes that are left; a signal is passed on.
    :param program: what starts degan, with options that come before the command.
    :param launch: starts a command.
    :param failed: is told of each part that failed and its exit code; all that does not need it is still made.
    :raises Stopped: after a signal, or when the time is over and something is left to do.
    """
    waiting = list(dict.fromkeys(part for last in wanted for part in missing(last, folder)))
    for part in dict.fromkeys(wanted):
        if part not in waiting:
            done(part)
    children: list[_Child] = []
    code = 0
    with _none_left_behind(children):
        while waiting or children:
            if watch.due() and not code:
                code = watch.due()
                for child in children if code != MAX_MINUTES_OVER else ():
                    child.process.terminate()
            for part in waiting[:] if not code else ():
                able = all(need.path(folder).exists() for _, need in part.needs)
                if able and len(children) < jobs:
                    waiting.remove(part)
                    children.append(_start(part, folder, shared, jobs, watch, say, program, launch))
            if not children:
                break
            time.sleep(POLL_SECONDS)
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                returned = child.process.returncode or 0
                ended = returned if returned >= 0 else 128 - returned  # a killed one, as shells count it
                printed = _read(child.result)
                ledger.add(child.part, time.monotonic() - child.began, _memory(printed))
                if ended == 0 and child.part.prints:
                    with replacing(child.part.path(folder)) as file:
                        file.write(printed)
                if ended == 0 and child.part in wanted:
                    done(child.part)
                elif ended and (ended not in STOPPED or (ended != MAX_MINUTES_OVER and not code)):
                    failed(child.part, ended)
                elif ended and code in (0, MAX_MINUTES_OVER):
                    code = ended
    if code:
        raise stopped(code, "parts are left", again="the same command")


@contextmanager
def _none_left_behind(children: list[_Child]) -> Iterator[None]:
    """What fails here, such as a disk that is full, does not leave commands that nobody waits for."""
    try:
        yield
    except BaseException:
        for child in children:
            child.process.terminate()
        raise


def missing(part: Part, folder: Path) -> Iterator[Part]:
    """What must be made for this part to be there, in order; a finished part needs nothing any more."""
    if not part.path(folder).exists():
        for _, need in part.needs:
            yield from missing(need, folder)
        yield part


def _start(
    part: Part,
    folder: Path,
    shared: Sequence[str],
    jobs: int,
    watch: StopWatch,
    say: Callable[[str], None],
    program: Sequence[str],
    launch: Launch,
) -> _Child:
    arguments = [*part.arguments(folder), *shared]
    say(f"$ degan {shlex.join(arguments)}")
    minutes = None if watch.deadline is None else max(0.0, watch.deadline - time.monotonic()) / 60
    command = [*program, *arguments, *going_on(part, folder, minutes)]
    # Runs that share the cores with all their threads each slow each other down many times over.
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))} if jobs > 1 else {}
    result = TemporaryFile()  # noqa: SIM115, it is closed when the command has ended
    return _Child(part, launch(part, command, result, threads | os.environ), time.monotonic(), result)


def going_on(part: Part, folder: Path, minutes: float | None = None) -> list[str]:
    """Options that let a command go on where it was stopped, end in time, and print its result alone.

    A command may find its own artifact: it is started again where an executor has lost what it printed.
    """
    declared = type(part.settings(folder)).declared()
    resume = ["--resume"] if "resume" in declared else [] if part.prints else ["--force"]
    limit = ["--max-minutes", f"{minutes:.3f}"] if minutes is not None and "max_minutes" in declared else []
    return [*resume, "-q", "--json", *limit]


def _read(result: IO[bytes]) -> bytes:
    with result:
        result.seek(0)
        return result.read()


def _memory(printed: bytes) -> dict[str, int]:
    try:
        return dict(json.loads(printed).get("peak_memory_bytes", {}))
    except ValueError:  # nothing, or what a full disk has cut off
        return {}


def save_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader never sees half of it."""
    with replacing(path) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")
