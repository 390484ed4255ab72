"""What a Ray worker does with a command, without Ray."""

import os

import pytest

from degan_cli.sweep import on_ray


def test_a_command_ends_with_its_node(tmp_path, monkeypatch):
    """Else the same part, started again elsewhere, finds its run folder locked."""
    monkeypatch.setattr(on_ray, "LOOK_SECONDS", 0.01)
    node = iter([5])
    monkeypatch.setattr(os, "getppid", lambda: next(node, 1 if (tmp_path / "began").is_symlink() else 5))
    command = ["-c", "import os, signal; os.symlink(str(os.getpid()), 'began'); signal.pause()"]

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(SystemExit):  # and without a result, which would be that of a part that failed
        on_ray.run_command(command, str(tmp_path), {}, str(tmp_path / "log"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(os.readlink(tmp_path / "began")), 0)


def test_a_command_gives_code_result_and_log(tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "LOOK_SECONDS", 0.01)
    command = ["-c", "import sys; print('result'); sys.stdout.flush(); sys.exit('said')"]
    assert on_ray.run_command(command, str(tmp_path), {}, str(tmp_path / "log")) == (1, b"result\n")
    assert (tmp_path / "log").read_text() == "said\n"
