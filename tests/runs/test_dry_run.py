"""The rehearsal of a dry run: real steps on a clock that the test turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from degan_cli.runs import dry_run
from degan_cli.runs.output import Output
from degan_cli.runs.stopping import stopped


def loop(steps: int):
    """Takes its steps until the watch says so, as loops do."""
    taken: list[int] = []

    def train(checkpoint, report, watch) -> None:
        assert not checkpoint.exists()
        for step in range(1, steps + 1):
            taken.append(step)
            report.advance(1)
            report.row(step, {"loss": 1.0})
            if code := watch.due():
                checkpoint.save({}, {}, {})
                raise stopped(code, "here")

    return train, taken


@pytest.mark.parametrize(
    ("steps", "taken", "seconds"),
    [(1, 1, 100.0), (2, 2, 7.0), (3, 3, 6.0), (50, 3, 6.0)],
)
def test_two_steps_are_timed_after_one_to_warm_up(tmp_path, engine, monkeypatch, steps, taken, seconds) -> None:
    """The first step takes 100 seconds, the second 7, the third 5."""
    clock = iter((0.0, 100.0, 107.0, 112.0))
    monkeypatch.setattr(dry_run.time, "perf_counter", lambda: next(clock))
    train, done = loop(steps)
    output = Output(path=tmp_path / "x.safetensors", folder=tmp_path / "x.run")
    timing = dry_run.rehearse(train, 1000, "teacher", output, engine)
    assert done == list(range(1, taken + 1))
    assert (timing["seconds_per_step"], timing["steps"]) == (seconds, 1000)
    assert timing["seconds"] == 100.0 + 999 * seconds
    assert timing["peak_memory_bytes"]["host"] > 2**20
    assert list(tmp_path.iterdir()) == []


def test_reading_and_looks_count_too(tmp_path, engine, monkeypatch) -> None:
    """Steps of 7 and 5 seconds after the first; then a look of 20, of which the run has ten, and 30 seconds before."""
    clock = iter((0.0, 100.0, 107.0, 112.0, 132.0))
    monkeypatch.setattr(dry_run.time, "perf_counter", lambda: next(clock))
    train, _ = loop(dry_run.REHEARSED)
    output = Output(path=tmp_path / "x.safetensors", folder=tmp_path / "x.run")
    timing = dry_run.rehearse(train, 1000, "distill", output, engine, looks=10, start_seconds=30.0)
    assert (timing["start_seconds"], timing["look_seconds"], timing["looks"]) == (30.0 + 94.0, 20.0, 10)
    assert timing["seconds"] == 30.0 + 100.0 + 999 * 6.0 + 10 * 20.0


def test_what_goes_wrong_in_a_step_is_told(tmp_path, engine) -> None:
    def train(*_) -> None:
        raise ValueError("as in the run itself")

    output = Output(path=Path("x"), folder=tmp_path)
    with pytest.raises(ValueError, match="as in the run itself"):
        dry_run.rehearse(train, 3, "teacher", output, engine)
