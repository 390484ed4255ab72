"""SIGTERM or SIGHUP to a training command: the step that it meets is the last, a checkpoint is
written, and the run goes on.

The slow test sends as many signals as DEGAN_SIGNALS says, 60 by default, over all training commands.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from kills import COMMANDS, MARK, start, start_together
from trust_report import record


def ended(
    folder: Path, name: str, *more: str, signalled_at: int = 0, by: signal.Signals = signal.SIGTERM
) -> tuple[int | None, str]:
    """The exit code of a command in ``folder``, which is made where it is not there, and what it said."""
    if not folder.exists():
        folder.mkdir()
        shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", folder)
    process = start(folder, COMMANDS[name], *more, signalled_at=signalled_at, by=by)
    process.join()
    return process.exitcode, (folder / "said").read_text()


def whole(folder: Path, name: str) -> bytes:
    """What the command makes that nobody stops."""
    code, said = ended(folder, name)
    assert code == 0, said
    return (folder / "out.safetensors").read_bytes()


def stop(folder: Path, name: str, at: int, wanted: bytes, by: signal.Signals = signal.SIGTERM) -> None:
    """A signal in step ``at``, and what must hold after it."""
    code, said = ended(folder, name, signalled_at=at, by=by)
    assert code == 128 + by, said
    assert f"degan: error: stopped: {by.name}" in said
    assert said.count(MARK) == at
    assert any((folder / "out.run").rglob("checkpoint.safetensors"))
    code, said = ended(folder, name, "--resume")
    assert code == 0, said
    assert (folder / "out.safetensors").read_bytes() == wanted


@pytest.mark.parametrize(("name", "by"), [("zskd", signal.SIGTERM), ("distill", signal.SIGHUP)])
def test_the_step_that_a_signal_meets_is_the_last(tmp_path, name, by):
    stop(tmp_path / "stopped", name, 2, whole(tmp_path / "whole", name), by)


@pytest.mark.parametrize("met", [(0, 2), (2, 0), (2, 2)], ids=["by the second", "by the first", "by both"])
def test_processes_that_share_a_run_stop_in_the_same_step(tmp_path, met):
    """torchrun passes a signal on to each in turn: the others may be a step ahead when one meets it."""
    command = COMMANDS["dcgan"]

    def run(folder: Path, at: Sequence[int], *more: str) -> list[int | None]:
        if not folder.exists():
            folder.mkdir()
            shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", folder)
        processes = start_together(folder, command, *more, signalled_at=at)
        for process in processes:
            process.join()
        return [process.exitcode for process in processes]

    assert run(tmp_path / "whole", (0, 0)) == [0, 0]
    stopped = tmp_path / "stopped"
    assert run(stopped, met) == [143, 143]
    assert "stopped: SIGTERM" in (stopped / "said").read_text()
    assert (stopped / "out.run" / "checkpoint.safetensors").exists()
    assert run(stopped, (0, 0), "--resume") == [0, 0]
    assert (stopped / "out.safetensors").read_bytes() == (tmp_path / "whole" / "out.safetensors").read_bytes()


@pytest.mark.slow
def test_many_signals_are_answered_within_a_step(tmp_path):
    signals = int(os.environ.get("DEGAN_SIGNALS", "60"))
    wanted = {name: whole(tmp_path / name, name) for name in COMMANDS}
    for number in range(signals):
        name = list(COMMANDS)[number % len(COMMANDS)]
        at = 1 + number // len(COMMANDS) % 5
        stop(tmp_path / f"{name} {number}", name, at, wanted[name])
    outcome = "checkpoint within the step, and the same bytes after --resume"
    record(f"SIGTERM at a step of {len(COMMANDS)} training commands", {outcome: signals})
