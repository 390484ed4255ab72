from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.networks.inception import Branches, inception_v3


def sized(network: nn.Module, side: int) -> list[tuple[str, tuple[int, ...]]]:
    """Names of the stages with the shapes of their outputs for one image."""
    met = []
    for name, stage in network.named_children():
        stage.register_forward_hook(lambda _, inputs, y, name=name: met.append((name, tuple(y.shape[1:]))))
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, side, side))
    return met


@pytest.mark.parametrize(
    ("classes", "channels", "expected"),
    [(100, 3, 22_318_148), (10, 1, 22_318_148 - 90 * (2048 + 1) - 2 * 3 * 3 * 32)],
)
def test_parameter_counts(classes, channels, expected):
    assert sum(parameter.numel() for parameter in inception_v3(classes, channels).parameters()) == expected


def test_two_stages_halve_the_size():
    assert sized(inception_v3(10), 32) == [
        ("stem", (192, 30, 30)),
        ("a", (288, 30, 30)),
        ("b", (768, 14, 14)),
        ("c", (768, 14, 14)),
        ("d", (1280, 6, 6)),
        ("e", (2048, 6, 6)),
        ("avgpool", (2048, 1, 1)),
        ("dropout", (2048, 1, 1)),
        ("flatten", (2048,)),
        ("fc", (10,)),
    ]


def test_images_of_9_pixels_are_the_smallest():
    network = inception_v3(10)
    assert ("d", (1280, 1, 1)) in sized(network, 9)
    with pytest.raises(RuntimeError, match="[Kk]ernel size"):
        sized(network, 8)


def test_branches_join_along_the_channels():
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(Branches([nn.Identity(), nn.ReLU()])(x), torch.cat([x, x.relu()], 1))


def test_seven_by_seven_branches_begin_with_the_column():
    with torch.device("meta"):
        network = inception_v3(10)
    for block, width in zip(network.c, (128, 160, 160, 192), strict=True):
        one, two = ([layer[0] for layer in branch] for branch in block[1:3])
        assert [conv.kernel_size for conv in one] == [(1, 1), (7, 1), (1, 7)]
        assert [conv.kernel_size for conv in two] == [(1, 1), (7, 1), (1, 7), (7, 1), (1, 7)]
        assert [conv.out_channels for conv in (*one, *two)] == [width, width, 192, *[width] * 4, 192]


def test_an_image_alone_has_the_logits_that_it_has_in_a_batch():
    torch.manual_seed(0)
    network = inception_v3(10)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # else the fresh running statistics would let all signals fade
    images = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        network.train()(images)
        together = network.eval()(images)
        alone = torch.cat([network(image[None]) for image in images])
    assert float(together.std(0).min()) > 0.05
    torch.testing.assert_close(alone, together, rtol=1e-3, atol=1e-4)
