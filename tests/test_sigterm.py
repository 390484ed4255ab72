"""SIGTERM to a training command: the step that it meets is the last, a checkpoint is written, and the run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kills import COMMANDS, MARK, start

QUICK = ("zskd", "distill")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in COMMANDS]
)
def test_the_step_that_a_signal_meets_is_the_last(tmp_path, name):
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", tmp_path)
    stopped = start(tmp_path, COMMANDS[name], signalled_at=2)
    stopped.join()
    said = (tmp_path / "said").read_text()
    assert stopped.exitcode == 143, said
    assert "degan: error: stopped: SIGTERM" in said
    assert said.count(MARK) == 2
    assert any((tmp_path / "out.run").rglob("checkpoint.safetensors"))
    whole = start(tmp_path, COMMANDS[name], "--resume")
    whole.join()
    assert whole.exitcode == 0, (tmp_path / "said").read_text()
