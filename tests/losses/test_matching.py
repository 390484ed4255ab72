"""Both distances by hand, and what leaves them unchanged."""

from __future__ import annotations

import pytest
import torch

from degan_cli.losses import distribution_distance, gradient_distance


def test_the_distance_of_two_distributions_by_hand():
    real = torch.tensor([[0.0, 4.0], [2.0, 0.0]])  # mean (1, 2)
    synthetic = torch.tensor([[4.0, 4.0], [4.0, 8.0], [4.0, 6.0]])  # mean (4, 6)
    assert distribution_distance(real, synthetic).item() == 3**2 + 4**2


def test_only_the_means_of_distributions_count():
    real = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    assert distribution_distance(real, real.mean(dim=0, keepdim=True)).item() == pytest.approx(0, abs=1e-12)


def test_distributions_of_low_precision_are_compared_in_high_precision():
    ones = torch.ones(256, 3, dtype=torch.bfloat16)
    distance = distribution_distance(ones, ones * (1 + 2**-7))
    assert distance.dtype == torch.float32
    assert distance.item() == pytest.approx(3 * 2**-14, rel=1e-4)


def test_the_gradient_of_a_distribution_s_distance_by_hand():
    synthetic = torch.tensor([[3.0], [5.0]], requires_grad=True)
    distribution_distance(torch.tensor([[1.0]]), synthetic).backward()  # (1 - 4)^2, each image a half of the mean
    assert synthetic.grad is not None
    assert synthetic.grad.flatten().tolist() == [3.0, 3.0]


def test_the_distance_of_two_gradients_by_hand():
    real = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    synthetic = torch.tensor([[5.0, 0.0], [3.0, 0.0], [-2.0, -2.0]])  # the same, a right angle, the opposite
    assert gradient_distance([real], [synthetic]).item() == pytest.approx(0 + 1 + 2, abs=1e-4)


def test_a_filter_of_a_convolution_is_one_direction():
    real = torch.zeros(2, 1, 2, 2)
    real[0, 0, 0, 0] = real[1, 0, 1, 1] = 3
    synthetic = torch.zeros(2, 1, 2, 2)
    synthetic[0, 0, 0] = 1  # (1, 1, 0, 0): 45 degrees off
    synthetic[1, 0, 1, 1] = 7
    assert gradient_distance([real], [synthetic]).item() == pytest.approx(1 - 0.5**0.5, abs=1e-4)


def test_layers_add_up_and_biases_and_normalisations_do_not_count():
    weight, bias = torch.tensor([[1.0, 0.0]]), torch.tensor([1.0, 2.0])
    turned = torch.tensor([[0.0, 1.0]])
    distance = gradient_distance([weight, bias, weight], [turned, -bias, turned])
    assert distance.item() == pytest.approx(2, abs=1e-4)
    assert gradient_distance([bias], [-bias]).item() == 0


def test_a_filter_without_gradient_counts_as_1_and_gives_no_nan():
    synthetic = torch.zeros(1, 3, requires_grad=True)
    distance = gradient_distance([torch.ones(1, 3)], [synthetic])
    distance.backward()
    assert distance.item() == 1
    assert synthetic.grad is not None
    assert bool(torch.isfinite(synthetic.grad).all())


def test_gradients_of_different_weights_are_refused():
    with pytest.raises(ValueError, match="zip"):
        gradient_distance([torch.ones(1, 1)], [torch.ones(1, 1)] * 2)
