from __future__ import annotations

import torch
from conftest import INPUT
from torch import Tensor, nn

from degan_cli.models import Classifier, feature_layer, tapped
from degan_cli.networks.lenet import lenet
from degan_cli.specs import InputSpec


class TwoHeads(nn.Module):
    """Registers an auxiliary head after the one that gives the logits, and runs it first."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 5, 3)
        self.head = nn.Linear(5, 2)
        self.auxiliary = nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.body(images).mean(dim=(2, 3))
        self.auxiliary(hidden + 1)
        return self.head(hidden)


def test_features_are_the_input_of_the_linear_layer_that_runs_last() -> None:
    model, images = TwoHeads(), torch.rand(4, 3, 8, 8)
    with torch.no_grad(), tapped(model) as tap:
        logits = model(images)
    assert tap.layer == "head"
    torch.testing.assert_close(tap.features(logits), model.body(images).mean(dim=(2, 3)).detach())


def test_the_model_is_left_as_it_was() -> None:
    model = TwoHeads()
    with tapped(model):
        assert any(module._forward_pre_hooks for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_without_a_linear_layer_the_logits_are_the_features() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad(), tapped(model) as tap:
        logits = model(torch.rand(4, 3, 8, 8))
    assert tap.layer == ""
    assert torch.equal(tap.features(logits), logits)


def test_features_carry_gradients_only_when_that_is_asked_for() -> None:
    model, images = TwoHeads(), torch.rand(4, 3, 8, 8, requires_grad=True)
    with tapped(model) as tap:
        detached = tap.features(model(images))
    assert not detached.requires_grad
    with tapped(model, gradients=True) as tap:
        features = tap.features(model(images))
    assert torch.equal(features, detached)
    (through,) = torch.autograd.grad(features.square().sum(), images)
    (directly,) = torch.autograd.grad(model.body(images).mean(dim=(2, 3)).square().sum(), images)
    torch.testing.assert_close(through, directly)
    assert bool(through.any())


def test_each_pass_gives_its_own_features() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad(), tapped(model) as tap:
        first = tap.features(model(torch.zeros(3, 1, 2, 2)))
        second = tap.features(model(torch.ones(2, 1, 2, 2)))
    assert torch.equal(first, torch.zeros(3, 4))
    assert torch.equal(second, torch.ones(2, 4))


def test_a_network_may_name_the_layer_whose_input_a_method_should_take() -> None:
    input = InputSpec(channels=1, height=32, width=32, mean=(0.5,), std=(0.5,))
    classifier, images = Classifier(lenet(10), "lenet", tuple("0123456789"), input), torch.rand(3, 1, 32, 32)
    assert feature_layer(classifier) == "network.fc2"
    with torch.no_grad(), tapped(classifier, layer=feature_layer(classifier)) as tap:
        logits = classifier(images)
    # Of LeNet-5 the 120 numbers that go into the second last linear layer, as in DAFL's code.
    expected = classifier.network[:9](2 * images - 1).detach()
    assert tap.features(logits).shape == (3, 120)
    torch.testing.assert_close(tap.features(logits), expected)
    with torch.no_grad(), tapped(classifier) as tap:
        logits = classifier(images)
    assert (tap.layer, tap.features(logits).shape) == ("network.fc3", (3, 84)), "measures keep the last layer's input"


def test_without_a_name_it_is_the_linear_layer_that_runs_last() -> None:
    classifier = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), "plain", ("a", "b"), INPUT)
    assert feature_layer(classifier) == ""
