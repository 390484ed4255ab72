from __future__ import annotations

import math

import pytest
import torch

from degan_cli.errors import Diverged
from degan_cli.loops.finite import Losses, finite_values


def test_the_first_step_and_its_first_term_are_told():
    losses = Losses("--lr", epoch_steps=4)
    for step in range(1, 12):
        losses.see({"loss": torch.tensor(1.0), "game": torch.tensor(math.inf if step == 7 else 0.5)}, step)
        losses.see({"kd": torch.tensor([math.nan if step > 8 else 0.5])}, step)
        losses.see({}, step)
    message = 'the loss term "game" is inf after epoch 2, step 3 of 4; try a smaller --lr, or --precision fp32'
    with pytest.raises(Diverged, match=message) as error:
        losses.check()
    assert error.value.exit_code == 5


def test_numbers_of_any_kind_pass():
    losses = Losses("--lr")
    losses.check()
    losses.see({"a": 3, "b": torch.tensor(-1e30), "c": torch.tensor(2), "d": torch.tensor(0.5, requires_grad=True)}, 1)
    losses.check()
    losses.see({"a": -math.inf, "b": 0, "c": 0, "d": 0}, 2)
    with pytest.raises(Diverged, match='the loss term "a" is -inf after step 2; try'):
        losses.check()


def test_two_terms_that_cancel_are_told_too():
    with pytest.raises(Diverged, match='the loss term "b" is nan after batch 1'):
        finite_values({"a": 1.0, "b": torch.tensor(math.nan)}, "batch 1", "--lr")
