from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.networks.lrn import LocalResponseNorm

# Strong enough that every channel of a window counts: with the usual 1e-4 a wrong window would pass unseen.
STRONG = 0.7


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("alpha", [1e-4, STRONG])
@pytest.mark.parametrize("channels", [1, 2, 7])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_pytorchs_in_values_and_gradients(size, alpha, channels, layout):
    torch.manual_seed(0)
    x = (3 * torch.randn(2, channels, 5, 6)).to(memory_format=layout).requires_grad_()
    weight = torch.randn(2, channels, 5, 6)
    ours, theirs = LocalResponseNorm(size, alpha, k=1.5)(x), nn.LocalResponseNorm(size, alpha, k=1.5)(x)

    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    (gradient,) = torch.autograd.grad((ours * weight).sum(), x)
    (expected,) = torch.autograd.grad((theirs * weight).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_without_gradients_and_traced_it_is_the_same_for_any_number_of_images(size, tmp_path):
    torch.manual_seed(0)
    norm, example, x = LocalResponseNorm(size, STRONG), torch.randn(2, 7, 5, 6), torch.randn(5, 7, 5, 6)
    with torch.no_grad():
        assert torch.equal(norm(x), norm(x.requires_grad_()))
        traced = torch.jit.trace(norm, example, check_trace=False)
    torch.jit.save(traced, tmp_path / "norm.pt")  # which a function of Python does not survive
    torch.testing.assert_close(torch.jit.load(tmp_path / "norm.pt")(x), norm(x))


def test_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(LocalResponseNorm(3, STRONG), (x,))


def test_by_hand():
    x = torch.tensor([2.0, 4.0]).view(1, 2, 1, 1)
    # Window of 2 starting one channel before: (0, 4) / 2 = 2 and (4, 16) / 2 = 10.
    expected = torch.tensor([2 / 3**0.75, 4 / 11**0.75]).view(1, 2, 1, 1)
    torch.testing.assert_close(LocalResponseNorm(2, alpha=1.0)(x), expected)


def test_under_autocast_it_is_as_exact_as_bfloat16_can_hold():
    torch.manual_seed(0)
    x = 3 * torch.randn(2, 8, 4, 4)
    low = x.to(torch.bfloat16).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = LocalResponseNorm(2, STRONG)(low)
    (gradient,) = torch.autograd.grad(y.float().sum(), low)

    same = low.detach().float().requires_grad_()
    exact = nn.LocalResponseNorm(2, STRONG)(same)
    (expected,) = torch.autograd.grad(exact.sum(), same)
    assert y.dtype == gradient.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), exact, rtol=2**-8, atol=0)  # one rounding, no more
    torch.testing.assert_close(gradient.float(), expected, rtol=2**-8, atol=1e-6)


def test_leaves_its_input_and_its_layout_alone():
    x = torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last)
    before = x.clone()
    y = LocalResponseNorm(2)(x)
    assert torch.equal(x, before)
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_refuses_an_empty_window():
    with pytest.raises(ValueError, match="window of 0 channels"):
        LocalResponseNorm(0)
