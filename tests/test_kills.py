"""kill -9 at a random moment: the old or the new artifact, and a next run that ends as an unbroken one, without litter.

The slow test kills as often as DEGAN_KILLS says, 200 times by default, over all training commands.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kills import COMMANDS, start
from trust_report import record

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


def end(folder: Path, command: str, *more: str) -> float:
    """Run a command to its end; the seconds since it took its run folder."""
    process = start(folder, command, *more)
    began = wait_for_lock(folder, process)
    process.join()
    assert process.exitcode == 0, (folder / "said").read_text()
    return time.monotonic() - began


def wait_for_lock(folder: Path, process) -> float:
    while process.is_alive() and not (folder / "out.run" / ".lock").exists():
        time.sleep(0.002)
    return time.monotonic()


def unbroken(folder: Path, command: str) -> Unbroken:
    prepare(folder)
    seconds = end(folder, command)
    return Unbroken((folder / OUT).read_bytes(), names(folder), seconds)


def prepare(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", folder)


def names(folder: Path) -> frozenset[str]:
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


def kill(folder: Path, command: str, whole: Unbroken, chance: random.Random) -> str:
    """One kill, over an older file or none, and what must hold after it; where it struck."""
    prepare(folder)
    over = chance.random() < 0.5
    if over:
        (folder / OUT).write_bytes(BEFORE)
    process = start(folder, command, *(["--force"] if over else []))
    wait_for_lock(folder, process)
    process.join(chance.random() * whole.seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), (folder / "said").read_text()
    artifact = (folder / OUT).read_bytes() if (folder / OUT).exists() else None
    assert artifact in (whole.artifact, BEFORE if over else None)
    begun = any((folder / "out.run").rglob("checkpoint.safetensors"))
    # An older file that is no artifact of this run, and nothing to go on from: such a run begins anew.
    end(folder, command, "--force" if artifact == BEFORE and not begun else "--resume")
    assert (folder / OUT).read_bytes() == whole.artifact
    assert names(folder) == whole.names
    if process.exitcode == 0:
        return "after its end"
    return "after the artifact" if artifact == whole.artifact else "after a checkpoint" if begun else "before one"


def kills(folder: Path, each: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The command and the moment of each kill."""
    for name, times in each.items():
        whole = unbroken(folder / name, COMMANDS[name])
        for number in range(times):
            place = folder / f"{name} {number}"
            yield name, kill(place, COMMANDS[name], whole, random.Random(f"{name} {number}"))
            shutil.rmtree(place)


@pytest.mark.parametrize("name", ["dcgan", "distill"])
def test_a_kill_loses_no_byte(tmp_path, name):
    assert len(list(kills(tmp_path, {name: 1}))) == 1


@pytest.mark.slow
def test_many_kills_lose_no_byte(tmp_path):
    wanted = int(os.environ.get("DEGAN_KILLS", "200"))
    each = {name: wanted // len(COMMANDS) + (n < wanted % len(COMMANDS)) for n, name in enumerate(COMMANDS)}
    moments = Counter[str]()
    for _, moment in kills(tmp_path, each):
        moments[moment] += 1
    assert moments.total() == wanted
    record(f"kill -9 at a random moment of {len(COMMANDS)} training commands", moments)
