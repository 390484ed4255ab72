"""``--log``: the numbers of ``metrics.jsonl`` as a table and as TensorBoard's event files."""

from __future__ import annotations

import csv
import errno
import json
import os
import sys
import threading

import pytest

from degan_cli.app import run
from degan_cli.errors import Unwritable
from degan_cli.runs import metrics_log
from degan_cli.runs.metrics_log import numbers
from degan_cli.runs.report import Report

TEACHER = "teacher --dataset digits:0-1 --arch lenet --epochs 2 --batch-size 64 --device cpu -q -o t.safetensors"


def table(folder):
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def report(folder, log, resumed_at=None):
    made = Report("t", 9, folder, quiet=True, log=log)
    if resumed_at is not None:
        made.resume_at(resumed_at)
    return made


def test_tables_in_a_row_become_columns_and_words_do_not():
    row = {"step": 3, "class_counts": {"a, b": 1, "c": 2}, "loss": 0.5, "good": True, "time": "now"}
    assert numbers(row) == {"step": 3, "class_counts/a, b": 1, "class_counts/c": 2, "loss": 0.5}


def test_the_table_holds_the_rows_of_the_run(tmp_path):
    with report(tmp_path, "csv") as made:
        made.row(1, {"loss": 0.5, "class_counts": {'a "b", c': 7}})
        made.row(2, {"loss": 0.25, "class_counts": {'a "b", c': 8}, "late": 1})
    rows = table(tmp_path)
    assert [(row["step"], row["loss"], row['class_counts/a "b", c'], row["late"]) for row in rows] == [
        ("1", "0.5", "7", ""),
        ("2", "0.25", "8", "1"),
    ]


def test_a_resumed_run_forgets_the_rows_after_its_checkpoint_in_both(tmp_path):
    with report(tmp_path, "csv") as made:
        for step in (1, 2, 3):
            made.row(step, {"loss": step})
    with report(tmp_path, "csv", resumed_at=1) as made:
        made.row(2, {"loss": 20})
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(int(row["step"]), int(row["loss"])) for row in table(tmp_path)] == [(1, 1), (2, 20)]
    assert [(line["step"], line["loss"]) for line in lines] == [(1, 1), (2, 20)]


def test_without_the_option_there_is_no_table(tmp_path):
    with report(tmp_path, None) as made:
        made.row(1, {"loss": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_tensorboard_reads_the_scalars_of_a_run_and_none_that_a_resumption_took_back(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with report(tmp_path, "tensorboard") as made:
        for step in (1, 2, 3):
            made.row(step, {"loss": step / 2, "class_counts": {"cat": step}})
    with report(tmp_path, "tensorboard", resumed_at=1) as made:
        made.row(2, {"loss": 5.0})
    found = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 0.5), (2, 5.0)]
    assert [(event.step, event.value) for event in found.Scalars("class_counts/cat")] == [(1, 1.0)]


def test_a_run_writes_its_table_beside_its_metrics_and_force_begins_it_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--force"]):
        assert run([*TEACHER.split(), "--log", "csv", *more]) == 0
        lines = (tmp_path / "t.run" / "metrics.jsonl").read_text().splitlines()
        assert [row["loss"] for row in table(tmp_path / "t.run")] == [str(json.loads(line)["loss"]) for line in lines]


def test_a_missing_package_is_told_before_anything_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(metrics_log, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert run([*TEACHER.split(), "--log", "tensorboard"]) == 4
    assert "pip install 'degan-cli[tensorboard]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_names_the_events_and_shows_no_traceback_of_tensorboards_thread(tmp_path, monkeypatch, capsys):
    events = pytest.importorskip("tensorboard.summary.writer.record_writer")

    hook = threading.excepthook

    def full(writer, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    told = pytest.raises(Unwritable, match="cannot be written: No space left on device")
    with told, report(tmp_path, "tensorboard") as made:
        made.row(1, {"loss": 1.0})
        monkeypatch.setattr(events.RecordWriter, "write", full)
        made.row(2, {"loss": 1.0})
    assert threading.excepthook is hook
    assert "Traceback" not in capsys.readouterr().err
