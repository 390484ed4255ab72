from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from degan_cli.gans import degan_gans
from degan_cli.specs import GanShape
from degan_cli.testing import check_gan

DCGAN = next(spec for spec in degan_gans() if spec.name == "dcgan")
PAPER = GanShape(channels=3, size=32)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def shapes(network, x):
    """Channels and side after each convolution."""
    met = []
    for layer in network.layers:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            met.append((x.shape[1], x.shape[2]))
    return met


def test_parameter_counts_of_the_paper():
    assert count(DCGAN.generator(PAPER)) == 3_573_824
    assert count(DCGAN.discriminator(PAPER)) == 2_759_424


def test_layers_of_the_paper():
    generator, discriminator = DCGAN.generator(PAPER), DCGAN.discriminator(PAPER)
    assert shapes(generator, torch.zeros(2, 100, 1, 1)) == [(512, 4), (256, 8), (128, 16), (64, 32), (3, 32)]
    assert shapes(discriminator, torch.zeros(2, 3, 32, 32)) == [(64, 16), (128, 8), (256, 4), (512, 2), (1, 1)]
    assert generator.layers[-1].kernel_size == (1, 1)
    assert not isinstance(discriminator.layers[1], nn.BatchNorm2d), "none after the first convolution"
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in discriminator.layers) == 3
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in generator.layers) == 4


def test_each_doubling_adds_a_block_up_to_16_times_the_width():
    generator = DCGAN.generator(GanShape(channels=1, size=128, width=2, latent=5))
    discriminator = DCGAN.discriminator(GanShape(channels=1, size=128, width=2))
    up = [(32, 4), (32, 8), (16, 16), (8, 32), (4, 64), (2, 128), (1, 128)]
    down = [(2, 64), (4, 32), (8, 16), (16, 8), (32, 4), (32, 2), (1, 1)]
    assert shapes(generator, torch.zeros(2, 5, 1, 1)) == up
    assert shapes(discriminator, torch.zeros(2, 1, 128, 128)) == down


def test_keeps_the_contract_of_a_plugin():
    check_gan(DCGAN, sizes=(32, 64, 96, 128))


def test_initial_weights():
    torch.manual_seed(0)
    for network in (DCGAN.generator(PAPER), DCGAN.discriminator(PAPER)):
        for layer in network.layers:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                assert layer.bias is None
                if layer.weight.numel() > 10_000:
                    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
                    assert layer.weight.mean().item() == pytest.approx(0, abs=1e-3)
            elif isinstance(layer, nn.BatchNorm2d):
                assert layer.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.4)
                assert not bool(layer.bias.any())


def test_pixels_under_autocast_have_more_than_256_levels():
    """bfloat16 would give only 128 of them between 0.5 and 1."""
    torch.manual_seed(0)
    generator = DCGAN.generator(GanShape(channels=3, size=32, width=8))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        images = generator(torch.randn(8, 100))
    assert images.dtype == torch.float32
    assert len(images.unique()) > 256


def test_generated_and_judged_pixels_are_of_0_to_1():
    """The last convolution at its extremes gives black and white, and grey is 0 to the discriminator."""
    generator = DCGAN.generator(GanShape(channels=1, size=32, width=4))
    with torch.no_grad():
        generator.layers[-1].weight.fill_(1e6)
        white = generator(torch.randn(2, 100))
        generator.layers[-1].weight.fill_(-1e6)
        black = generator(torch.randn(2, 100))
        grey = DCGAN.discriminator(GanShape(channels=1, size=32, width=4)).eval()(torch.full((2, 1, 32, 32), 0.5))
    assert float(white.max()) == 1
    assert float(black.min()) == 0
    assert grey.tolist() == [0, 0]


def test_sizes_of_6_doubled_begin_with_maps_of_6():
    generator = DCGAN.generator(GanShape(channels=3, size=96, width=2, latent=5))
    discriminator = DCGAN.discriminator(GanShape(channels=3, size=96, width=2))
    up = [(32, 6), (16, 12), (8, 24), (4, 48), (2, 96), (3, 96)]
    down = [(2, 48), (4, 24), (8, 12), (16, 6), (32, 3), (1, 1)]
    assert shapes(generator, torch.zeros(2, 5, 1, 1)) == up
    assert shapes(discriminator, torch.zeros(2, 3, 96, 96)) == down


@pytest.mark.parametrize("size", [0, 16, 24, 28, 33, 40, 80])
def test_refuses_sizes_that_it_cannot_make(size):
    for build in (DCGAN.generator, DCGAN.discriminator):
        with pytest.raises(ValueError, match=f"dcgan makes images of 32, 48, 64, 96, 128, .* a side, not {size}"):
            build(GanShape(channels=3, size=size))


def test_refuses_an_empty_layer():
    with pytest.raises(ValueError, match="channels, latent and width of 1 at least, not 3, 0, 64"):
        DCGAN.generator(GanShape(channels=3, size=32, latent=0))


def test_listing_it_does_not_import_torch():
    code = "import sys, degan_cli.gans as g; g.degan_gans(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
