"""Images seen through affine maps: PyTorch's own values, and the same ones in 16 bits."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from degan_cli.images import augmentation
from degan_cli.images.resample import resample


@pytest.mark.parametrize("outside", ["zeros", "border"])
@pytest.mark.parametrize("maps", [5, 1])
def test_values_are_those_of_affine_grid_and_grid_sample(outside, maps):
    images, theta = torch.rand(5, 3, 12, 7), torch.randn(maps, 2, 3)
    grid = F.affine_grid(theta.expand(5, 2, 3), [5, 3, 12, 7], align_corners=False)
    wanted = F.grid_sample(images, grid, padding_mode=outside, align_corners=False)
    torch.testing.assert_close(resample(images, theta, outside), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["strong", "outlined", "resized-crop-flip"])
def test_changes_in_16_bits_are_those_in_32(kind):
    images = torch.rand(8, 3, 64, 64)
    torch.manual_seed(1)
    wanted = augmentation(kind)(images)
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = augmentation(kind)(images)
    assert torch.equal(found, wanted)
