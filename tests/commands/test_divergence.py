"""Training that diverges: exit code 5, the step, the term, the option to lower; and the last good checkpoint stays."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from pathlib import Path

import pytest
import torch

import degan_cli.jobs.compress_look
from degan_cli.app import run
from degan_cli.artifact import read_tensors

GOLDEN = Path(__file__).parents[1] / "golden"
OLD = "--classifier old.safetensors"
GAN = "--batch-size 16 --width 2 --latent 4"
STUDENT = "distill --teacher old.safetensors --student lenet-half --batch-size 16 --held-out 32 --epochs 2"
ONLINE = f"{STUDENT} --steps-per-epoch 4 --update-batch 8"
INCREMENT = f"incremental {OLD} --new-data digits:5,6 --epochs 2 --batch-size 64 --lr 1e30 --strategy"
IN_EPOCH = r"after epoch 1, step \d+ of \d+; try a smaller --lr, or --precision fp32"
AFTER_STEP = r"after step \d+; try a smaller"
DIVERGING = {
    "teacher": ("teacher --dataset digits:0-3 --arch lenet --epochs 2 --batch-size 64 --lr 1e30", IN_EPOCH),
    "degan": (f"enrich {OLD} --proxy digits:2,3 --steps 12 --lr 1e30 {GAN}", f"{AFTER_STEP} --lr or --lambda-d"),
    "dcgan": (f"enrich {OLD} --proxy digits:2,3 --method dcgan --steps 12 --lr 1e30 {GAN}", f"{AFTER_STEP} --lr,"),
    "tune": (
        f"enrich {OLD} --proxy digits:2,3 --steps 12 --lr 1e30 --tune {GAN}",
        rf"--tune, at --lambda-e 0 --lambda-d 1: the loss .*{AFTER_STEP} --lr or --lambda-d",
    ),
    "distill": (f"{STUDENT} --steps-per-epoch 8 --samples digits:2,3 --lr 1e30", IN_EPOCH),
    "online student": (f"{ONLINE} --method zskd --update-steps 2 --lr 1e30", IN_EPOCH),
    "online generator": (
        f"{ONLINE} --method mb-dfkd --width 2 --update-every 1 --update-lr 1e30",
        r"the loss term .* after epoch 1, step \d+ of 4; try a smaller --update-lr",
    ),
    **{name: (f"{INCREMENT} {name}", IN_EPOCH) for name in ("finetune", "lwf", "lwf-mc")},
    **{name: (f"{INCREMENT} {name} --samples digits:0-4", IN_EPOCH) for name in ("replay", "abd", "r-dfcil")},
    "incremental, enrich": (
        f"incremental {OLD} --new-data digits:5,6 --enrich --set enrich.steps=8 --set enrich.batch_size=16 "
        "--set enrich.width=2 --set enrich.latent=4 --set enrich.lr=1e30",
        rf"--enrich: the loss .*{AFTER_STEP} .*; write it as --set enrich.lr=RATE",
    ),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    shutil.copy(GOLDEN / "old.safetensors", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message(capsys, command: str, *more: str) -> str:
    """The last line of a command that diverges."""
    assert run([*command.split(), "--device", "cpu", "-o", "out.safetensors", *more]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert not Path("out.safetensors").exists()
    return captured.err.splitlines()[-1]


@pytest.mark.parametrize("name", DIVERGING)
def test_a_rate_that_is_too_large_is_told_with_step_and_term(capsys, name):
    command, wanted = DIVERGING[name]
    said = message(capsys, command)
    assert re.search(wanted, said), said
    assert re.search(r'the loss (is|term "\w+" is) (nan|inf|-inf) after ', said), said


def not_a_number_at(step: int, function):
    """The same function, whose result is NaN at its call of that number and after it."""
    calls = itertools.count(1)

    def spoilt(*given, **named):
        result = function(*given, **named)
        return result * math.nan if next(calls) >= step else result

    return spoilt


@pytest.mark.parametrize(
    ("command", "function", "wanted"),
    [
        (
            "condense --dataset digits:0,1 --per-class 1 --steps 6",
            "loops.condense.distribution_distance",
            r"the loss is nan after step \d; try a smaller --lr",
        ),
        (
            f"enrich {OLD} --method zskd -n 24 --steps 5 --batch-size 8",
            "methods.zskd.impression_loss",
            r"the loss.* is nan after batch 1 of 3, step 5; try a smaller --lr",
        ),
        (
            f"enrich {OLD} --method dafl --steps 12 {GAN}",
            "methods.dafl.one_hot_loss",
            r'the loss term "one_hot" is nan after step 5; try a smaller --lr,',
        ),
        (
            f"incremental {OLD} --new-data digits:5,6 --epochs 2 --batch-size 64 --strategy fixed",
            "methods.finetune.label_loss",
            r"the loss.* is nan after epoch 1, step 5 of \d; try a smaller --lr,",
        ),
        (
            "compress --classifier old.safetensors --student lenet-half --images digits:2,3 --budget 30s",
            "loops.distill.student_loss",
            r"the loss is nan after epoch 1, step 5 of \d+; .* compress has no such option, but .* degan distill, has",
        ),
    ],
    ids=["condense", "zskd", "dafl", "fixed", "compress"],
)
def test_a_term_that_is_no_number_is_told(capsys, monkeypatch, command, function, wanted):
    module, _, name = f"degan_cli.{function}".rpartition(".")
    monkeypatch.setattr(degan_cli.jobs.compress_look, "student_pace", lambda *_: (1.0, 0.1))
    spoilt = not_a_number_at(5, getattr(__import__(module, fromlist=[name]), name))
    monkeypatch.setattr(f"{module}.{name}", spoilt)
    said = message(capsys, command)
    assert re.search(wanted, said), said


@pytest.mark.parametrize(
    ("command", "function", "wanted"),
    [
        (
            "teacher --dataset digits:0-3 --arch lenet --epochs 9 --batch-size 64",
            "degan_cli.loops.teacher.label_loss",
            "the loss is nan after epoch 3, step 7 of 7",
        ),
        (
            f"{STUDENT} --steps-per-epoch 9 --samples digits:2,3",
            "degan_cli.loops.distill.student_loss",
            "the loss is nan after epoch 3, step 3 of 9",
        ),
    ],
    ids=["teacher", "distill"],
)
def test_the_last_good_checkpoint_stays(capsys, monkeypatch, command, function, wanted):
    module, _, name = function.rpartition(".")
    loss = getattr(__import__(module, fromlist=[name]), name)
    monkeypatch.setattr(function, not_a_number_at(21, loss))
    assert wanted in message(capsys, command, "--checkpoint-every", "0")
    tensors, _, _ = read_tensors(Path("out.run") / "checkpoint.safetensors")  # which refuses what is not finite
    assert all(bool(torch.isfinite(value).all()) for value in tensors.values() if value.is_floating_point())
    monkeypatch.setattr(function, loss)
    assert (
        run([*command.split(), "--device", "cpu", "-o", "out.safetensors", "--checkpoint-every", "0", "--resume"]) == 0
    )
