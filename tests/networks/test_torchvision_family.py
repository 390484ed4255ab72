from __future__ import annotations

import pytest
import torch
from torchvision import models

from degan_cli.networks import torchvision as family


def test_it_is_the_network_of_torchvision_without_weights(monkeypatch):
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *a, **k: pytest.fail("weights are fetched"))
    spec = family.find("resnet18")
    assert spec.name == "torchvision/resnet18"
    network = spec.build(7, spec.input_for(3, 64, 48))
    theirs = models.resnet18(num_classes=7)
    assert {k: v.shape for k, v in network.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    network.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 64, 48)
    assert torch.equal(network.eval()(images), theirs.eval()(images))


def test_size_mean_and_std_are_those_of_the_published_weights():
    spec = family.find("efficientnet_b1")
    assert spec.published_size == (240, 240)
    assert spec.input_for(3, 64, 48).shape == (3, 64, 48)
    assert spec.statistics(3) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert spec.statistics(1)[0] == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))


def test_a_size_that_the_network_insists_on_is_kept():
    assert family.find("vit_b_16").input_for(3, 32, 32).shape == (3, 224, 224)
    assert family.find("inception_v3").input_for(3, 32, 32).shape == (3, 75, 75)


def test_grey_images_are_taken_by_a_first_layer_of_their_own():
    spec = family.find("shufflenet_v2_x0_5")
    assert spec.build(5, spec.input_for(1, 32, 32)).eval()(torch.randn(2, 1, 32, 32)).shape == (2, 5)


@pytest.mark.parametrize("name", ["", "resnet1", "fcn_resnet50", "raft_large", "../resnet18"])
def test_other_names_are_not_found(name):
    assert family.find(name) is None


def test_names_are_those_it_finds():
    assert {"resnet18", "mobilenet_v3_small", "vgg11"} <= set(family.names())
    assert all(family.find(name) is not None for name in family.names()[::20])


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_a_network_that_takes_its_usual_statistics_back_has_those_that_follow(name):
    spec = family.find(name)
    input = spec.input_for(3, 75, 75)
    assert (input.mean, input.std) == ((0.5,) * 3, (0.5,) * 3)
    options = {"num_classes": 2, "aux_logits": False, "init_weights": False}
    theirs = models.get_model(
        name, weights=None, transform_input=True, **options
    ).eval()  # as published weights have it
    ours = spec.build(2, input).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 3, 75, 75)
    usual = models.get_model_weights(name).DEFAULT.transforms()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (usual.mean, usual.std))
    assert torch.allclose(ours((images - 0.5) / 0.5), theirs((images - mean) / std), atol=1e-4)
