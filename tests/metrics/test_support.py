"""What samples rest on, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from degan_cli.metrics import Support, support


def sure(counts: list[int], confidence: float = 1.0) -> Tensor:
    """So many samples of each class, each with this probability of it; the rest is spread evenly."""
    classes = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    others = (1 - confidence) / (len(counts) - 1)
    return torch.full((len(classes), len(counts)), others).scatter_(1, classes[:, None], confidence)


def test_even_shares_are_all_classes():
    found = support(sure([25, 25, 25, 25], 0.85))
    assert (found.classes, found.seen) == (4, 4)
    assert found.effective == pytest.approx(4)
    assert found.confidence == pytest.approx(0.85)
    assert not found.useless
    assert found.describe() == "4 of 4 classes, 4.0 effective, confidence 0.85"


def test_shares_of_a_half_and_two_quarters_by_hand():
    # entropy = 1/2 ln 2 + 2 * 1/4 ln 4 = 3/2 ln 2, so 2^1.5 classes
    assert support(sure([2, 1, 1])).effective == pytest.approx(2**1.5)


def test_a_class_is_seen_from_a_tenth_of_its_even_share_on():
    # of 1,000 samples and 10 classes an even share is 100, a tenth of it 10
    assert support(sure([890, 100, 10, 0, 0, 0, 0, 0, 0, 0])).seen == 3
    assert support(sure([891, 100, 9, 0, 0, 0, 0, 0, 0, 0])).seen == 2


def test_samples_of_one_class_with_strays_are_useless():
    found = support(sure([95, 5, 0, 0]))
    assert found.effective == pytest.approx(math.exp(-0.95 * math.log(0.95) - 0.05 * math.log(0.05)))
    assert (found.narrow, found.unsure, found.useless) == (True, False, True)


def test_few_of_many_classes_are_useless_but_few_of_few_are_not():
    assert not support(sure([10] * 3 + [0] * 7)).useless
    assert support(sure([10] * 3 + [0] * 97)).useless
    assert not support(sure([10] * 6 + [0] * 94)).useless


def test_samples_of_which_the_classifier_is_unsure_are_useless_however_even():
    found = support(sure([10] * 10, 0.18))  # chance is 0.1, a tenth of the way 0.19
    assert (found.effective, found.narrow) == (pytest.approx(10), False)
    assert found.useless
    assert not support(sure([10] * 10, 0.2)).useless


def test_a_classifier_of_one_class_is_never_told_off():
    assert not Support(classes=1, seen=1, effective=1.0, confidence=0.3).useless


def test_half_precision_gives_the_same():
    values = sure([3, 1], 0.75)
    assert support(values.to(torch.bfloat16)) == support(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (torch.zeros(0, 3), "not empty"),
        (torch.zeros(3), "n, classes"),
        (torch.tensor([[1.5, -0.5]]), "in .0, 1."),
        (torch.tensor([[float("nan"), 0.5]]), "in .0, 1."),
    ],
)
def test_what_is_no_probability_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        support(values)
