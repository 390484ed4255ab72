"""Run with the plugin installed: ``pip install -e '.[test]'``."""

from __future__ import annotations

import json
import subprocess
import sys

import degan_light_gan
import pytest
import torch
from degan_light_gan.networks import Gate, widths
from torch import nn

from degan_cli.specs import GanShape
from degan_cli.testing import check_gan

(SPEC,) = degan_light_gan.degan_gans()


def test_keeps_the_contract():
    check_gan(SPEC, sizes=(32, 64, 96, 128))


def test_widths_double_and_stop_at_eight_times_the_first():
    assert widths(GanShape(channels=3, size=32, width=64)) == [64, 128, 256, 512]
    assert widths(GanShape(channels=3, size=96, width=16)) == [16, 32, 64, 128, 128]


@pytest.mark.parametrize("size", [16, 33, 40])
def test_refuses_other_sizes(size):
    with pytest.raises(ValueError, match=f"not {size}"):
        SPEC.generator(GanShape(channels=3, size=size))


@pytest.mark.parametrize(("size", "gates"), [(32, 1), (64, 2), (96, 2), (128, 3)])
def test_each_map_from_8_times_the_first_on_has_a_gate(size, gates):
    generator = SPEC.generator(GanShape(channels=3, size=size, width=2, latent=4))
    assert sum(isinstance(module, Gate) for module in generator.modules()) == gates


def test_a_closed_gate_leaves_the_last_convolution_its_bias_alone():
    """The gates multiply: with factors of 0 no pixel depends on the noise."""
    generator = SPEC.generator(GanShape(channels=1, size=32, width=2, latent=4)).eval()

    class Closed(nn.Module):
        def forward(self, x):
            return x.new_zeros(len(x), 2, 1, 1)

    noise = torch.randn(3, 4)
    assert generator(noise).unique().numel() > 1
    generator.gates[-1] = Closed()
    with torch.no_grad():
        generator.last.bias.fill_(0.3)
        images = generator(noise)
    torch.testing.assert_close(images, torch.full((3, 1, 32, 32), 0.64566))  # (tanh(0.3) + 1) / 2


def test_the_middle_grey_is_0_to_the_discriminator():
    discriminator = SPEC.discriminator(GanShape(channels=1, size=32, width=4)).eval()
    assert discriminator(torch.full((2, 1, 32, 32), 0.5)).tolist() == [0, 0]


def test_learns_to_tell_bright_from_dark():
    torch.manual_seed(0)
    discriminator = SPEC.discriminator(GanShape(channels=1, size=32, width=8))
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3, (0.5, 0.999))
    bright, dark = torch.rand(8, 1, 32, 32) / 2 + 0.5, torch.rand(8, 1, 32, 32) / 2
    images, signs = torch.cat([bright, dark]), torch.tensor([1.0] * 8 + [-1.0] * 8)
    for _ in range(30):
        loss = nn.functional.softplus(-signs * discriminator(images)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    logits = discriminator(images)
    assert logits[:8].min() > logits[8:].max()


def test_degan_lists_it_with_its_distribution():
    command = [sys.executable, "-m", "degan_cli", "list", "gans", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    providers = {row["name"]: row["provider"] for row in json.loads(result.stdout)}
    assert providers.get("light-gan", "").startswith("degan-light-gan ")


def test_import_leaves_torch_alone():
    code = "import sys, degan_light_gan; degan_light_gan.degan_gans(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
