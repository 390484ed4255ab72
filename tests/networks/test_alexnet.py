from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.networks.alexnet import alexnet, alexnet_half
from degan_cli.networks.lrn import LocalResponseNorm


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("build", "expected", "last"), [(alexnet, 1_659_178, 256), (alexnet_half, 417_434, 128)])
def test_parameter_counts(build, expected, last):
    assert count(build(10, 3)) == expected
    assert count(build(100, 3)) == expected + 90 * (last + 1), "the head follows the number of classes"


def test_layers_are_in_the_paper_codes_order():
    network = alexnet(10)
    orders = {
        name: [type(m) for m in part] for name, part in network.named_children() if isinstance(part, nn.Sequential)
    }
    pooled = [nn.Conv2d, nn.ReLU, LocalResponseNorm, nn.MaxPool2d, nn.BatchNorm2d]
    dense = [nn.Linear, nn.ReLU, nn.Dropout, nn.BatchNorm1d]
    assert orders == {
        "layer1": pooled,
        "layer2": pooled,
        "layer3": [nn.Conv2d, nn.ReLU, nn.BatchNorm2d],
        "layer4": [nn.Conv2d, nn.ReLU, nn.BatchNorm2d],
        "layer5": [nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.BatchNorm2d],
        "fc1": dense,
        "fc2": dense,
    }


def test_constants_of_the_paper_code():
    network = alexnet(10)
    biases = [m.bias[0].item() for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert biases == [0, 1, 0, 1, 1, 0, 0, 0]
    assert {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d)} == {1e-3}
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.5}
    assert {(m.size, m.alpha, m.k) for m in network.modules() if isinstance(m, LocalResponseNorm)} == {(2, 1e-4, 1.0)}


@pytest.mark.parametrize(("build", "divisor"), [(alexnet, 1), (alexnet_half, 2)])
def test_shapes_on_the_way(build, divisor):
    network = build(10).eval()
    x = torch.zeros(1, 3, 32, 32)
    sides = []
    for name in ("layer1", "layer2", "layer3", "layer4", "layer5"):
        x = getattr(network, name)(x)
        sides.append((x.shape[1] * divisor, x.shape[2]))
    assert sides == [(48, 15), (128, 7), (192, 7), (192, 7), (128, 3)]


def test_trains_on_two_images_and_runs_on_one():
    network = alexnet_half(10)
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert network.eval()(torch.randn(1, 3, 32, 32)).shape == (1, 10)
