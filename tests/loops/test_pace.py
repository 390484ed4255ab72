"""How long a pace is timed, by a clock that only the work itself moves."""

from __future__ import annotations

import pytest

from degan_cli.loops import pace


@pytest.mark.parametrize(
    ("each", "calls"),
    [pytest.param(1 / 64, 32, id="small-until-long-enough"), pytest.param(2.0, 8, id="large-often-enough")],
)
def test_small_work_is_timed_for_half_a_second_and_large_work_eight_times(monkeypatch, each, calls):
    clock = [0.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: clock[0])

    def work() -> None:
        clock[0] += each

    assert pace._seconds(work, pace.TIMED, pace.LONG_ENOUGH) == pytest.approx(each)
    assert clock[0] == pytest.approx(calls * each)
