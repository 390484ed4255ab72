"""The how-to pages under docs/: their commands run as they stand, in this order, but for shorter trainings."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from degan_cli.app import run

DOCS = Path(__file__).parent.parent / "docs"
SHORTER = {
    "teacher": ["--epochs", "2"],
    "enrich": ["--steps", "8", "--batch-size", "8", "--width", "4"],
    "incremental": ["--epochs", "2"],
    "compress": ["--budget", "5s"],
    "sample": ["-n", "20"],
}
"""Options that come after the page's own, which they replace."""
FEW_IMAGES = ["--steps", "8", "-n", "8"]
"""Of ``enrich`` where it makes no generator."""
SHORTER_SWEEP = {"epochs = 20": "epochs = 2", "steps = 800": "steps = 8", "epochs = 40": "epochs = 1"}
SHORTER_SWEEP |= {"steps_per_epoch = 64": "steps_per_epoch = 2", "batch_size = 64": "batch_size = 8"}
UNBALANCED = ("--balanced",)
"""A generator of a few updates has not got every class."""


def commands(page: str) -> list[list[str]]:
    """The page's commands for a shell, in order."""
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    return [shlex.split(line) for line in blocks.replace("\\\n", " ").splitlines()]


def call(words: list[str]) -> int:
    """Run one of them in this process, with the shorter lengths."""
    program, command, *arguments = words
    assert program == "degan"
    kept = [argument for argument in arguments if argument not in UNBALANCED]
    shorter = FEW_IMAGES if "zskd" in arguments else SHORTER.get(command, [])
    return run([command, *kept, *shorter, *([] if "--dry-run" in kept else ["-q"])])


@pytest.mark.parametrize("name", ["compress", "extend", "inspect"])
def test_the_commands_of_a_page_run_one_after_the_other(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = commands((DOCS / f"{name}.md").read_text())
    assert len(page) >= 5
    for words in page:
        assert call(words) == 0, words


@pytest.mark.slow  # eleven commands, each a process of its own
def test_the_comparison_makes_two_cases_and_compares_two_students(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "compare.md").read_text()
    (sweep,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for words, fewer in SHORTER_SWEEP.items():
        assert words in sweep
        sweep = sweep.replace(words, fewer)
    Path("compare.toml").write_text(sweep)
    dry, real, *comparisons = commands(page)
    assert call(dry) == 0
    assert call(real) == 0
    assert (tmp_path / "compared" / "results.json").exists()
    students = sorted((tmp_path / "compared").rglob("student-*.safetensors"))
    (teacher,) = (tmp_path / "compared").rglob("teacher-*.safetensors")
    assert len(students) == 4
    shutil.copy(teacher, "t.safetensors")
    for source, name in zip(students, ("one", "two"), strict=False):
        shutil.copy(source, f"{name}.safetensors")
    for words in comparisons:
        assert call(words) == 0, words
    assert Path("students.html").exists()


def test_a_run_of_two_processes_and_one_for_a_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    teacher, together, queued = commands((DOCS / "cluster.md").read_text())
    assert call(teacher) == 0
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*together, "--steps", "4", "--width", "4", "--batch-size", "8", "-q"],
        env=os.environ | {"PATH": programs, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "g.safetensors\n"
    assert call(queued) == 0
