"""Checkpoints of PyTorch: what is found in them, and that nothing in them runs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from degan_cli.artifact import write_tensors
from degan_cli.artifact.pickled import is_pickled, read_pickled
from degan_cli.errors import BadFile

READER = "from degan_cli.artifact.read_checkpoint import *\n"
STATE = {"fc.weight": torch.arange(6.0).view(2, 3), "fc.bias": torch.ones(2)}


def read_here(code: str) -> str:
    """What the reader's own functions print in a process, as that is the only place where they run."""
    done = subprocess.run([sys.executable, "-c", READER + code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_averaged_weights_count_more_and_another_choice_can_be_made(tmp_path):
    checkpoint = {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1),  # as timm's training script keeps it
        "state_dict": STATE,
        "model_ema": {"decay": 0.99, "module": {key: value + 1 for key, value in STATE.items()}},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}},
    }
    torch.save(checkpoint, tmp_path / "c.pth.tar")
    found = read_pickled(tmp_path / "c.pth.tar")
    assert (found.taken, found.others) == ("model_ema.module", ("state_dict",))
    assert torch.equal(found.tensors["fc.bias"], torch.full((2,), 2.0))
    plain = read_pickled(tmp_path / "c.pth.tar", "state_dict")
    assert torch.equal(plain.tensors["fc.weight"], STATE["fc.weight"])


def test_where_state_dicts_are_looked_for():
    code = """
one, two = {"w": torch.ones(1)}, {"w": torch.zeros(2)}
for checkpoint in (one, {"model": one}, {"net": {"state_dict": one}}, {"state_dict_ema": two, "model": one},
                   {"ema": two, "model_state_dict": one}, {"mine": one, "w": torch.ones(3)}):
    print(*[f"{path or 'top'}:{len(state['w'])}" for path, state in state_dicts(checkpoint)])
try:
    choose({"epoch": 1, "mine": one})
except Unusable as error:
    print(error)
print(choose({"epoch": 1, "mine": {"deep": two}}, "mine.deep")[0])
"""
    assert read_here(code).splitlines() == [
        "top:1",
        "model:1",
        "net.state_dict:1",
        "state_dict_ema:2 model:1",
        "ema:2 model_state_dict:1",
        "top:3",
        "has no state dict where they usually are; its keys are epoch, mine; see --weights",
        "mine.deep",
    ]


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_wants_to_run_code_is_refused_and_runs_none(tmp_path):
    torch.save({"state_dict": STATE, "extra": Malicious(tmp_path / "ran")}, tmp_path / "m.pth")
    with pytest.raises(BadFile) as caught:
        read_pickled(tmp_path / "m.pth")
    assert str(caught.value).startswith(f"{tmp_path}/m.pth: wants posix.system, and degan runs nothing that a model ")
    assert not (tmp_path / "ran").exists()


def test_the_reader_has_no_network_starts_nothing_and_has_little_memory():
    code = """
import os, socket, subprocess
confine(2**28)
for what in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: subprocess.run(["true"]),
             lambda: os.system("true"), os.fork, lambda: torch.ones(2**29, dtype=torch.uint8)):
    try:
        what()
        print("done")
    except PermissionError as error:
        print("refused")
    except RuntimeError as error:
        print("allocate memory" in str(error))
"""
    said = read_here(code).split()
    assert said[:4] == ["refused"] * 4
    assert said[4] == "True" or not Path("/proc/self/statm").exists()


def test_tensors_that_claim_more_than_the_file_holds_are_refused(tmp_path):
    torch.save({"w": torch.zeros(1).expand(10**12)}, tmp_path / "large.pth")
    with pytest.raises(BadFile, match="claim more than the file holds"):
        read_pickled(tmp_path / "large.pth")


def test_a_damaged_file_is_told(tmp_path):
    torch.save(STATE, tmp_path / "c.pth")
    whole = (tmp_path / "c.pth").read_bytes()
    (tmp_path / "c.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFile, match="cannot be read .*; is it a whole file of torch.save"):
        read_pickled(tmp_path / "c.pth")


def test_pickles_are_known_by_their_first_bytes(tmp_path):
    torch.save(STATE, tmp_path / "new")
    torch.save(STATE, tmp_path / "old", _use_new_zipfile_serialization=False)
    write_tensors(tmp_path / "safe", STATE, {})
    like = (640).to_bytes(8, "little") + b"{}"  # the length of its header begins as a pickle does
    (tmp_path / "like").write_bytes(like)
    assert [is_pickled(tmp_path / name) for name in ("new", "old", "safe", "like", "none")] == [
        *(True, True),
        *(False, False, False),
    ]
