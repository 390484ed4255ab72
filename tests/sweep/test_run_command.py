"""What a Ray worker does with a command, without Ray."""

import os
import signal

from degan_cli.sweep import on_ray


def test_a_command_ends_with_its_node(tmp_path, monkeypatch):
    """Else the same part, started again elsewhere, finds its run folder locked."""
    monkeypatch.setattr(on_ray, "LOOK_SECONDS", 0.01)
    parents = iter([5, 5, 5])
    monkeypatch.setattr(os, "getppid", lambda: next(parents, 1))
    command = ["-c", "import signal; print('began', flush=True); signal.pause()"]
    code, _ = on_ray.run_command(command, str(tmp_path), {}, str(tmp_path / "log"))
    assert code == -signal.SIGKILL


def test_a_command_gives_code_result_and_log(tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "LOOK_SECONDS", 0.01)
    command = ["-c", "import sys; print('result'); sys.stdout.flush(); sys.exit('said')"]
    assert on_ray.run_command(command, str(tmp_path), {}, str(tmp_path / "log")) == (1, b"result\n")
    assert (tmp_path / "log").read_text() == "said\n"
