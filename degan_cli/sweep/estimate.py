"""What a sweep will take, before it begins: parts, their seconds and memory, and the time on several machines.

A step is measured by its first part that is to be made, whose command does two real steps (``--dry-run``). Where what
it needs is not there yet, a stand-in is: the same command with a few updates. Parts that were made count more.
"""

from __future__ import annotations

import heapq
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..paper.parts import Part
from ..paper.run import Ledger

WORKERS = (1, 8, 64)
SHORT: Mapping[str, Mapping[str, Any]] = {
    "teacher": {"epochs": 1},
    "enrich": {"steps": 2},
    "distill": {"epochs": 1, "steps_per_epoch": 2},
    "incremental": {"epochs": 1},
    "condense": {"steps": 2},
}
"""Settings of stand-ins; commands that are not here have no dry run of their own, and are run as they are."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The parts of a step."""

    step: str
    command: str
    parts: int
    made: int
    seconds: float | None
    """Of each on this machine; None where it could not be measured."""
    memory: int | None
    """Most bytes on the host that each holds, if known."""
    source: str
    """``made``, ``measured``, or why it could not be."""


def makespan(seconds: Mapping[str, float], needs: Mapping[str, Sequence[str]], workers: int) -> float:
    """Seconds until all is made, when each free worker takes the first part whose needs are there.

    :param seconds: of each part, by name, in the order in which they are taken.
    :param needs: names of the parts that a part needs; others than those in ``seconds`` are there already.
    """
    waiting = list(seconds)
    running: list[tuple[float, str]] = []
    now, made = 0.0, set[str]()
    while waiting or running:
        for name in waiting[:]:
            able = all(need in made or need not in seconds for need in needs.get(name, ()))
            if able and len(running) < workers:
                waiting.remove(name)
                heapq.heappush(running, (now + seconds[name], name))
        now, ended = heapq.heappop(running)
        made.add(ended)
    return now


def kinds_of(parts: Sequence[Part], folder: Path, ledger: Ledger, program: Sequence[str]) -> list[Kind]:
    """What each step takes, in the order of the parts.

    :param parts: all of them, each after what it needs.
    :param program: what starts degan.
    """
    by_step: dict[str, list[Part]] = {}
    for part in parts:
        by_step.setdefault(part.label, []).append(part)
    kinds = []
    with TemporaryDirectory() as aside:
        for step, own in by_step.items():
            left = [part for part in own if not part.path(folder).exists()]
            costs = [ledger.costs[part.name] for part in own if part.name in ledger.costs and part not in left]
            about: dict[str, Any] = {
                "step": step,
                "command": own[0].command,
                "parts": len(own),
                "made": len(own) - len(left),
            }
            if costs:
                memory = max(cost["peak_memory_bytes"].get("host", 0) for cost in costs) or None
                mean = statistics.fmean(cost["seconds"] for cost in costs)
                kinds.append(Kind(**about, seconds=round(mean, 1), memory=memory, source="made"))
            elif left:
                kinds.append(Kind(**about, **_measured(left[0], folder, Path(aside), program)))
            else:
                kinds.append(Kind(**about, seconds=None, memory=None, source="made"))
    return kinds


def totals(parts: Sequence[Part], folder: Path, kinds: Sequence[Kind]) -> dict[str, float]:
    """Seconds on each number of workers, and of the longest chain, which no number of them undercuts."""
    each = {kind.step: kind.seconds or 0.0 for kind in kinds}
    seconds = {part.name: each[part.label] for part in parts if not part.path(folder).exists()}
    needs = {part.name: [need.name for _, need in part.needs] for part in parts}
    found = {str(workers): round(makespan(seconds, needs, workers), 1) for workers in WORKERS}
    return found | {"longest_chain": round(makespan(seconds, needs, max(1, len(seconds))), 1)}


class _Failed(Exception):
    """A command that does not run."""


def _measured(part: Part, folder: Path, aside: Path, program: Sequence[str]) -> dict[str, Any]:
    """``seconds``, ``memory`` and ``source`` of a part."""

    def run(one: Part, *options: str) -> tuple[dict[str, Any], float]:
        began = time.monotonic()
        command = [*program, *one.arguments(aside), *options, "-q", "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise _Failed(lines[-1].removeprefix("degan: error: "))
        return json.loads(done.stdout), time.monotonic() - began

    def needing(one: Part) -> Part:
        return replace(
            one, needs=tuple((name, stand_in(need, run, needing, folder, aside)) for name, need in one.needs)
        )

    try:
        real = needing(part)
        told, seconds = run(real, *(["--dry-run"] if part.command in SHORT else []))
    except _Failed as error:
        return {"seconds": None, "memory": None, "source": str(error)}
    timing = told.get("timing", {})
    memory = timing.get("peak_memory_bytes", told.get("peak_memory_bytes", {})).get("host")
    training = timing.get("seconds", 0.0) - timing.get("start_seconds", 0.0)
    return {"seconds": round(seconds + training, 1), "memory": memory, "source": "measured"}


def stand_in(
    part: Part,
    run: Callable[[Part], object],
    needing: Callable[[Part], Part],
    folder: Path,
    aside: Path,
) -> Part:
    """A part whose file lies aside: the made one, or one of a few updates."""
    if part.path(folder).exists():
        link = part.path(aside)
        if not link.exists():
            link.symlink_to(part.path(folder).absolute())
        return part
    short = dict(SHORT.get(part.command, {}))
    values = {name: value for name, value in part.values.items() if name != "epochs" or "steps" not in short} | short
    if "enrich" in values:
        values["enrich"] = {**values["enrich"], "steps": SHORT["enrich"]["steps"]}
    one = needing(replace(part, values=values))
    if not one.path(aside).exists():
        run(one)
    return one
