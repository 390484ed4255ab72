"""A backbone at the size of its classifier: what is built, and that a step trains it in each precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from degan_cli.config.methods import DeganSettings
from degan_cli.engine import start
from degan_cli.models import Classifier, Generator
from degan_cli.plugins import load_plugins
from degan_cli.specs import GanSpec, InputSpec, MethodParts

DCGAN = load_plugins(enabled=False).gans.get("dcgan")
BATCH = 4


def input_of(channels: int, height: int, width: int) -> InputSpec:
    return InputSpec(channels=channels, height=height, width=width, mean=(0.5,) * channels, std=(0.5,) * channels)


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ((28, 28), 32),
        ((32, 32), 32),
        ((33, 20), 48),
        ((64, 64), 64),
        ((65, 96), 96),
        ((128, 97), 128),
        ((224, 224), 256),
    ],
)
def test_the_least_size_that_has_both_sides_is_made(sides, size):
    assert DCGAN.shape_for(input_of(3, *sides), 100, 64).size == size


@pytest.mark.parametrize(("side", "size"), [(28, 32), (33, 64), (96, 128), (129, 256)])
def test_a_backbone_that_says_nothing_of_its_smallest_maps_is_asked_for_powers_of_two(side, size):
    spec = GanSpec(name="mine", generator=DCGAN.generator, discriminator=DCGAN.discriminator)
    assert spec.shape_for(input_of(1, side, side), 10, 8).size == size


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 64, 96, 128])
def test_a_step_trains_it_for_classifiers_of_any_size(side, channels, precision):
    input = input_of(channels, side, side)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, 3))
    shape = DCGAN.shape_for(input, 8, 4)
    torch.manual_seed(0)
    method = (
        load_plugins(enabled=False)
        .methods.get("degan")
        .build(
            MethodParts(
                engine=start("cpu", precision, seed=0),
                generator=Generator(DCGAN.generator(shape), "dcgan", shape),
                discriminator=DCGAN.discriminator(shape),
                classifier=Classifier(network, "tiny", ("a", "b", "c"), input).freeze(),
                latent=8,
                lr=1e-3,
                settings=DeganSettings(),
            )
        )
    )
    before = [weight.clone() for weight in method.generator.parameters()]
    row = method.step(torch.rand(BATCH, channels, shape.size, shape.size))
    assert all(math.isfinite(value) for value in row.values())
    assert not any(torch.equal(was, now) for was, now in zip(before, method.generator.parameters(), strict=True))
