"""The losses of increments against values worked out by hand, and what they do not depend on."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from degan_cli.losses import angle_distance, balanced_cross_entropy, local_cross_entropy

LOGITS = torch.tensor([[9.0, -9.0, 0.0, math.log(3)], [5.0, 5.0, math.log(4), 0.0]])


def test_the_local_cross_entropy_looks_at_new_classes_only():
    loss = local_cross_entropy(LOGITS, torch.tensor([3, 3]), old=2)
    torch.testing.assert_close(loss, torch.tensor((math.log(4 / 3) + math.log(5)) / 2))
    logits = LOGITS.clone().requires_grad_()
    local_cross_entropy(logits, torch.tensor([3, 2]), old=2).backward()
    assert (logits.grad[:, :2] == 0).all()
    assert (logits.grad[:, 2:] != 0).all()


def test_the_balanced_cross_entropy_counts_each_class_alike():
    logits = torch.zeros(5, 3)
    logits[:, 0] = torch.tensor([0.0, math.log(2), 0.0, 0.0, math.log(6)])
    # Of three classes the first is old: one image of it, and four of the two new classes.
    labels = torch.tensor([1, 0, 2, 1, 2])
    new = (math.log(3) * 3 + math.log(8)) / 4
    expected = math.log(2) / 3 + 2 / 3 * new
    torch.testing.assert_close(balanced_cross_entropy(logits, labels, old=1), torch.tensor(expected))
    repeated = balanced_cross_entropy(torch.cat([logits, logits[1:2]]), torch.cat([labels, labels[1:2]]), old=1)
    torch.testing.assert_close(repeated, torch.tensor(expected))


def test_a_kind_without_images_counts_as_nothing():
    logits, labels = torch.zeros(2, 4), torch.tensor([2, 3])
    torch.testing.assert_close(balanced_cross_entropy(logits, labels, old=2), torch.tensor(math.log(4) / 2))


def triangle(*points: tuple[float, float]) -> Tensor:
    return torch.tensor(points)


def test_the_angle_distance_by_hand():
    right = triangle((0.0, 0.0), (3.0, 0.0), (0.0, 3.0))  # cosines 0, 1/sqrt(2), 1/sqrt(2)
    even = triangle((0.0, 0.0), (1.0, 0.0), (0.5, math.sqrt(0.75)))  # cosines 1/2
    each = 2 * (0.5 * 0.5**2 + 2 * 0.5 * (math.sqrt(0.5) - 0.5) ** 2)  # each angle twice: (j, k) and (k, j)
    torch.testing.assert_close(angle_distance(right, even), torch.tensor(each / 27))


def test_the_angle_distance_does_not_mind_turns_and_scales_nor_how_many_features_there_are():
    features = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    turned = 5 * features @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]]) + 7
    wider = torch.cat([turned, torch.full((6, 3), 2.0)], dim=1)
    assert float(angle_distance(features, wider)) == pytest.approx(0, abs=1e-9)


def test_an_image_that_comes_twice_has_no_say_in_the_angles():
    torch.manual_seed(0)
    features, wanted = torch.randn(8, 5), torch.randn(8, 6)
    features[3], wanted[3] = features[2] + 0.1, wanted[2] + 1e-6  # dropout makes one image two in one space alone
    wanted.requires_grad_()
    angle_distance(features, wanted).backward()
    assert wanted.grad is not None
    assert float(wanted.grad.norm()) < 1

    with torch.autocast("cpu", torch.bfloat16):
        rounded = angle_distance(features, wanted)
    torch.testing.assert_close(rounded, angle_distance(features, wanted))


def test_equal_images_give_the_angle_distance_a_finite_gradient():
    features = torch.ones(4, 3, requires_grad=True)
    angle_distance(features, torch.eye(4)).backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()
