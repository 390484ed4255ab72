"""kill -9 at a random moment: the old or the new artifact, and a next run that ends as an unbroken one, without litter.

The slow tests kill as often as DEGAN_KILLS says, 200 times by default, over all training commands, and a fifth of that
one or all of two or three processes that share a run.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Process
from pathlib import Path

import pytest
from kills import COMMANDS, start_together
from trust_report import record

KILLS = int(os.environ.get("DEGAN_KILLS", "200"))
SHARED = ("teacher", "dcgan", "zskd", "distill", "online generator", "incremental, enrich", "condense")
"""Commands that several processes share, of each kind one; the batches of compress cannot be divided by three."""
GRACE = 30
"""Seconds that torchrun gives a process to answer SIGTERM."""
OUT = "out.safetensors"
BEFORE = b"an older artifact"


@dataclass(frozen=True)
class Unbroken:
    """What a run makes that nobody kills."""

    artifact: bytes
    names: frozenset[str]
    """Of all files that are left."""
    seconds: float
    """From the moment it holds its run folder."""


def end(folder: Path, command: str, *more: str, processes: int = 1) -> float:
    """Run a command to its end; the seconds since it took its run folder."""
    started = start_together(folder, command, *more, signalled_at=[0] * processes)
    began = wait_for_lock(folder, started)
    for process in started:
        process.join()
    assert not any(process.exitcode for process in started), said(folder)
    return time.monotonic() - began


def said(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("said*")))


def wait_for_lock(folder: Path, processes: Sequence[Process]) -> float:
    while all(process.is_alive() for process in processes) and not (folder / "out.run" / ".lock").exists():
        time.sleep(0.002)
    return time.monotonic()


def unbroken(folder: Path, command: str, processes: int = 1) -> Unbroken:
    prepare(folder)
    seconds = end(folder, command, processes=processes)
    return Unbroken((folder / OUT).read_bytes(), names(folder), seconds)


def prepare(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", folder)


def names(folder: Path) -> frozenset[str]:
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


def strike(processes: Sequence[Process], chance: random.Random) -> None:
    """Kill all of them at once, as a machine that loses its power, or one, after which torchrun ends the others."""
    if chance.random() < 0.5:
        chance.choice(processes).kill()
        time.sleep(0.1 * chance.random())
        for process in processes:
            process.terminate()
            process.join(GRACE)
    for process in processes:
        process.kill()
        process.join()


def kill(folder: Path, command: str, whole: Unbroken, chance: random.Random, processes: int = 1) -> str:
    """One kill, over an older file or none, and what must hold after it; where it struck."""
    prepare(folder)
    over = chance.random() < 0.5
    if over:
        (folder / OUT).write_bytes(BEFORE)
    started = start_together(folder, command, *(["--force"] if over else []), signalled_at=[0] * processes)
    wait_for_lock(folder, started)
    started[0].join(chance.random() * whole.seconds)
    strike(started, chance)
    ended = started[0].exitcode == 0
    assert processes > 1 or started[0].exitcode in (0, -signal.SIGKILL), said(folder)
    artifact = (folder / OUT).read_bytes() if (folder / OUT).exists() else None
    assert artifact in (whole.artifact, BEFORE if over else None)
    begun = any((folder / "out.run").rglob("checkpoint.safetensors"))
    # An older file that is no artifact of this run, and nothing to go on from: such a run begins anew.
    end(folder, command, "--force" if artifact == BEFORE and not begun else "--resume", processes=processes)
    assert (folder / OUT).read_bytes() == whole.artifact
    assert names(folder) == whole.names
    if ended:
        return "after its end"
    return "after the artifact" if artifact == whole.artifact else "after a checkpoint" if begun else "before one"


def kills(folder: Path, each: dict[str, int], processes: int = 1) -> Iterator[tuple[str, str]]:
    """The command and the moment of each kill."""
    for name, times in each.items():
        whole = unbroken(folder / name, COMMANDS[name], processes)
        for number in range(times):
            place = folder / f"{name} {number}"
            yield name, kill(place, COMMANDS[name], whole, random.Random(f"{name} {number}"), processes)
            shutil.rmtree(place)


@pytest.mark.parametrize("name", ["dcgan", "distill"])
def test_a_kill_loses_no_byte(tmp_path, name):
    assert len(list(kills(tmp_path, {name: 1}))) == 1


def test_a_kill_of_two_processes_loses_no_byte(tmp_path):
    assert len(list(kills(tmp_path, {"dcgan": 1}, processes=2))) == 1


def many_kills(folder: Path, wanted: int, commands: Sequence[str], processes: int, row: str) -> None:
    each = {name: wanted // len(commands) + (n < wanted % len(commands)) for n, name in enumerate(commands)}
    moments = Counter[str]()
    for _, moment in kills(folder, each, processes):
        moments[moment] += 1
    assert moments.total() == wanted
    record(row, moments)


@pytest.mark.slow
def test_many_kills_lose_no_byte(tmp_path):
    row = f"kill -9 at a random moment of {len(COMMANDS)} training commands"
    many_kills(tmp_path, KILLS, list(COMMANDS), 1, row)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_many_kills_of_processes_that_share_a_run_lose_no_byte(tmp_path, processes):
    row = f"kill -9 of one or all of {processes} processes of {len(SHARED)} training commands"
    many_kills(tmp_path, KILLS // 10, SHARED, processes, row)
