import os
import signal
import subprocess
import sys

import pytest

from degan_cli.runs import stopping
from degan_cli.runs.stopping import StopWatch, stopped


@pytest.fixture(autouse=True)
def not_ignored():
    """Whoever runs the tests may ignore closed terminals."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_for_a_stop(number, code):
    before = signal.getsignal(number)
    with StopWatch() as watch:
        assert watch.due() == 0
        os.kill(os.getpid(), number)
        assert watch.due() == code
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_ends_at_once():
    with StopWatch():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_closed_terminal_may_say_so_twice():
    """Once by the shell that it ends, once by the system."""
    with StopWatch() as watch:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert watch.due() == 129


def test_what_nohup_started_ignores_a_closed_terminal():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopWatch() as watch:
        os.kill(os.getpid(), signal.SIGHUP)
        assert watch.due() == 0
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_minutes_run_out():
    assert StopWatch(max_minutes=0).due() == 75
    assert StopWatch(max_minutes=60).due() == 0


def test_the_message_says_how_to_go_on():
    error = stopped(75, "step 3 of 9")
    assert error.exit_code == 75
    assert str(error) == "stopped: --max-minutes is over, step 3 of 9; go on with the same command and --resume"


def test_checkpoints_come_as_often_as_is_said(monkeypatch):
    now = 50.0
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now)
    watch = StopWatch(checkpoint_seconds=20)
    now = 69.0
    assert not watch.save_due()
    now = 70.0
    assert watch.save_due()
    assert not watch.save_due()
    now = 90.0
    assert watch.save_due()


def test_a_run_that_is_killed_goes_on_from_its_last_checkpoint(tmp_path):
    command = [sys.executable, "-m", "degan_cli", "teacher", "--dataset", "digits", "--arch", "lenet", "--epochs", "5"]
    whole = [*command, "-o", "whole.safetensors"]
    often = [*command, "-o", "often.safetensors", "--checkpoint-every", "0", "--resume"]
    subprocess.run(whole, cwd=tmp_path, check=True, capture_output=True)
    running = subprocess.Popen(often, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    for line in running.stderr:
        if "epoch 3" in line:  # the checkpoints of two epochs are written
            running.kill()
            break
    running.communicate()
    assert list((tmp_path / "often.run").glob("checkpoint*"))
    subprocess.run(often, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "often.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
