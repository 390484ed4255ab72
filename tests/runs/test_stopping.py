import os
import signal

import pytest

from degan_cli.runs.stopping import StopWatch, stopped


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
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


def test_minutes_run_out():
    assert StopWatch(max_minutes=0).due() == 75
    assert StopWatch(max_minutes=60).due() == 0


def test_the_message_says_how_to_go_on():
    error = stopped(75, "step 3 of 9")
    assert error.exit_code == 75
    assert str(error) == "stopped: --max-minutes is over, step 3 of 9; go on with the same command and --resume"
