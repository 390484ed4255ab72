from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.networks.convnet import ConvNet


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("channels", "side", "expected"), [(3, 32, 320_010), (1, 28, 317_706)])
def test_parameter_counts(channels, side, expected):
    """Three 3x3 convolutions with biases, a scale and a shift for each map, and 128 x 4 x 4 features to 10 classes."""
    convolutions = (9 * channels + 1) * 128 + 2 * (9 * 128 + 1) * 128
    assert count(ConvNet(10, channels, side, side)) == convolutions + 3 * 2 * 128 + (2048 + 1) * 10 == expected


@pytest.mark.parametrize(
    ("channels", "height", "width", "features"),
    [(3, 32, 32, 128 * 4 * 4), (1, 28, 28, 128 * 4 * 4), (3, 8, 8, 128), (1, 8, 8, 128), (3, 24, 40, 128 * 3 * 5)],
)
def test_the_features_are_what_the_linear_layer_gets(channels, height, width, features):
    network, images = ConvNet(7, channels, height, width), torch.randn(2, channels, height, width)
    embedding = network.features(images)
    assert embedding.shape == (2, features)
    assert torch.equal(network(images), network.head(embedding))
    assert network(images).shape == (2, 7)


def test_layers_are_in_the_source_s_order():
    kinds = [type(module) for block in ConvNet(2, 3, 32, 32).blocks[:3] for module in block]
    assert kinds == 3 * [nn.Conv2d, nn.GroupNorm, nn.ReLU, nn.AvgPool2d]


def test_each_map_of_each_image_is_normalised_by_itself():
    torch.manual_seed(0)
    network, images = ConvNet(2, 3, 16, 16), torch.randn(2, 3, 16, 16)
    normalised = network.blocks.block1.norm(network.blocks.block1.conv(images))
    expected = nn.InstanceNorm2d(128)(network.blocks.block1.conv(images))
    torch.testing.assert_close(normalised, expected, rtol=1e-4, atol=1e-5)


def test_renewing_draws_other_weights_of_the_same_kind_where_they_are():
    torch.manual_seed(4)
    fresh = ConvNet(3, 1, 8, 8)
    torch.manual_seed(0)
    network = ConvNet(3, 1, 8, 8)
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(9)
    places = [weight.data_ptr() for weight in network.parameters()]
    torch.manual_seed(4)
    network.renew()
    assert [weight.data_ptr() for weight in network.parameters()] == places
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), fresh.parameters(), strict=True))
