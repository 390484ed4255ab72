import math

import pytest
import torch
from torch.nn import functional as F

from degan_cli.losses import (
    distillation_loss,
    diversity_loss,
    entropy_loss,
    fake_loss,
    label_loss,
    logit_spread,
    real_loss,
    scale_loss,
    sigmoid_loss,
    softened_divergence,
    student_loss,
    widened_distillation_loss,
)


def test_adversarial_losses_are_binary_cross_entropy():
    logits = torch.tensor([-2.0, 0.0, 3.0])
    one, zero = torch.ones(3), torch.zeros(3)
    torch.testing.assert_close(real_loss(logits), F.binary_cross_entropy_with_logits(logits, one))
    torch.testing.assert_close(fake_loss(logits), F.binary_cross_entropy_with_logits(logits, zero))
    torch.testing.assert_close(real_loss(torch.zeros(5)), torch.tensor(math.log(2)))


def test_entropy_is_zero_when_certain_and_log_classes_when_not():
    torch.testing.assert_close(entropy_loss(torch.eye(10) * 200), torch.tensor(0.0))
    torch.testing.assert_close(entropy_loss(torch.zeros(4, 10)), torch.tensor(math.log(10)))
    half = torch.tensor([[0.0, 0.0, -200.0]])
    torch.testing.assert_close(entropy_loss(half), torch.tensor(math.log(2)))


def test_diversity_is_least_for_an_even_batch_and_zero_for_one_class():
    torch.testing.assert_close(diversity_loss(torch.eye(10) * 200), torch.tensor(-math.log(10)))
    torch.testing.assert_close(diversity_loss(torch.eye(10)[:1].repeat(6, 1) * 200), torch.tensor(0.0))
    three_to_one = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]) * 200
    expected = 0.75 * math.log(0.75) + 0.25 * math.log(0.25)
    torch.testing.assert_close(diversity_loss(three_to_one), torch.tensor(expected))


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_no_nan_when_classes_underflow(classes):
    logits = torch.full((4, classes), -1e4)
    logits[:, 0] = 1e4
    logits.requires_grad_()
    (entropy_loss(logits) + diversity_loss(logits)).backward()
    assert torch.isfinite(logits.grad).all()


def test_diversity_uses_the_mean_over_processes():
    here, there = torch.tensor([[200.0, 0.0]]), torch.tensor([[0.0, 200.0]])
    both = diversity_loss(here, lambda mean: (mean + F.softmax(there, dim=1).mean(dim=0)) / 2)
    torch.testing.assert_close(both, diversity_loss(torch.cat([here, there])))


@pytest.mark.parametrize("loss", [entropy_loss, diversity_loss])
def test_empty_or_flat_logits_are_refused(loss):
    with pytest.raises(ValueError, match=r"\(0, 10\)"):
        loss(torch.zeros(0, 10))
    with pytest.raises(ValueError, match=r"\(10,\)"):
        loss(torch.zeros(10))


def test_distillation_by_hand():
    teacher, student = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    p = 1 / (1 + math.exp(-1))  # of the teacher's first class at temperature 2
    expected = 4 * (p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5))
    torch.testing.assert_close(distillation_loss(student, teacher, 2.0), torch.tensor(expected))
    torch.testing.assert_close(distillation_loss(teacher, teacher, 20.0), torch.tensor(0.0))
    assert distillation_loss(student, teacher, 20.0) > 0


def test_the_softened_divergence_has_no_factor():
    teacher, student = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    p = 1 / (1 + math.exp(-1))
    expected = p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5)
    torch.testing.assert_close(softened_divergence(student, teacher, 2.0), torch.tensor(expected))
    # Its gradient is PyCIL's, whose loss is the cross-entropy of softened predictions: (1/2 - p) / T for the first.
    student.requires_grad_()
    softened_divergence(student, teacher, 2.0).backward()
    torch.testing.assert_close(student.grad, torch.tensor([[(0.5 - p) / 2, (p - 0.5) / 2]]))


def test_distillation_gradient_hardly_depends_on_the_temperature():
    teacher = torch.tensor([[1.0, -1.0, 0.0]])
    sizes = []
    for temperature in (10.0, 40.0):
        student = torch.zeros(1, 3, requires_grad=True)
        distillation_loss(student, teacher, temperature).backward()
        sizes.append(student.grad.norm())
    assert 0.9 < sizes[0] / sizes[1] < 1.1


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        distillation_loss(torch.zeros(2, 3), torch.zeros(2, 4), 20.0)


def test_ce_weight_mixes_in_the_teachers_top_class():
    teacher, student = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.2, 0.1], [0.4, 0.0]])
    torch.testing.assert_close(student_loss(student, teacher, 4.0, 0.0), distillation_loss(student, teacher, 4.0))
    hard = F.cross_entropy(student, torch.tensor([0, 1]))
    torch.testing.assert_close(student_loss(student, teacher, 4.0, 1.0), hard)


def test_the_spread_of_logits_is_that_over_the_classes_whatever_the_level():
    logits = torch.tensor([[0.0, 2.0, 0.0, 2.0], [5.0, 5.0, 5.0, 5.0]])  # by 1 about 1, by 0 about 5
    torch.testing.assert_close(logit_spread(logits), torch.tensor(0.5))
    torch.testing.assert_close(logit_spread(3 * logits), torch.tensor(1.5))
    torch.testing.assert_close(logit_spread(torch.randn(6, 1)), torch.tensor(0.0))


def test_bf16_logits_give_a_float32_loss():
    logits = torch.randn(8, 10, generator=torch.Generator().manual_seed(0))
    for loss in (entropy_loss, diversity_loss):
        low = loss(logits.bfloat16())
        assert low.dtype == torch.float32
        torch.testing.assert_close(low, loss(logits), rtol=2e-2, atol=2e-2)


def test_the_scale_loss_by_hand():
    new = torch.tensor([[1.0, 4.0], [2.0, 0.0]])  # largest: 4 and 2, mean 3
    old = torch.tensor([[1.0, -1.0, 0.5], [0.0, 2.0, 1.0], [-3.0, -3.0, -3.0]])  # 1, 2 and -3, mean 0
    torch.testing.assert_close(scale_loss(new, old), torch.tensor(9.0))
    torch.testing.assert_close(scale_loss(new - 3, old), torch.tensor(0.0))
    torch.testing.assert_close(scale_loss(new - 4, old), torch.tensor(1.0))  # too low counts as too high does


def test_the_scale_loss_sees_the_offset_that_distillation_does_not():
    generator = torch.Generator().manual_seed(0)
    new, old, wanted = (torch.randn(6, size, generator=generator, dtype=torch.float64) for size in (2, 3, 3))
    for offset in (-7.0, 5.0):
        moved = distillation_loss(old + offset, wanted, 2.0)
        torch.testing.assert_close(moved, distillation_loss(old, wanted, 2.0))
        assert scale_loss(new, old + offset) > scale_loss(new, old) + 1
        both = scale_loss(new + offset, old + offset)
        torch.testing.assert_close(both, scale_loss(new, old), rtol=1e-4, atol=1e-5)


def test_the_scale_losses_gradient_brings_both_kinds_of_logits_together():
    new, old = torch.tensor([[5.0, 1.0]], requires_grad=True), torch.tensor([[0.0, 2.0]], requires_grad=True)
    scale_loss(new, old).backward()
    assert new.grad.tolist() == [[6.0, 0.0]]  # 2 * (5 - 2), on the largest alone
    assert old.grad.tolist() == [[0.0, -6.0]]


def test_the_scale_loss_squares_the_mean_difference_of_all_processes():
    new, old = torch.tensor([[4.0]]), torch.tensor([[1.0]])  # here +3, there -1: on average 1
    assert scale_loss(new, old, lambda here: (here + torch.tensor(-1.0)) / 2) == 1


def test_the_widened_distillation_by_hand():
    old = torch.tensor([[2.0, 0.0], [0.0, 2 * math.log(3)]])
    logits = torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, -2.0]])
    p, e = 1 / (1 + math.exp(-1)), math.e  # of the old classifier's first class at temperature 2
    first = p * math.log(p * 3) + (1 - p) * math.log((1 - p) * 3)  # against thirds
    total = e + 1 + 1 / e
    second = 0.25 * math.log(0.25 * total / e) + 0.75 * math.log(0.75 * total)
    torch.testing.assert_close(widened_distillation_loss(logits, old, 2.0), torch.tensor(4 * (first + second) / 2))


def test_the_widened_distillation_ends_only_when_new_classes_get_nothing():
    old = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.0, 3.0]])
    losses = [
        float(widened_distillation_loss(torch.cat([old + 4, torch.full((2, 2), new)], dim=1), old, 1.0))
        for new in (4.0, 0.0, -4.0, -40.0)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[2] > 1e-5
    assert losses[3] == pytest.approx(0, abs=1e-6)
    # With old and new predictions alike, what is lost is the log of the mass that the old classes have kept.
    even = torch.cat([torch.zeros(1, 3), torch.zeros(1, 1)], dim=1)
    assert float(widened_distillation_loss(even, torch.zeros(1, 3), 1.0)) == pytest.approx(-math.log(3 / 4))
    assert float(widened_distillation_loss(even, torch.zeros(1, 3), 5.0)) == pytest.approx(-25 * math.log(3 / 4))


def test_the_sigmoid_loss_by_hand():
    logits = torch.tensor([[0.0, math.log(3), 0.0], [0.0, 0.0, math.log(3)]])  # sigmoids of 1/2 and 3/4
    targets = torch.tensor([[1.0, 0.0, 0.25], [0.0, 0.5, 1.0]])
    first = math.log(2) + math.log(4) + math.log(2)
    second = math.log(2) + math.log(2) + math.log(4 / 3)
    torch.testing.assert_close(sigmoid_loss(logits, targets), torch.tensor((first + second) / 2))


def test_the_sigmoid_loss_is_least_where_sigmoids_are_the_targets():
    targets = torch.tensor([[0.1, 0.7, 0.4]])
    logits = torch.logit(targets).requires_grad_()
    least = sigmoid_loss(logits, targets)
    least.backward()
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3))
    entropy = -(targets * targets.log() + (1 - targets) * (1 - targets).log()).sum()
    torch.testing.assert_close(least.detach(), entropy)
    assert torch.isfinite(sigmoid_loss(torch.tensor([[1e4, -1e4]]), torch.tensor([[0.0, 1.0]])))


def test_the_label_loss_by_hand():
    logits, labels = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]), torch.tensor([0, 1])
    softmax = (math.log(4 / 3) + math.log(2)) / 2
    torch.testing.assert_close(label_loss(logits, labels, "softmax"), torch.tensor(softmax))
    sigmoid = (math.log(4 / 3) + 3 * math.log(2)) / 2  # each class counts, and those that are not the label too
    torch.testing.assert_close(label_loss(logits, labels, "sigmoid"), torch.tensor(sigmoid))
    for outputs in ("softmax", "sigmoid"):
        assert label_loss(logits.bfloat16(), labels, outputs).dtype == torch.float32


@pytest.mark.parametrize("loss", [scale_loss, widened_distillation_loss, sigmoid_loss])
def test_incremental_losses_refuse_an_empty_batch_and_compute_in_float32(loss):
    extra = (2.0,) if loss is widened_distillation_loss else ()
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        loss(torch.zeros(0, 3), torch.zeros(0, 3), *extra)
    left, right = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(0)).sigmoid()
    low = loss(left.bfloat16(), right.bfloat16(), *extra)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, loss(left.bfloat16().float(), right.bfloat16().float(), *extra))
