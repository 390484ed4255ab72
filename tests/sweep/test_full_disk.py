"""A part whose disk is full: the sweep makes the rest and says what is missing; with room it makes only that."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from digits_sweep import digits_sweep
from full_disk import mounted

from degan_cli.errors import Unwritable

FILE = digits_sweep(seeds=1)
SWEEP = [sys.executable, "-m", "degan_cli", "sweep", "s.toml", "-q"]
ON_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an extra: pip install 'degan-cli[ray]'")


@pytest.mark.parametrize("executor", ["local", pytest.param("ray", marks=[pytest.mark.slow, ON_RAY])])
def test_a_full_disk_costs_one_part_and_what_needs_it(tmp_path, monkeypatch, executor):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what the bytes depend on
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "s.toml").write_text(FILE)
    subprocess.run([*SWEEP, "--jobs", "2"], cwd=here, check=True)
    whole = json.loads((here / "s.sweep" / "results.json").read_text())
    student = next(path.stem for path in sorted((here / "s.sweep" / "parts").glob("*distill*.safetensors")))

    sweep = [*SWEEP, "--jobs", "2", "--executor", executor]
    run_folder = there / "s.sweep" / "parts" / f"{student}.run"
    run_folder.mkdir(parents=True)
    with mounted(run_folder) as disk, disk.with_room(0):
        done = subprocess.run(sweep, cwd=there, capture_output=True, text=True, check=False)
    assert done.returncode == Unwritable.exit_code
    made = json.loads((there / "s.sweep" / "results.json").read_text())
    assert [(failure["part"], failure["exit_code"]) for failure in made["failed"]] == [(student, Unwritable.exit_code)]
    assert len(made["missing"]) == 2  # the student, and its evaluation
    assert "No space left on device" in (there / made["failed"][0]["log"]).read_text()
    kept = {path.name: os.stat(path).st_mtime_ns for path in (there / "s.sweep" / "parts").glob("*.safetensors")}
    assert len(kept) == 2

    subprocess.run(sweep, cwd=there, check=True)
    assert json.loads((there / "s.sweep" / "results.json").read_text()) == whole
    assert {name: os.stat(there / "s.sweep" / "parts" / name).st_mtime_ns for name in kept} == kept
