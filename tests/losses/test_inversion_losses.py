import math

import pytest
import torch

from degan_cli.losses import (
    activation_loss,
    agreement_loss,
    code_loss,
    impression_loss,
    information_loss,
    logit_distance,
    one_hot_loss,
    total_variation,
)

LN3 = math.log(3)


def learnable(values):
    return torch.tensor(values, requires_grad=True)


def test_the_one_hot_loss_by_hand():
    logits = torch.tensor([[LN3, 0.0], [0.0, 0.0]])  # sure to 3/4, and to 1/2
    torch.testing.assert_close(one_hot_loss(logits), torch.tensor((math.log(4 / 3) + math.log(2)) / 2))


def test_the_one_hot_loss_at_its_bounds():
    assert one_hot_loss(torch.eye(10) * 200) == 0
    torch.testing.assert_close(one_hot_loss(torch.zeros(4, 10)), torch.tensor(math.log(10)))


def test_the_one_hot_loss_raises_the_top_class_and_lowers_the_others():
    logits = learnable([[LN3, 0.0]])
    one_hot_loss(logits).backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[-0.25, 0.25]]))


def test_the_activation_loss_is_minus_the_mean_magnitude():
    features = learnable([[1.0, -2.0], [0.0, 5.0]])
    loss = activation_loss(features)
    loss.backward()
    assert loss.item() == -2
    assert features.grad.tolist() == [[-0.25, 0.25], [0.0, -0.25]]  # away from 0
    assert activation_loss(torch.zeros(3, 4)) == 0


def test_the_activation_loss_of_large_halves_does_not_overflow():
    assert activation_loss(torch.full((4, 100), 60_000.0, dtype=torch.float16)).item() == -60_000


def test_the_information_loss_is_in_decimal_digits():
    assert information_loss(torch.eye(10) * 200).item() == pytest.approx(-1)
    assert information_loss(torch.eye(100) * 200).item() == pytest.approx(-2)
    assert information_loss(torch.eye(10)[:1].repeat(6, 1) * 200).item() == 0
    three_to_one = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]) * 200
    expected = 0.75 * math.log10(0.75) + 0.25 * math.log10(0.25)
    assert information_loss(three_to_one).item() == pytest.approx(expected)


def test_the_information_loss_lowers_the_class_that_a_batch_has_too_much_of():
    logits = learnable([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    information_loss(logits).backward()
    assert (logits.grad[:, 0] > 0).all()
    assert (logits.grad[:, 1:] < 0).all()


def test_the_information_loss_uses_the_mean_over_processes():
    here, there = torch.tensor([[200.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    both = information_loss(here, lambda mean: (mean + there.mean(dim=0)) / 2)
    assert both.item() == pytest.approx(-math.log10(2))


def test_the_agreement_loss_by_hand():
    # At temperature 3 these are (3/4, 1/4) and (1/4, 3/4), whose middle is (1/2, 1/2). Of the middle from either:
    # 1/2 log(2/3) + 1/2 log(2) = 1/2 log(4/3). (From the middle, as Jensen and Shannon have it, it would be 0.1308.)
    student, teacher = torch.tensor([[3 * LN3, 0.0]]), torch.tensor([[0.0, 3 * LN3]])
    assert agreement_loss(student, teacher).item() == pytest.approx(1 - 0.5 * math.log(4 / 3))
    assert agreement_loss(student / 3, teacher / 3, temperature=1.0).item() == pytest.approx(1 - 0.5 * math.log(4 / 3))
    # A mean over images: the second has none.
    student, teacher = torch.cat([student, teacher]), torch.cat([teacher, teacher])
    assert agreement_loss(student, teacher).item() == pytest.approx(1 - 0.25 * math.log(4 / 3))


def test_probabilities_are_kept_in_bounds_and_their_middle_is_that_of_the_free_ones():
    # (1, 0) and (1/4, 3/4): kept in bounds the first is (0.9, 0.1). The middle is (5/8, 3/8), not (0.575, 0.425).
    student, teacher = torch.tensor([[600.0, 0.0]]), torch.tensor([[0.0, 3 * LN3]])
    from_student = 0.625 * math.log(0.625 / 0.9) + 0.375 * math.log(0.375 / 0.1)
    from_teacher = 0.625 * math.log(0.625 / 0.25) + 0.375 * math.log(0.375 / 0.75)
    loss = agreement_loss(student, teacher, least=0.1).item()
    assert loss == pytest.approx(1 - (from_student + from_teacher) / 2)
    # Where both are nearly sure of one class, the middle is kept in bounds itself, and nothing is between them.
    sure = torch.tensor([[600.0, 0.0]])
    assert agreement_loss(sure, sure, least=0.1).item() == pytest.approx(1)


def test_the_divergence_may_be_a_mean_over_the_classes():
    # The first images of test_the_agreement_loss_by_hand, and a third class that neither takes for possible.
    student = torch.tensor([[3 * LN3, 0.0, -600.0]])
    teacher = torch.tensor([[0.0, 3 * LN3, -600.0]])
    divergence = 0.5 * math.log(4 / 3)
    assert agreement_loss(student, teacher).item() == pytest.approx(1 - divergence)
    assert agreement_loss(student, teacher, mean_over_classes=True).item() == pytest.approx(1 - divergence / 3)
    # It is bounded after the mean: opposites have 1.6 nats, a third of which is no reason to stop.
    opposed = (torch.tensor([[600.0, 0.0, 0.0]]), torch.tensor([[0.0, 600.0, 0.0]]))
    opposites = 0.5 * (math.log(0.5 / 0.99) + math.log(0.5 / 0.01))
    assert opposites > 1
    assert agreement_loss(*opposed).item() == 0
    assert agreement_loss(*opposed, mean_over_classes=True).item() == pytest.approx(1 - opposites / 3)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_agreement_is_1_for_equals_and_0_for_certain_opposites(classes):
    certain = torch.eye(classes) * 1000
    assert agreement_loss(certain, certain).item() == pytest.approx(1)
    opposed = certain.roll(1, 0).requires_grad_()
    loss = agreement_loss(opposed, certain)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(opposed.grad).all()


def test_the_agreement_losses_gradient_drives_the_predictions_apart():
    student, teacher = learnable([[0.0, 0.0]]), learnable([[1.0, 0.0]])
    agreement_loss(student, teacher).backward()
    assert student.grad[0, 0] > 0 > student.grad[0, 1]
    assert teacher.grad[0, 0] < 0 < teacher.grad[0, 1]


def test_the_total_variation_by_hand():
    image = torch.tensor([[1.0, 2.0], [4.0, 8.0]]).view(1, 1, 2, 2)
    # Right: 1 and 4. Down: 3 and 6. Falling: 7. Rising: 2.
    expected = math.sqrt(17) + math.sqrt(45) + 7 + 2
    assert total_variation(image).item() == pytest.approx(expected)
    assert total_variation(image.expand(3, 3, 2, 2)).item() == pytest.approx(3 * expected)  # the root of nine
    assert total_variation(image.mT).item() == pytest.approx(expected)


def test_a_flat_image_does_not_vary_and_has_no_gradient():
    flat = torch.full((2, 3, 4, 5), 0.3, requires_grad=True)
    loss = total_variation(flat)
    loss.backward()
    assert loss.item() == 0
    assert not flat.grad.any()


def test_a_step_against_the_total_variations_gradient_smooths():
    spike = torch.zeros(1, 1, 5, 5)
    spike[0, 0, 2, 2] = 1
    spike.requires_grad_()
    total_variation(spike).backward()
    assert spike.grad.argmax() == 12
    neighbours = spike.grad[0, 0, 1:4, 1:4].flatten()[[0, 1, 2, 3, 5, 6, 7, 8]]
    assert (neighbours < 0).all()


def test_the_impression_loss_by_hand():
    logits, wanted = torch.tensor([[2 * LN3, 0.0], [0.0, 0.0]]), torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    first = 0.25 * math.log(4 / 3) + 0.75 * math.log(4)  # (3/4, 1/4) at temperature 2
    torch.testing.assert_close(impression_loss(logits, wanted, 2.0), torch.tensor((first + math.log(2)) / 2))


def test_the_impression_loss_is_least_at_the_wanted_prediction():
    wanted = torch.tensor([[0.1, 0.7, 0.2]])
    logits = (wanted.log() * 20).requires_grad_()
    least = impression_loss(logits, wanted, 20.0)
    least.backward()
    assert least.item() == pytest.approx(-(0.1 * math.log(0.1) + 0.7 * math.log(0.7) + 0.2 * math.log(0.2)))
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3), atol=1e-7, rtol=0)
    flat = torch.zeros(1, 3, requires_grad=True)
    impression_loss(flat, wanted, 20.0).backward()
    assert flat.grad.argmin() == 1


def test_the_impression_loss_of_certain_predictions_is_finite():
    certain, wanted = torch.tensor([[1e4, -1e4]]), torch.tensor([[1.0, 0.0]])
    assert impression_loss(certain, wanted, 1.0) == 0
    assert impression_loss(certain, wanted.flip(1), 1.0) == 2e4


def test_the_logit_distance_by_hand():
    student = learnable([[1.0, 4.0], [0.0, -2.0]])
    loss = logit_distance(student, torch.tensor([[2.0, 1.0], [0.0, 2.0]]))
    loss.backward()
    assert loss.item() == 2  # of 1, 3, 0 and 4
    assert student.grad.tolist() == [[-0.25, 0.25], [0.0, -0.25]]


def test_the_code_loss_by_hand():
    mean = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    log_variance = torch.tensor([[0.0, 0.0], [math.log(4), 0.0]])
    second = (4 - 1 - math.log(4)) / 2
    torch.testing.assert_close(code_loss(mean, log_variance), torch.tensor((2.5 + second) / 2))
    assert code_loss(torch.zeros(3, 5), torch.zeros(3, 5)) == 0


def test_the_code_losses_gradient_leads_to_the_standard_normal():
    mean, log_variance = learnable([[1.0, -3.0]]), learnable([[1.0, -1.0]])
    code_loss(mean, log_variance).backward()
    torch.testing.assert_close(mean.grad, mean.detach())
    assert log_variance.grad[0, 0] > 0 > log_variance.grad[0, 1]


LOSSES = {
    "one_hot": lambda a, b: one_hot_loss(a),
    "activation": lambda a, b: activation_loss(a),
    "information": lambda a, b: information_loss(a),
    "agreement": agreement_loss,
    "total_variation": lambda a, b: total_variation(a.view(2, 1, 4, 6)),
    "impression": lambda a, b: impression_loss(a, b.abs() / 8, 2.0),
    "logit_distance": logit_distance,
    "code": code_loss,
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_scalars_computed_in_float32(name, dtype):
    a, b = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    low = LOSSES[name](a, b)
    assert low.dtype == torch.float32
    assert low.shape == ()
    torch.testing.assert_close(low, LOSSES[name](a.float(), b.float()))
