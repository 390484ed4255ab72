"""Compiled networks: the same training up to rounding, and the same bytes after a stop. Compiling takes a while."""

import pytest
import torch
from conftest import StopAfter, run_distill, tiny_classifier

from degan_cli.engine import start
from degan_cli.errors import Stopped

pytestmark = pytest.mark.slow


def student(folder, generator, compiled, watch=None):
    engine = start("cpu", "fp32", seed=0, compiled=compiled)
    return run_distill(folder, generator, watch, engine, epochs=1, steps_per_epoch=5)[0]


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
