from __future__ import annotations

import pytest
import torch

from degan_cli.metrics import nearest


def test_the_nearest_by_hand() -> None:
    others = torch.tensor([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    distance, index = nearest(torch.tensor([[0.0, 1.0], [3.0, 4.0], [6.0, 8.0]]), others)
    assert index.tolist() == [0, 1, 1]
    assert distance.tolist() == [1, 0, 5]


def test_an_equal_point_is_at_no_distance_also_far_from_zero_and_behind_the_first_chunk() -> None:
    others = torch.randint(0, 256, (2500, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    points = others[[2400, 7, 1100]]
    distance, index = nearest(points, others)
    assert index.tolist() == [2400, 7, 1100]
    assert distance.tolist() == [0, 0, 0]


def test_a_point_among_the_others_is_not_its_own_neighbour() -> None:
    others = torch.tensor([[0.0], [1.0], [5.0]])
    distance, index = nearest(others, others, own=torch.arange(3))
    assert index.tolist() == [1, 0, 1]
    assert distance.tolist() == [1, 1, 4]
    with pytest.raises(ValueError, match="another point"):
        nearest(others[:1], others[:1], own=torch.arange(1))
