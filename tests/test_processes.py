"""Several processes under torchrun: what one process makes, to rounding, and one result on stdout."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]

DOUBLE = """
import sys, torch
torch.set_default_dtype(torch.float64)
torch.Tensor.float = torch.Tensor.double  # all that is float32 otherwise
from degan_cli.app import run
from degan_cli.engine import leave_processes
code = run(sys.argv[1:])
leave_processes()
sys.exit(code)
"""
OLD = "--classifier old.safetensors"
DISTILL = "distill --teacher old.safetensors --student lenet-half --batch-size 32 --held-out 64"
LIVE = f"{DISTILL} --width 4 --epochs 2 --steps-per-epoch 10 --update-batch 32"
SAME = {
    "teacher": "teacher --dataset digits --arch lenet --epochs 1 --batch-size 64",
    "teacher, BatchNorm": "teacher --dataset digits --arch resnet32 --epochs 1 --batch-size 256",
    "dcgan": f"enrich {OLD} --proxy digits:2,3,8 --method dcgan --steps 20 --batch-size 32 --width 4 --latent 8",
    "degan, few": f"enrich {OLD} --proxy digits:2,3,8 --recipe few --steps 20 --batch-size 32 --width 4 --latent 8",
    "dafl": f"enrich {OLD} --method dafl --steps 20 --batch-size 32 --width 4 --latent 8",
    "zskd": f"enrich {OLD} --method zskd -n 30 --steps 5 --batch-size 10",
    "distill": f"{DISTILL} --samples digits:2,3,8 --epochs 1 --steps-per-epoch 20 --augment strong",
    "online": f"{LIVE} --method mb-dfkd",
    "mosaickd": f"{LIVE} --method mosaickd --proxy digits:2,3,8",
    "condense": "condense --dataset digits:0,1 --per-class 1 --steps 3",
    "condense, gradients": "condense --dataset digits:0,1 --per-class 1 --steps 3 --matching gradient",
    "incremental": f"incremental {OLD} --new-data digits:5,6 --samples digits:0-4 --epochs 2 --batch-size 32 "
    "--strategy abd",
}
"""Some twenty updates of each command, of a batch that the processes share."""
QUICK = ("dcgan", "distill")
BATCH_NORM = ("teacher, BatchNorm", "dcgan", "degan, few", "dafl")


def made(folder: Path, command: str, processes: int, double: bool = True) -> dict[str, torch.Tensor]:
    """The tensors of what a command makes, in double precision or in the usual one."""
    script, output = folder / "double.py", folder / f"{processes}.safetensors"
    script.write_text(DOUBLE)
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", folder)
    start = [sys.executable] if processes == 1 else [*TORCHRUN, str(processes)]
    program = [script] if double else ["-m", "degan_cli"]
    done = subprocess.run(
        [*start, *program, *command.split(), "--device", "cpu", "-q", "-o", output],
        capture_output=True, text=True, cwd=folder, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return load_file(output)


EVERY = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SAME]
)


@EVERY
def test_two_and_four_processes_make_what_one_makes(tmp_path, name):
    """The batch is shared, and class means and BatchNorm are those of the whole: only the order of sums differs.

    DAFL's generator has biases before BatchNorm, whose gradients are rounding noise that Adam magnifies.
    """
    one = made(tmp_path, SAME[name], 1)
    for processes in (2, 4):
        several = made(tmp_path, SAME[name], processes)
        assert one.keys() == several.keys()
        apart = {key: float((several[key] - value).abs().max()) for key, value in one.items()}
        assert max(apart.values()) < (1e-7 if name == "dafl" else 1e-9), (processes, apart)


@EVERY
def test_rounded_to_single_precision_they_stay_as_near_as_one_process_on_two_threads(tmp_path, name):
    """Twenty updates by Adam through BatchNorm make 4 % of the last bit, with two threads instead of one as well."""
    one = made(tmp_path, SAME[name], 1, double=False)
    whole = sum(float(value.double().square().sum()) for value in one.values())
    for processes in (2, 4):
        several = made(tmp_path, SAME[name], processes, double=False)
        assert one.keys() == several.keys()
        apart = sum(float((several[key] - value).double().square().sum()) for key, value in one.items())
        assert math.sqrt(apart / whole) < (0.05 if name in BATCH_NORM else 1e-4), processes


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path):
    done = subprocess.run(
        [*TORCHRUN, "2", "-m", "degan_cli", "teacher", "--dataset", "digits", "--arch", "lenet", "--batch-size", "33"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "--batch-size 33: cannot be divided evenly among 2 processes" in done.stderr


def test_a_checkpoint_of_two_processes_goes_on_in_one(tmp_path):
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", tmp_path)
    command = f"enrich {OLD} --proxy digits:2,3,8 --steps 6 --batch-size 16 --width 2 --latent 4 -o g.safetensors"
    stopped = subprocess.run(
        [*TORCHRUN, "2", "-m", "degan_cli", *command.split(), "--device", "cpu", "--max-minutes", "0"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert "can be resumed" in stopped.stderr or "--resume" in stopped.stderr, stopped.stderr
    assert (tmp_path / "g.run" / "checkpoint.safetensors").exists()
    done = subprocess.run(
        [sys.executable, "-m", "degan_cli", *command.split(), "--device", "cpu", "--resume", "--json", "-q"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["updates"] == 6


def test_torchrun_prints_one_result(tmp_path):
    command = ["-m", "degan_cli", "teacher", "--dataset", "digits", "--arch", "lenet", "--epochs", "1", "--json"]
    done = subprocess.run([*TORCHRUN, "2", *command], capture_output=True, text=True, cwd=tmp_path, check=True)
    result = json.loads(done.stdout)
    assert result["kind"] == "classifier"
    assert (tmp_path / result["artifact"]).exists()


def torchrun(folder, *arguments):
    """What two processes print on stdout together."""
    done = subprocess.run(
        [*TORCHRUN, "2", "-m", "degan_cli", *arguments, "--device", "cpu"],
        capture_output=True, text=True, cwd=folder, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_inside_a_run_share_the_group_and_one_process_prints(tmp_path):
    """A group that was left cannot be joined again with the same addresses: that hung or failed to connect."""
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", tmp_path)
    gan = [f"--set=enrich.{setting}" for setting in ("steps=2", "width=2", "batch_size=8")]
    command = ["incremental", "--classifier", "old.safetensors", "--new-data", "digits:5,6", "--enrich", *gan]
    command += ["--impressions", "8", "--epochs", "1", "-o", "i.safetensors"]
    assert len(json.loads(torchrun(tmp_path, *command, "--dry-run"))["origins"]) > 10
    assert torchrun(tmp_path, *command, "-q") == "i.safetensors\n"
    assert (tmp_path / "i.run" / "generator.safetensors").exists()
    assert torchrun(tmp_path, *command, "-q", "--resume") == "i.safetensors\n"


def test_processes_that_time_their_updates_apart_follow_one_plan(tmp_path):
    """With a plan of its own each would make another number of updates, and one wait for the other without end."""
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", tmp_path)
    command = ["compress", "--classifier", "old.safetensors", "--student", "lenet-half", "--images", "digits:0-4"]
    assert torchrun(tmp_path, *command, "--budget", "8s", "-q", "-o", "s.safetensors") == "s.safetensors\n"
    assert (tmp_path / "s.run" / "report.md").exists()


@pytest.mark.parametrize("strategy", ["replay", "abd", "r-dfcil"])
def test_an_increment_on_two_processes_is_one_classifier_whose_features_rest_at_the_end(tmp_path, strategy):
    """r-dfcil's head goes on alone in the second epoch: processes that still waited for other gradients would hang."""
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", tmp_path)
    command = ["incremental", "--classifier", "old.safetensors", "--new-data", "digits:5,6", "--samples", "digits:0-4"]
    command += ["--strategy", strategy, "--epochs", "2", "--batch-size", "32", "-o", "i.safetensors"]
    command += ["--set", "head_part=0.5"] if strategy == "r-dfcil" else []
    metrics = json.loads(torchrun(tmp_path, *command, "--json"))["metrics"]
    assert metrics["updates"] == 18  # 2 passes over 291 images in batches of 32
    assert metrics["accuracy_new"] is not None
