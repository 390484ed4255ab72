from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.gans import degan_gans
from degan_cli.specs import GanShape
from degan_cli.testing import check_gan

DAFL = next(spec for spec in degan_gans() if spec.name == "dafl")
PAPER = GanShape(channels=3, size=32, latent=1000, width=64)
SMALL = GanShape(channels=3, size=32, latent=20, width=8)


def test_parameter_count_of_the_authors_generator():
    linear = 1000 * 8192 + 8192  # to 128 maps of 8x8
    convolutions = (128 * 128 * 9 + 128) + (128 * 64 * 9 + 64) + (64 * 3 * 9 + 3)
    norms = 2 * 128 + 2 * 128 + 2 * 64 + 2 * 3  # the last is ours
    count = sum(parameter.numel() for parameter in DAFL.generator(PAPER).parameters())
    assert count == linear + convolutions + norms == 8_423_945


def test_layers_of_the_authors_generator():
    generator = DAFL.generator(PAPER)
    x, met = torch.zeros(2, 128, 8, 8), []
    for layer in generator.layers:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            met.append((x.shape[1], x.shape[2]))
    assert met == [(128, 16), (64, 32), (3, 32)]
    norms = [layer for layer in generator.layers if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.eps for norm in norms] == [1e-5, 0.8, 0.8, 1e-5]
    assert {layer.mode for layer in generator.layers if isinstance(layer, nn.Upsample)} == {"nearest"}
    assert isinstance(generator.layers[-2], nn.Tanh)
    assert {layer.negative_slope for layer in generator.layers if isinstance(layer, nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize("size", [16, 28, 32, 64])
def test_makes_multiples_of_four(size):
    images = DAFL.generator(GanShape(channels=1, size=size, latent=5, width=4))(torch.randn(3, 5))
    assert images.shape == (3, 1, size, size)


@pytest.mark.parametrize("size", [0, -16, 8, 12, 18, 33])
def test_refuses_sizes_that_it_cannot_make(size):
    with pytest.raises(ValueError, match=f"dafl makes images of a multiple of 4 from 16 pixels a side, not {size}$"):
        DAFL.generator(GanShape(channels=3, size=size))


def test_pixels_spread_like_those_of_photographs_at_first():
    torch.manual_seed(0)
    images = DAFL.generator(SMALL)(torch.randn(64, 20)).detach()
    for channel in images.unbind(1):
        assert channel.mean().item() == pytest.approx(0.5, abs=0.03)
        assert 0.23 < channel.std().item() < 0.3


def test_pixels_reach_black_and_white_and_no_further():
    torch.manual_seed(0)
    generator = DAFL.generator(SMALL)
    nn.init.constant_(generator.layers[-1].weight, 1e6)
    images = generator(torch.randn(8, 20))
    assert float(images.detach().min()) == 0
    assert float(images.detach().max()) == 1


def test_it_is_fit_for_black_images_only_because_the_last_norm_has_weights():
    generator = DAFL.generator(SMALL)
    nn.init.constant_(generator.layers[-1].bias, -1e6)
    assert not bool(generator(torch.randn(8, 20)).any())


def test_pixels_under_autocast_have_more_than_256_levels():
    torch.manual_seed(0)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        images = DAFL.generator(SMALL)(torch.randn(8, 20))
    assert images.dtype == torch.float32
    assert len(images.unique()) > 256


def test_keeps_the_contract_of_a_plugin():
    check_gan(DAFL)
