"""Several processes under torchrun: the same losses and gradients as one, and one result on stdout."""

from __future__ import annotations

import json
import subprocess
import sys

import torch

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]

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
