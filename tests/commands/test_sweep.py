"""``degan sweep``: the table, faults and going on with commands that are played, and one pipeline in earnest."""

import contextlib
import io
import json
import re
import shlex
import statistics
import subprocess
from pathlib import Path

import pytest
from digits_sweep import digits_sweep

from degan_cli.app import run
from degan_cli.paper import run as parts
from degan_cli.sweep import estimate, local

DOCS = Path(__file__).parents[2] / "docs"
FILE = digits_sweep()


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(parts, "POLL_SECONDS", 0)
    Path("s.toml").write_text(FILE)
    return Path("s.toml")


@pytest.fixture
def play(monkeypatch):
    """Commands whose results are made up: ``codes`` says which fail, by options that their command lines all have."""
    played, codes = [], {}

    class Process:
        def __init__(self, command, stdout, stderr, env):
            line = shlex.join(command[3:])
            played.append(line)
            self.returncode = next((code for words, code in codes.items() if all(word in line for word in words)), 0)
            stderr.write(b"what it said\n")
            if self.returncode:
                return
            if command[3] == "eval":
                seed = int(command[command.index("--seed") + 1])
                stdout.write(json.dumps({"metrics": {"accuracy": 0.5 + seed / 10, "images": 9}}).encode())
            else:
                Path(command[command.index("--output") + 1]).touch()
                stdout.write(b'{"peak_memory_bytes": {"host": 7}}')

        def poll(self):
            return self.returncode

    monkeypatch.setattr(local, "Popen", Process)
    return played, codes


def results():
    return json.loads(Path("s.sweep/results.json").read_text())


def test_a_row_has_mean_and_spread_over_its_seeds(file, play, capsys):
    assert run(["sweep", "s.toml", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == results()
    assert [row["values"] for row in found["results"]] == [{"distill.temperature": 1.0}, {"distill.temperature": 4.0}]
    for row in found["results"]:
        assert [case["seeds"]["seed"] for case in row["cases"]] == [0, 1, 2]
        assert row["mean"]["accuracy"] == pytest.approx(0.6)
        assert row["spread"]["accuracy"] == pytest.approx(statistics.stdev([0.5, 0.6, 0.7]))
    assert (found["failed"], found["missing"]) == ([], [])
    played, _ = play
    assert len(played) == len(set(played)) == 13
    assert run(["sweep", "s.toml"]) == 0
    told = capsys.readouterr()
    assert len(played) == 13
    assert re.search(r"4\.0 +│ +0\.6 ± 0\.1 +│ +3", told.out)
    assert "images" not in told.out
    assert "next: degan report s.sweep/parts/distill-" in told.err
    for student in Path("s.sweep/parts").glob("distill-*.safetensors"):
        student.unlink()
    assert run(["sweep", "s.toml", "-q"]) == 0
    assert (results()["missing"], len(played)) == ([], 13)  # what was made of them is there


@pytest.mark.parametrize("killed", [False, True])
def test_a_failed_part_is_listed_the_rest_is_made_and_the_same_command_goes_on(file, play, capsys, killed):
    played, codes = play
    codes["--temperature 4", "--seed 1"] = -9 if killed else 5
    code = 137 if killed else 5
    assert run(["sweep", "s.toml", "-q"]) == code
    told = capsys.readouterr()
    (failed,) = results()["failed"]
    assert failed["exit_code"] == code
    assert Path(failed["log"]).read_text() == "what it said\n"
    assert f"failed: {failed['part']}, exit code {code}, see {failed['log']}" in told.err
    assert (f"{failed['log']}: what it said" in told.err) == (not killed)
    assert [name.partition("-")[0] for name in results()["missing"]] == ["distill", "eval"]
    assert "2 of 3, the rest is missing" in told.out
    before = len(played)
    codes.clear()
    assert run(["sweep", "s.toml", "-q"]) == 0
    assert [line.split()[0] for line in played[before:]] == ["distill", "eval"]
    assert results()["missing"] == []


def test_the_first_step_fails_and_everything_is_missing(file, play, capsys):
    _, codes = play
    codes[("--dataset digits",)] = 3
    assert run(["sweep", "s.toml", "-q"]) == 3
    assert "missing" in capsys.readouterr().out
    assert len(results()["missing"]) == 13


def test_slurm_gets_a_script_a_level_and_nothing_is_submitted(file, play, capsys):
    Path("s.toml").write_text(FILE + '[slurm]\npartition = "long"\n')
    assert run(["sweep", "s.toml", "--executor", "slurm", "--jobs", "4", "-q"]) == 0
    played, _ = play
    assert played == []
    folder = Path("s.sweep/slurm")
    assert sorted(path.name for path in folder.iterdir()) == [
        "collect.sh", "level-1.sh", "level-2.sh", "level-3.sh", "submit.sh",
    ]  # fmt: skip
    students = (folder / "level-2.sh").read_text()
    assert "#SBATCH --array=0-5%4\n#SBATCH --partition=long\n" in students
    assert len(re.findall(r"^  \d\) run distill-\w+ 0 \S+ -m degan_cli distill .*--resume.* ;;$", students, re.M)) == 6
    assert "degan_cli sweep s.toml --executor slurm" in (folder / "collect.sh").read_text()
    submit = (folder / "submit.sh").read_text().splitlines()
    assert [line for line in submit if "sbatch" in line] == [
        "job=$(sbatch --parsable level-1.sh)",
        'job=$(sbatch --parsable --dependency=afterany:"$job" level-2.sh)',
        'job=$(sbatch --parsable --dependency=afterany:"$job" level-3.sh)',
        'sbatch --dependency=afterany:"$job" collect.sh',
    ]


def test_a_slurm_script_keeps_result_log_and_exit_code(file, play, capsys):
    assert run(["sweep", "s.toml", "--executor", "slurm", "-q"]) == 0
    script = Path("s.sweep/slurm/level-3.sh").read_text()
    name, command = re.search(r"  0\) run (\S+) 1 (\S+ -m degan_cli .*) ;;", script).groups()

    def played(what):
        Path("try.sh").write_text(script.replace(command, f"bash -c {shlex.quote(what)}"))
        return subprocess.run(["bash", "try.sh"], env={"SLURM_ARRAY_TASK_ID": "0", "PATH": "/bin:/usr/bin"}).returncode

    assert played("echo oh >&2; exit 4") == 4
    assert run(["sweep", "s.toml", "--executor", "slurm", "-q"]) == 4
    assert [(failed["part"], failed["exit_code"]) for failed in results()["failed"]] == [(name, 4)]
    assert Path(f"s.sweep/parts/{name}.log").read_text() == "oh\n"
    assert played('echo \'{"metrics": {"accuracy": 0.25}}\'') == 0
    assert run(["sweep", "s.toml", "--executor", "slurm", "-q"]) == 0
    assert results()["results"][0]["mean"] == {"accuracy": 0.25}


def test_a_mistake_in_the_file_is_one_line(file, capsys):
    file.write_text(FILE.replace('command = "teacher"', 'command = "teach"'))
    assert run(["sweep", "s.toml"]) == 2
    assert "degan: error: s.toml: [[step]] 1 command = 'teach' is none of: teacher" in capsys.readouterr().err


def test_the_example_of_the_docs_is_as_large_as_they_say(file, play, capsys):
    (example,) = re.findall(r"```toml\n(.*?)```", (DOCS / "sweep.md").read_text(), re.DOTALL)
    file.write_text(example)
    assert run(["sweep", "s.toml", "--json", "-q"]) == 0
    played, _ = play
    assert (len(results()["results"]), len(played)) == (4, 31)
    assert "4 rows" in (DOCS / "sweep.md").read_text()
    assert "31 parts" in (DOCS / "sweep.md").read_text()


@pytest.fixture
def in_process(monkeypatch):
    """Commands run in this process, which saves seconds each."""

    def call(command, **_):
        printed, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
            code = run(command[3:])
        return subprocess.CompletedProcess(command, code, printed.getvalue(), said.getvalue())

    class Process:
        def __init__(self, command, stdout, stderr, env):
            done = call(command)
            stdout.write(done.stdout.encode())
            self.returncode = done.returncode

        def poll(self):
            return self.returncode

    monkeypatch.setattr(local, "Popen", Process)
    monkeypatch.setattr(estimate.subprocess, "run", call)


def test_in_earnest_a_small_sweep_is_estimated_and_made(file, in_process, capsys):
    file.write_text(FILE.replace("[1, 4]", "[4]").replace("[0, 1, 2]", "[0, 1]"))
    assert run(["sweep", "s.toml", "--dry-run", "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cases"], told["parts"], told["unshared"]) == (2, 5, 6)
    assert [(kind["step"], kind["parts"], kind["source"]) for kind in told["kinds"]] == [
        ("teacher", 1, "measured"), ("distill", 2, "measured"), ("eval", 2, "measured"),
    ]  # fmt: skip
    assert all(kind["seconds"] > 0 for kind in told["kinds"])
    assert told["seconds"]["1"] > told["seconds"]["8"] == told["seconds"]["longest_chain"]
    assert not Path("s.sweep").exists()
    assert run(["sweep", "s.toml", "-q"]) == 0
    (row,) = results()["results"]
    assert 0 < row["mean"]["accuracy"] < 1
    assert "accuracy" in row["spread"]
