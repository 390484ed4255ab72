"""The standard streams closed, full or broken, as the executable meets them: they neither end a run nor corrupt one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from streams_of import BROKEN, CLOSED, FULL, UNREADABLE, Ended, degan

from degan_cli.app import run

GOLDEN = Path(__file__).parent / "golden"
TRAIN = "teacher --dataset digits:0-2 --arch lenet --epochs 1 --batch-size 256 --device cpu -q"
EVAL = "eval old.safetensors --dataset digits:0-4 --device cpu -q"
FULL_LINE = "degan: error: stdout: cannot be written: No space left on device; send it elsewhere\n"
CHECKPOINT = "digits-0-2-lenet-stdout.run/checkpoint.safetensors"
pytestmark = pytest.mark.skipif(not Path(FULL).exists(), reason="streams of Linux")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(GOLDEN / "old.safetensors", tmp_path)
    return tmp_path


def call(arguments: str, **streams: str) -> Ended:
    return degan(Path.cwd(), arguments.split(), **streams)


@pytest.mark.parametrize(
    "streams",
    [
        {"stderr": CLOSED},
        {"stderr": FULL},
        {"stderr": BROKEN},
        {"stdout": CLOSED},
        {"stdout": BROKEN},
        {"stdin": CLOSED, "stdout": CLOSED, "stderr": CLOSED},
    ],
)
def test_a_run_ends_as_ever_whatever_becomes_of_its_words(here: Path, streams: dict[str, str]):
    """Were a closed stream's number given to a file that is opened later, the words would be in there."""
    assert call(f"{TRAIN} -o a.safetensors").code == 0
    loud = TRAIN.removesuffix(" -q")
    done = call(f"{loud} -o b.safetensors --log csv", **streams)
    assert done.code == 0
    assert done.out == (b"" if "stdout" in streams else b"b.safetensors\n")
    assert (here / "a.safetensors").read_bytes() == (here / "b.safetensors").read_bytes()
    assert (here / "b.run" / ".lock").read_bytes() == b""
    assert all(json.loads(row)["step"] for row in (here / "b.run" / "metrics.jsonl").read_text().splitlines())
    assert {path.name for path in here.iterdir()} == {
        *("a.run", "a.safetensors", "b.run", "b.safetensors", "old.safetensors")
    }


def test_the_installed_command_takes_closed_streams():
    """By a shell, as the helper above only plays it."""
    command = (
        f"'{sys.executable}' -m degan_cli list nonsense 2>&-; echo $?; '{sys.executable}' -m degan_cli list gans >&-"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


@pytest.mark.parametrize("arguments", [EVAL, "list gans", "--help", "--version", f"{EVAL} --predictions -"])
def test_a_reader_of_stdout_that_has_gone_is_no_error(arguments: str):
    done = call(arguments, stdout=BROKEN)
    assert done.code == 0
    assert "rror" not in done.err.replace("calibration error", "")


def test_the_exit_code_is_that_of_the_work_when_nobody_reads(here: Path):
    assert call("list gans", stderr=BROKEN).code == 0
    assert call("list nonsense", stderr=BROKEN).code == 2
    (here / "old.safetensors").write_bytes(b"damaged")
    assert call("verify old.safetensors", stdout=BROKEN).code == 3


@pytest.mark.parametrize("arguments", ["list gans", "--help", "--version", EVAL, f"{EVAL} --predictions -"])
def test_a_full_stdout_is_one_line_and_exit_1(arguments: str):
    done = call(arguments, stdout=FULL)
    assert done.code == 1
    assert done.err.endswith(FULL_LINE)
    assert "Traceback" not in done.err


def test_a_result_that_stdout_cannot_take_is_there_all_the_same():
    done = call(f"{TRAIN} -o a.safetensors", stdout=FULL)
    assert (done.code, done.err) == (1, f"degan: error: a.safetensors is made, but {FULL_LINE[14:]}")
    assert run(["verify", "a.safetensors"]) == 0


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (FULL, "No space left on device; make room there"),
        (CLOSED, "Bad file descriptor; see to that"),
        (BROKEN, "Broken pipe; see to that"),
    ],
)
def test_an_artifact_that_does_not_reach_stdout_costs_no_work(here: Path, stream: str, why: str):
    done = call(f"{TRAIN} -o -", stdout=stream)
    assert done.code == 1
    assert done.err == (
        f"degan: error: stdout: cannot be written: {why}, then go on with the same command and --resume\n"
    )
    assert (here / CHECKPOINT).exists()
    again = call(f"{TRAIN} -o - --resume", stdout="whole.safetensors")
    assert again.code == 0
    assert call(f"{TRAIN} -o b.safetensors").code == 0
    assert (here / "whole.safetensors").read_bytes() == (here / "b.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("stream", "why"), [(CLOSED, "is empty"), (os.devnull, "is empty"), (UNREADABLE, "cannot be read")]
)
def test_a_stdin_that_gives_nothing_is_a_bad_file(stream: str, why: str):
    done = call("eval - --dataset digits", stdin=stream)
    assert done.code == 3
    assert done.err.startswith(f"degan: error: stdin: {why}")


def test_a_pipe_that_does_not_wait_loses_nothing():
    """Some callers hand out pipes of that kind; a full one refuses what its reader has not yet made room for."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    script = "from degan_cli import streams; streams.mend(); print('x' * 1_000_000)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=writer) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            assert len(file.read()) == 1_000_001
    assert process.returncode == 0


def test_a_name_of_a_file_need_not_be_text():
    done = degan(Path.cwd(), [*TRAIN.split(), "-o", os.fsdecode(b"out\xff.safetensors")])
    assert (done.code, done.out) == (0, b"out\xff.safetensors\n")
