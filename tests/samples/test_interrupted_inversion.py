"""A student whose images are made by inversion: a signal ends the batch within a step, and the run goes on the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from degan_cli.app import run
from degan_cli.artifact import save_classifier
from degan_cli.models import Classifier
from degan_cli.plugins import load_plugins
from degan_cli.runs.stopping import StopWatch

GOLDEN = Path(__file__).parents[1] / "golden"
UPDATES = 6
"""Of each batch; two of these are made, before the first step of the student and before the third."""
COMMAND = (
    "distill --teacher old.safetensors --student lenet-half --batch-size 4 --held-out 8 --epochs 1 "
    f"--steps-per-epoch 4 --update-batch 4 --update-steps {UPDATES} --update-every 2 "
    "--device cpu -q -o out.safetensors"
).split()
METHODS = {
    "zskd": ["--method", "zskd"],
    "adi": ["--method", "adi"],
    "cde": ["--method", "cde", "--condensed", "condensed.safetensors", "--set", "judge_steps=2"],
}


def with_batch_norm(path: Path) -> None:
    """Write an untrained classifier whose layers remember statistics."""
    torch.manual_seed(0)
    spec = load_plugins(enabled=False).architectures.get("resnet32")
    classifier = Classifier.untrained(spec, tuple("01234"), spec.input_for(1, 32, 32))
    save_classifier(path, classifier, provider="degan-cli")


def ends(folder: Path, method: str, monkeypatch: pytest.MonkeyPatch, due: Callable[[], int], *more: str) -> int:
    """The exit code of the run in ``folder``, whose loops ask ``due`` after each step."""
    if not folder.exists():
        folder.mkdir()
        shutil.copy(GOLDEN / "condensed.safetensors", folder)
        shutil.copy(GOLDEN / "old.safetensors", folder)
        if method == "adi":  # which needs BatchNorm's statistics
            with_batch_norm(folder / "old.safetensors")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(StopWatch, "due", lambda watch: due())
    return run([*COMMAND, *METHODS[method], *more])


@pytest.mark.parametrize("method", METHODS)
def test_a_signal_ends_a_batch_within_a_step_and_the_run_goes_on_the_same(tmp_path, monkeypatch, capsys, method):
    asked = 0

    def signalled_at(step: int) -> Callable[[], int]:
        nonlocal asked
        asked = 0

        def due() -> int:
            nonlocal asked
            asked += 1
            return 143 if asked >= step else 0

        return due

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert ends(whole, method, monkeypatch, lambda: 0) == 0
    assert ends(broken, method, monkeypatch, signalled_at(2)) == 143
    assert asked <= 4, "in the second update of the first batch, then to say why"
    assert "SIGTERM, epoch 1, before step 1 of 4" in capsys.readouterr().err
    # The first batch, two steps of the student, and half of the second batch.
    assert ends(broken, method, monkeypatch, signalled_at(UPDATES + 2 + UPDATES // 2), "--resume") == 143
    assert "before step 3 of 4" in capsys.readouterr().err
    assert ends(broken, method, monkeypatch, lambda: 0, "--resume") == 0
    assert (broken / "out.safetensors").read_bytes() == (whole / "out.safetensors").read_bytes()
