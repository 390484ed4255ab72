from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.networks.lenet import HalvingMaxPool, lenet, lenet_half


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("build", "grey", "rgb"), [(lenet, 61_706, 62_006), (lenet_half, 35_820, 35_970)])
def test_parameter_counts(build, grey, rgb):
    """RGB adds two 5x5 kernels to each of the 6 or 3 maps of conv1, and nothing else."""
    assert count(build(10, 1)) == grey
    assert count(build(10, 3)) == rgb


@pytest.mark.parametrize(("build", "features"), [(lenet, 400), (lenet_half, 200)])
def test_shapes_on_the_way(build, features):
    network = build(7, 1)
    flat = network[: list(dict(network.named_children())).index("flatten") + 1]
    assert flat(torch.zeros(2, 1, 32, 32)).shape == (2, features)
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


def test_biases_start_at_0():
    biases = [m.bias for m in lenet(10).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(biases) == 5
    assert not any(bool(bias.any()) for bias in biases)


def test_pooling_without_gradients_gives_the_same_numbers():
    """NaN too, so that a network that diverged is noticed."""
    maps = torch.randn(3, 2, 6, 4, generator=torch.Generator().manual_seed(0))
    maps[0, 0, 1, 1] = float("nan")
    expected = nn.MaxPool2d(2)(maps)
    assert torch.equal(HalvingMaxPool()(maps).nan_to_num(7.0), expected.nan_to_num(7.0))
    assert expected[0, 0, 0, 0].isnan()


def test_pooling_with_gradients_and_in_a_recorded_network_is_torch_s_own():
    maps = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (gradient,) = torch.autograd.grad(HalvingMaxPool()(maps).sum(), maps)
    assert gradient.sum() == 2 * 3 * 2 * 2
    with torch.no_grad():
        assert "aten::max_pool2d" in str(torch.jit.trace(HalvingMaxPool(), maps).graph)
