"""Run with the plugin installed: ``pip install -e '.[test]'``."""

from __future__ import annotations

import json
import subprocess
import sys

import degan_resnet_gan
import pytest
import torch
from degan_resnet_gan.networks import widths
from torch import nn

from degan_cli.specs import GanShape
from degan_cli.testing import check_gan

(SPEC,) = degan_resnet_gan.degan_gans()


def test_keeps_the_contract():
    check_gan(SPEC, sizes=(32, 64, 96, 128))


def test_widths_double_and_stop_at_eight_times_the_first():
    assert widths(GanShape(channels=3, size=32, width=64)) == [64, 128, 256, 512]
    assert widths(GanShape(channels=3, size=128, width=16)) == [16, 32, 64, 128, 128, 128]
    assert widths(GanShape(channels=3, size=96, width=16)) == [16, 32, 64, 128, 128]


@pytest.mark.parametrize("size", [16, 33, 40])
def test_refuses_other_sizes(size):
    with pytest.raises(ValueError, match=f"not {size}"):
        SPEC.generator(GanShape(channels=3, size=size))


def test_no_layer_of_the_discriminator_stretches_more_than_its_spectral_norm_of_1():
    torch.manual_seed(0)
    discriminator = SPEC.discriminator(GanShape(channels=3, size=32, width=8))
    images = torch.rand(4, 3, 32, 32)
    for _ in range(20):  # each pass in train mode is one power iteration
        discriminator(images)
    discriminator.eval()

    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            norm = torch.linalg.matrix_norm(module.weight.flatten(1), 2)
            assert norm.item() == pytest.approx(1, abs=0.05)


def test_the_discriminator_judges_each_image_alone_in_train_mode_too():
    torch.manual_seed(0)
    discriminator = SPEC.discriminator(GanShape(channels=1, size=32, width=8))
    images = torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        for _ in range(50):  # until the power iteration has settled
            together = discriminator(images)
        alone = discriminator(images[:1])

    torch.testing.assert_close(alone, together[:1], rtol=1e-3, atol=1e-3)


def test_learns_to_tell_bright_from_dark():
    torch.manual_seed(0)
    discriminator = SPEC.discriminator(GanShape(channels=1, size=32, width=8))
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3, (0.5, 0.999))
    bright, dark = torch.rand(8, 1, 32, 32) / 2 + 0.5, torch.rand(8, 1, 32, 32) / 2
    for _ in range(30):
        loss = nn.functional.softplus(discriminator(dark) - discriminator(bright)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    assert bool((discriminator(bright) > discriminator(dark).max()).all())


def test_degan_lists_it_with_its_distribution():
    command = [sys.executable, "-m", "degan_cli", "list", "gans", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    providers = {row["name"]: row["provider"] for row in json.loads(result.stdout)}
    assert providers.get("resnet-gan", "").startswith("degan-resnet-gan ")


def test_import_leaves_torch_alone():
    code = "import sys, degan_resnet_gan; degan_resnet_gan.degan_gans(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
