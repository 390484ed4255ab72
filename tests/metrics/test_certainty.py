"""Which images count as those of which a classifier is most certain, by hand."""

from __future__ import annotations

import pytest
import torch

from degan_cli.metrics import most_certain


def logits(*rows: tuple[int, float]) -> torch.Tensor:
    """For each image its predicted class of three, and by how much that logit exceeds the two others."""
    values = torch.zeros(len(rows), 3)
    for row, (label, lead) in zip(values, rows, strict=True):
        row[label] = lead
    return values


SEEN = logits((0, 5), (0, 6), (1, 1), (0, 7), (2, 2), (0, 8), (1, 3))


@pytest.mark.parametrize(
    ("count", "balanced", "expected"),
    [
        (2, False, [3, 5]),
        (4, False, [0, 1, 3, 5]),
        (5, False, [0, 1, 3, 5, 6]),
        (3, True, [4, 5, 6]),  # one of each class, the most certain of it
        (6, True, [2, 3, 4, 5, 6, 1]),  # two of each, of class 2 there is but one, so a third of class 0 fills up
        (4, True, [3, 4, 5, 6]),  # one of each, and the most certain of the rest
        (2, True, [3, 5]),  # too few for a share of each class
        (7, True, range(7)),
        (100, False, range(7)),
        (100, True, range(7)),
    ],
)
def test_chosen_by_hand(count, balanced, expected):
    assert most_certain(SEEN, count, balanced).tolist() == sorted(expected)


def test_of_equals_the_first_are_chosen():
    assert most_certain(logits((1, 1), (0, 2), (0, 2), (0, 3), (0, 2)), 3).tolist() == [1, 2, 3]
    assert most_certain(torch.zeros(2000, 3), 5, balanced=True).tolist() == [0, 1, 2, 3, 4]


def test_certainty_is_the_entropy_and_not_the_largest_probability():
    level = torch.tensor([[0.6, 0.2, 0.2], [0.59, 0.41, 1e-9]]).log()  # 0.950 and 0.677 nats
    assert most_certain(level, 1).tolist() == [1]


def test_saturated_predictions_still_have_an_order():
    assert most_certain(logits((0, 50), (1, 70), (2, 60)), 2).tolist() == [1, 2]


def test_impossible_classes_and_broken_predictions():
    broken = logits((0, 1), (0, 9), (1, 2))
    broken[:, 2] = -1e6
    broken[1, 0] = float("nan")
    assert most_certain(broken, 2).tolist() == [0, 2]
