"""Progress where there is no terminal: a line now and then, never when quiet."""

from __future__ import annotations

import pytest

from degan_cli.runs import report as module
from degan_cli.runs.report import Report


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module.time, "monotonic", made.monotonic)
    return made


def test_a_silent_run_says_how_far_it_is_every_ten_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Report("enrich", 5000, None) as report:
        report.resume_at(1200)
        for _ in range(30):
            clock.now += 1
            report.advance(64)
    assert capsys.readouterr().err.splitlines() == [
        "enrich: step 1,211 of 5,000  64 images/s",
        "enrich: step 1,222 of 5,000  64 images/s",
    ]


def test_a_row_puts_the_next_line_off(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Report("distill", None, None) as report:
        for step in range(1, 20):
            clock.now += 1
            report.advance(32)
            if step == 9:
                report.row(9, {"loss": 1.0}, "epoch 1  loss 1.0")
    assert capsys.readouterr().err.splitlines() == ["epoch 1  loss 1.0  32 images/s"]


def test_a_quiet_run_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Report("enrich", 10, None, quiet=True) as report:
        clock.now += 60
        report.advance(64)
    assert capsys.readouterr().err == ""
