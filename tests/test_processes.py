"""Several processes under torchrun: the same losses and gradients as one, and one result on stdout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

GRADIENTS = """
import sys, torch
from torch import nn
from degan_cli.engine import leave_processes, start
from degan_cli.losses import diversity_loss

engine = start("cpu", "fp32", seed=0)
torch.manual_seed(0)
network = engine.prepare(nn.Linear(5, 4))
images = torch.randn(12, 5)
rank, share = engine.accelerator.process_index, 12 // engine.processes
loss = diversity_loss(network(images[rank * share : (rank + 1) * share]), engine.mean_over_processes)
engine.backward(loss)
noise = torch.rand(1).item()
start("cpu", "fp32", seed=0)
own = torch.rand(1).item()
if engine.is_main:
    torch.set_printoptions(precision=9)
    print([loss.item(), *engine.unwrap(network).weight.grad.flatten().tolist()], file=open(sys.argv[1], "w"))
print(own, file=open(f"{sys.argv[1]}.{rank}", "w"))
leave_processes()
"""


def test_two_processes_have_the_diversity_and_gradients_of_one(tmp_path):
    script = tmp_path / "gradients.py"
    script.write_text(GRADIENTS)
    subprocess.run([sys.executable, script, tmp_path / "one"], check=True, capture_output=True)
    subprocess.run([*TORCHRUN, script, tmp_path / "two"], check=True, capture_output=True)
    one, two = (torch.tensor(json.loads((tmp_path / name).read_text())) for name in ("one", "two"))
    assert one[1:].abs().max() > 1e-3
    torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-7)
    assert (tmp_path / "two.0").read_text() != (tmp_path / "two.1").read_text()  # else both make the same images


def test_torchrun_prints_one_result(tmp_path):
    command = ["-m", "degan_cli", "teacher", "--dataset", "digits", "--arch", "lenet", "--epochs", "1", "--json"]
    done = subprocess.run([*TORCHRUN, *command], capture_output=True, text=True, cwd=tmp_path, check=True)
    result = json.loads(done.stdout)
    assert result["kind"] == "classifier"
    assert (tmp_path / result["artifact"]).exists()


def torchrun(folder, *arguments):
    """What two processes print on stdout together."""
    done = subprocess.run(
        [*TORCHRUN, "-m", "degan_cli", *arguments, "--device", "cpu"],
        capture_output=True, text=True, cwd=folder, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_inside_a_run_share_the_group_and_one_process_prints(tmp_path):
    """A group that was left cannot be joined again with the same addresses: that hung or failed to connect."""
    shutil.copy(Path(__file__).parent / "golden" / "old.safetensors", tmp_path)
    gan = [f"--set=enrich.{setting}" for setting in ("steps=2", "width=2", "batch_size=8")]
    command = ["incremental", "--classifier", "old.safetensors", "--new-data", "digits:5,6", "--enrich", *gan]
    command += ["--epochs", "1", "-o", "i.safetensors"]
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
    assert metrics["updates"] == 10  # 2 passes over 291 images in batches of 2 x 32
    assert metrics["accuracy_new"] is not None
