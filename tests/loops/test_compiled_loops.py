"""Compiled networks: the same training up to rounding, and the same bytes after a stop. Compiling takes a while."""

import copy

import pytest
import torch
from conftest import tiny_classifier

from degan_cli.checkpoint import Checkpoint
from degan_cli.engine import start
from degan_cli.errors import Stopped
from degan_cli.loops.distill import distill
from degan_cli.report import Report
from degan_cli.runs import DistillRun
from degan_cli.samples import GeneratorSource
from degan_cli.stopping import StopWatch

pytestmark = pytest.mark.slow


class StopAfter(StopWatch):
    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def due(self):
        self.left -= 1
        return 143 if self.left == 0 else 0


def student(folder, generator, compiled, watch=None):
    engine = start("cpu", "fp32", seed=0, compiled=compiled)
    run = DistillRun(
        teacher="t", student="tiny", samples=("g",), epochs=1, steps_per_epoch=5, batch_size=8, held_out=32,
        lr=0.01, compiled=compiled, device="cpu", precision="fp32",
    )  # fmt: skip
    source = GeneratorSource(copy.deepcopy(generator), engine.device)
    checkpoint = Checkpoint(folder, run.to_json(), engine)
    with Report("d", 1, folder, quiet=True) as report:
        networks = tiny_classifier(seed=1), tiny_classifier(seed=2)
        best, _ = distill(engine, *networks, source, run, checkpoint, report, watch or StopWatch())
    return best


def test_a_compiled_student_learns_the_same_up_to_rounding(tmp_path, tiny_generator):
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    before = tiny_classifier(seed=2).eval()(images)
    # Predictions, not weights: the gradient of a bias before BatchNorm is rounding noise, which Adam magnifies.
    plain, compiled = (student(tmp_path / str(c), tiny_generator, c).eval()(images) for c in (False, True))
    torch.testing.assert_close(compiled, plain, rtol=0, atol=1e-3)
    assert (plain - before).abs().max() > 0.05


def test_a_resumed_compiled_student_equals_an_unbroken_one(tmp_path, tiny_generator):
    whole = student(tmp_path / "a", tiny_generator, True)
    with pytest.raises(Stopped):
        student(tmp_path / "b", tiny_generator, True, StopAfter(7))
    resumed = student(tmp_path / "b", tiny_generator, True).state_dict()
    assert all(torch.equal(value, resumed[key]) for key, value in whole.state_dict().items())
