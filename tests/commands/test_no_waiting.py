"""Loops do not wait for the device: a number is read back for a report, never for a step."""

from __future__ import annotations

import pytest
import torch
from models_on_disk import write_models
from torch.utils._python_dispatch import TorchDispatchMode

from degan_cli import artifact
from degan_cli.app import run

aten = torch.ops.aten
READING_BACK = {aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default}
"""Operations whose result the host needs before it can go on; on a GPU it would wait for them."""

STUDENT = ["distill", "--teacher", "t.safetensors", "--student", "lenet-half", "--batch-size", "8", "--held-out", "16"]
LIVE = [*STUDENT, "--update-batch", "8", "--width", "4", "--latent", "4", "--method"]
GENERATOR = ["enrich", "--classifier", "t.safetensors", "--batch-size", "8", "--width", "4"]


class Reading(TorchDispatchMode):
    """Counts them."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function in READING_BACK
        return function(*args, **(kwargs or {}))


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)
    images = torch.randint(0, 256, (96, 1, 32, 32), dtype=torch.uint8)
    artifact.save_samples("s.safetensors", images, None, torch.arange(96) % 3, ("cat", "a/dog", "never"))
    artifact.save_samples("new.safetensors", images, None, torch.arange(96) % 2, ("x", "y"))
    return tmp_path


def reads(command):
    with Reading() as reading:
        assert run([*command, "-o", "out.safetensors", "--force", "-q"]) == 0
    return reading.count


@pytest.mark.parametrize(
    "command",
    [
        [*STUDENT, "--samples", "g.safetensors", "--ce-weight", "0.3", "--augment", "strong"],
        [*STUDENT, "--samples", "g.safetensors@0.5", "--samples", "s.safetensors@0.5", "--augment", "crop-flip"],
        [*LIVE, "dafl"],
        [*LIVE, "mb-dfkd"],
        [*LIVE, "pre-dfkd"],
        [*LIVE, "degan", "--proxy", "s.safetensors"],
        [*LIVE, "mosaickd", "--proxy", "s.safetensors"],
        [*STUDENT, "--method", "zskd", "--update-batch", "4", "--update-steps", "3"],
    ],
    ids=lambda command: " ".join(command[9:]),
)
def test_a_student_s_epoch_reads_back_as_much_whatever_its_length(models, command):
    # Four steps are more than one turn of each memory; the pool of zskd starts with one batch and grows later.
    short, long = (reads([*command, "--epochs", "1", "--steps-per-epoch", str(steps)]) for steps in (4, 12))
    assert short == long > 0


@pytest.mark.parametrize(
    ("options", "lengths"),
    [
        (["--proxy", "s.safetensors", "--ema", "0.9"], ("13", "23")),  # looks after a pass of 12 batches and at the end
        (["--method", "dafl"], ("25", "50")),  # 25 looks
    ],
)
def test_a_generator_is_read_in_looks_alone(models, options, lengths):
    short, long = (reads([*GENERATOR, *options, "--steps", steps]) for steps in lengths)
    assert short == long > 0


def test_an_increment_s_epoch_reads_back_as_much_whatever_its_length(models):
    increment = ["incremental", "--classifier", "t.safetensors", "--new-data", "new.safetensors", "--epochs", "1"]
    for strategy in (["--samples", "g.safetensors"], ["--strategy", "lwf"]):
        short, long = (reads([*increment, *strategy, "--batch-size", size]) for size in ("48", "16"))
        assert short == long > 0
