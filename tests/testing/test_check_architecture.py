"""A check is worth what it catches: one broken classifier for each claim."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from degan_cli.specs import ArchitectureSpec
from degan_cli.testing import check_architecture


def good(num_classes, input):
    return nn.Sequential(
        nn.Conv2d(input.channels, 4, 3, 2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(4, num_classes),
    )


class Wrapped(nn.Module):
    def __init__(self, num_classes, input):
        super().__init__()
        self.network = good(num_classes, input)

    def forward(self, x):
        return self.network(x)


class Blind(Wrapped):
    def forward(self, x):
        return super().forward(x.detach())


class Unused(Wrapped):
    def __init__(self, num_classes, input):
        super().__init__(num_classes, input)
        self.forgotten = nn.Linear(2, 2)


class BatchDependent(Wrapped):
    def forward(self, x):
        return super().forward(x - x.mean(0))


class HiddenState(Wrapped):
    def __init__(self, num_classes, input):
        super().__init__(num_classes, input)
        self.offset = torch.rand(())

    def forward(self, x):
        return super().forward(x) + self.offset


class ExtraState(Wrapped):
    def get_extra_state(self):
        return {"anything": "at all"}

    def set_extra_state(self, state):
        pass


def ten_classes(num_classes, input):
    return good(10, input)


def two_outputs(num_classes, input):
    class Two(Wrapped):
        def forward(self, x):
            return super().forward(x), x

    return Two(num_classes, input)


def always_drops(num_classes, input):
    class Drops(Wrapped):
        def forward(self, x):
            return nn.functional.dropout(super().forward(x))

    return Drops(num_classes, input)


def grows(num_classes, input):
    network = good(num_classes, input)
    network[-1] = nn.Linear(4, num_classes)
    with torch.no_grad():
        network[-1].bias.fill_(torch.inf)
    return network


def frozen(num_classes, input):
    return good(num_classes, input).requires_grad_(False)


def half_precision(num_classes, input):
    return good(num_classes, input).half()


def unseeded(num_classes, input):
    network = good(num_classes, input)
    nn.init.normal_(network[0].weight, generator=torch.Generator().manual_seed(torch.seed()))
    return network


def switches_gradients_off(num_classes, input):
    torch.set_grad_enabled(False)
    return good(num_classes, input)


def fixed_head(num_classes, input):
    return nn.Sequential(nn.Flatten(), nn.Linear(input.channels * 32 * 32, num_classes))


def zero_head(num_classes, input):
    network = good(num_classes, input)
    nn.init.zeros_(network[-1].weight)
    return network


@pytest.fixture(autouse=True)
def _gradients_on():
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize("build", [good, zero_head], ids=lambda build: build.__name__)
def test_passes_what_keeps_the_contract(build):
    check_architecture(ArchitectureSpec(name="mine", build=build))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Blind, "no gradient reaches the images"),
        (Unused, "no gradient reaches forgotten.weight"),
        (BatchDependent, "depends on the other inputs of the batch"),
        (HiddenState, "its state_dict does not hold all of it"),
        (ExtraState, "_extra_state of its state_dict is dict, not a tensor"),
        (ten_classes, r"mine for 3 classes and 1x32x32: its logits in train mode: shape \(4, 10\), not \(4, 3\)"),
        (two_outputs, "its logits in train mode: tuple, not a tensor"),
        (always_drops, "two passes in eval mode differ"),
        (grows, "6.bias is not finite when built"),
        (frozen, "0.weight is frozen when built"),
        (half_precision, "0.weight is torch.float16, not torch.float32"),
        (unseeded, "two builds under the same seed differ"),
        (switches_gradients_off, "changes torch's default dtype, device, grad mode or threads"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_catches(build, message):
    with pytest.raises(AssertionError, match=message):
        check_architecture(ArchitectureSpec(name="mine", build=build))


def test_catches_a_fixed_size_that_is_not_declared():
    spec = ArchitectureSpec(name="mine", build=fixed_head)
    check_architecture(replace(spec, size=32))
    with pytest.raises(AssertionError, match="its size is None, so it must take any; for 40x48"):
        check_architecture(spec)


def test_catches_a_feature_layer_that_is_not_there():
    def build(num_classes, input):
        network = good(num_classes, input)
        network.feature_layer = "fc9"
        return network

    with pytest.raises(AssertionError, match='it has no layer "fc9", which its feature_layer names'):
        check_architecture(ArchitectureSpec(name="mine", build=build))


def test_catches_names_that_no_option_can_hold():
    with pytest.raises(AssertionError, match='the name "a:b" has'):
        check_architecture(ArchitectureSpec(name="a:b", build=good))


def test_leaves_the_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    check_architecture(ArchitectureSpec(name="mine", build=good))
    assert torch.equal(torch.get_rng_state(), before)


def missing_layer(num_classes, input):
    return nn.Sequential(nn.Flatten(), nn.Linear(7, num_classes))


def asserts(num_classes, input):
    assert input.channels == 3
    return good(num_classes, input)


@pytest.mark.parametrize(
    ("build", "cause", "message"),
    [
        (missing_layer, RuntimeError, "check_architecture of mine: its code raises RuntimeError: mat1 and mat2 shapes"),
        (asserts, AssertionError, "check_architecture of mine: its code raises AssertionError: assert 1 == 3"),
        (lambda: None, TypeError, "check_architecture of mine: its code raises TypeError: .*takes 0 positional"),
    ],
)
def test_an_exception_of_the_author_names_the_spec_and_the_check_and_is_the_cause(build, cause, message):
    with pytest.raises(AssertionError, match=message) as caught:
        check_architecture(ArchitectureSpec(name="mine", build=build))
    assert type(caught.value.__cause__) is cause


def test_supports_networks_for_one_channel_count():
    def rgb_only(num_classes, input):
        if input.channels != 3:
            raise ValueError("RGB only")
        return good(num_classes, input)

    check_architecture(ArchitectureSpec(name="mine", build=rgb_only), channels=(3,))
    check_architecture(ArchitectureSpec(name="mine", build=rgb_only, channels=(3,)))
    with pytest.raises(AssertionError, match="its code raises ValueError: RGB only"):
        check_architecture(ArchitectureSpec(name="mine", build=rgb_only))
