import pytest
import torch
from conftest import tiny_classifier
from torch import nn

from degan_cli.models import resting


def looks(network):
    return [module.training for module in network.modules()], [w.requires_grad for w in network.parameters()]


@pytest.mark.parametrize("training", [True, False])
def test_a_network_rests_inside_and_is_as_it_was_after(training):
    network = tiny_classifier().train(training)
    before = looks(network)
    with resting(network):
        modes, wants = looks(network)
        assert not any(modes)
        assert not any(wants)
    assert looks(network) == before


def test_layers_that_were_in_eval_mode_and_weights_that_were_frozen_stay_so():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2)).train()
    network[0].requires_grad_(False)
    network[1].eval()
    with resting(network):
        pass
    assert looks(network) == ([True, True, False, True], [False, False, True, True, True, True])


def test_it_is_as_it_was_after_an_exception_too():
    network = tiny_classifier().train()
    before = looks(network)
    with pytest.raises(RuntimeError, match="on the way"), resting(network):
        raise RuntimeError("on the way")
    assert looks(network) == before


def test_gradients_pass_through_a_resting_network_to_the_images_alone():
    network, images = tiny_classifier().train(), torch.rand(4, 1, 8, 8, requires_grad=True)
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    with resting(network):
        logits = network(images)
    logits.sum().backward()
    assert bool(images.grad.any())
    assert all(weight.grad is None for weight in network.parameters())
    assert all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())
