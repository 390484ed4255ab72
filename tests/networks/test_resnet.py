from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.networks.resnet import BasicBlock, ZeroPadded, resnet18, resnet32, resnet34


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("build", "expected"), [(resnet18, 11_220_132), (resnet34, 21_328_292), (resnet32, 470_004)])
def test_parameter_counts(build, expected):
    assert count(build(100, 3)) == expected


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (resnet18, [(64, 32), (64, 32), (128, 16), (256, 8), (512, 4)]),
        (resnet32, [(16, 32), (16, 32), (32, 16), (64, 8)]),
    ],
)
def test_stem_keeps_the_size_and_stages_halve_it(build, shapes):
    network = build(10).eval()
    x = torch.zeros(1, 3, 32, 32)
    met = []
    for name, layer in network.named_children():
        x = layer(x)
        if name == "relu" or name.startswith("layer"):
            met.append((x.shape[1], x.shape[2]))
    assert met == shapes


def test_depths_count_as_in_the_names():
    for build, depth in ((resnet18, 18), (resnet34, 34), (resnet32, 32)):
        weighted = [
            m for m in build(10).modules() if isinstance(m, nn.Linear) or getattr(m, "kernel_size", 0) == (3, 3)
        ]
        assert len(weighted) == depth


def test_state_dict_has_torchvisions_names():
    keys = set(resnet18(10).state_dict())
    assert {"conv1.weight", "bn1.bias", "layer2.0.downsample.0.weight", "layer4.1.bn2.running_var", "fc.bias"} <= keys


def test_only_resnet32_ends_without_relu():
    for build, relus in ((resnet18, [True] * 8), (resnet32, [True] * 14 + [False])):
        assert [m.relu for m in build(10).modules() if isinstance(m, BasicBlock)] == relus


def test_resnet32_feature_maps_may_be_negative_and_resnet18s_may_not():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 32, 32)
    assert float(resnet32(10)[:-3](x).detach().min()) < 0
    assert float(resnet18(10)[:-3](x).detach().min()) >= 0


@pytest.mark.parametrize("side", [4, 5])
def test_zero_padded_shortcut_takes_every_second_pixel(side):
    x = torch.randn(2, 3, side, side)
    y = ZeroPadded(3, 6)(x)
    assert not list(ZeroPadded(3, 6).parameters())
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not bool(y[:, 3:].any())
    assert y.shape[1] == 6


def test_resnet32_starts_from_he_normal():
    torch.manual_seed(0)
    weight = resnet32(10).layer3[1].conv1.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.03)
