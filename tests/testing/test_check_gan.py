from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from degan_cli.specs import GanSpec
from degan_cli.testing import check_gan


class Good(nn.Module):
    def __init__(self, shape):
        super().__init__()
        if shape.size & (shape.size - 1):
            raise ValueError(f"powers of two, not {shape.size}")
        self.first = nn.Linear(shape.latent, shape.width)
        self.norm = nn.BatchNorm1d(shape.width)
        self.last = nn.Linear(shape.width, shape.channels * shape.size**2)
        self.shape = (shape.channels, shape.size, shape.size)

    def forward(self, z):
        return self.last(self.norm(self.first(z)).relu()).sigmoid().unflatten(1, self.shape)


class GoodJudge(nn.Module):
    def __init__(self, shape):
        super().__init__()
        if shape.size & (shape.size - 1):
            raise ValueError(f"powers of two, not {shape.size}")
        self.layers = nn.Sequential(
            nn.Conv2d(shape.channels, shape.width, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.last = nn.Linear(shape.width, 1)

    def forward(self, images):
        return self.last(self.layers(images)).flatten()


class MinusOneToOne(Good):
    def forward(self, z):
        return super().forward(z) * 2 - 1


class NoiseInside(Good):
    def forward(self, z):
        return super().forward(torch.randn_like(z))


class AllOfOneSize(Good):
    def __init__(self, shape):
        super().__init__(replace(shape, size=32))


class FixedWidth(Good):
    def __init__(self, shape):
        super().__init__(replace(shape, width=8))


class TruncatedLatent(Good):
    def __init__(self, shape):
        super().__init__(replace(shape, latent=10))


class Column(GoodJudge):
    def forward(self, images):
        return super().forward(images)[:, None]


class Blind(GoodJudge):
    def forward(self, images):
        return super().forward(images * 0)


GOOD = GanSpec(name="mine", generator=Good, discriminator=GoodJudge)


def test_passes_what_keeps_the_contract():
    check_gan(GOOD)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": MinusOneToOne}, r"mine for 1x32x32: the generated images: pixels from -.* not in \[0, 1\]"),
        ({"generator": NoiseInside}, "no gradient reaches z"),
        ({"generator": AllOfOneSize}, r"mine for 3x64x64: the generated images: shape \(4, 3, 32, 32\)"),
        ({"generator": FixedWidth}, "generator of mine: ignores the width"),
        ({"discriminator": Column}, r"the discriminator's logits: shape \(4, 1\), not \(4,\)"),
        ({"discriminator": Blind}, "the gradient of the images is 0"),
    ],
    ids=lambda value: next(iter(value.values())).__name__ if isinstance(value, dict) else "",
)
def test_catches(change, message):
    with pytest.raises(AssertionError, match=message):
        check_gan(replace(GOOD, **change))


def test_catches_what_bfloat16_cannot_do():
    class WithWhite(Good):
        def forward(self, z):
            images = super().forward(z)
            return images.lerp(torch.ones(images.shape), 0.1)  # float32, whatever the images are

    with pytest.raises(AssertionError, match="check_gan of mine: its code raises RuntimeError: .*BFloat16"):
        check_gan(replace(GOOD, generator=WithWhite))


def test_catches_a_latent_length_that_is_ignored():
    with pytest.raises(AssertionError, match="generator of mine: ignores the latent length"):
        check_gan(replace(GOOD, generator=TruncatedLatent))


def test_catches_a_size_that_is_rounded_in_silence():
    class Rounding(Good):
        def __init__(self, shape):
            super().__init__(replace(shape, size=1 << (shape.size.bit_length() - 1)))

    with pytest.raises(AssertionError, match=r"for 33 pixels raise ValueError, not make \(32, 32\)"):
        check_gan(replace(GOOD, generator=Rounding))
