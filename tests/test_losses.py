import math

import pytest
import torch
from torch.nn import functional as F

from degan_cli.losses import distillation_loss, diversity_loss, entropy_loss, fake_loss, real_loss, student_loss


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


def test_bf16_logits_give_a_float32_loss():
    logits = torch.randn(8, 10, generator=torch.Generator().manual_seed(0))
    for loss in (entropy_loss, diversity_loss):
        low = loss(logits.bfloat16())
        assert low.dtype == torch.float32
        torch.testing.assert_close(low, loss(logits), rtol=2e-2, atol=2e-2)
