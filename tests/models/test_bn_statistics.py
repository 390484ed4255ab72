import pytest
import torch
from conftest import tiny_classifier
from torch import nn

from degan_cli.app import run
from degan_cli.errors import UsageError
from degan_cli.models import check_batch_norm, watching


def test_the_distance_by_hand():
    layer = nn.BatchNorm2d(2).eval()
    layer.running_mean.copy_(torch.tensor([1.0, 0.0]))
    layer.running_var.copy_(torch.tensor([4.0, 1.0]))
    # Channel 0 holds 1 and 7 in equal parts: mean 4, biased variance 9. Channel 1 is 0 throughout.
    x = torch.zeros(2, 2, 1, 1)
    x[:, 0, 0, 0] = torch.tensor([1.0, 7.0])
    with watching(layer) as watched:
        layer(x)
    # Means are (3, 0) off, variances (5, -1).
    torch.testing.assert_close(watched.distance(), torch.tensor(3.0 + 26.0**0.5))


def test_layers_add_up_and_each_pass_counts_once():
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.BatchNorm1d(3)).eval()
    x = torch.randn(8, 3)
    with watching(network) as watched:
        network(x)
        both = watched.distance()
        network(x)
        again = watched.distance()
    torch.testing.assert_close(both, again)
    with watching(network[1]) as watched:
        network(x)
        first = watched.distance()
    assert 0 < first.item() < both.item()


def test_what_the_layers_remember_is_nearest():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, momentum=None)).train()
    data = torch.rand(64, 1, 8, 8)
    with torch.no_grad():
        network(data)  # a cumulative average of one batch is the batch's own
    network.eval()

    def distance(images):
        with watching(network) as watched, torch.no_grad():
            network(images)
        return float(watched.distance())

    assert distance(data) < 0.01  # the layer remembers the unbiased variance
    assert distance(data + 1) > 10 * distance(data)


def test_gradients_reach_the_images_and_nothing_is_left_behind():
    classifier = tiny_classifier().freeze()
    images = torch.rand(4, 1, 8, 8, requires_grad=True)
    with watching(classifier) as watched:
        classifier(images)
    watched.distance().backward()
    assert images.grad.abs().sum() > 0
    assert not any(module._forward_pre_hooks for module in classifier.modules())


def test_a_classifier_without_batch_norm_is_refused():
    with pytest.raises(UsageError, match="no BatchNorm layers.*; do without"):
        check_batch_norm(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)), "do without")


def test_enrich_says_so_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    teacher = ["teacher", "--dataset", "digits:0-2", "--arch", "lenet", "--epochs", "1", "-o", "t.safetensors", "-q"]
    assert run(teacher) == 0
    enrich = ["enrich", "--classifier", "t.safetensors", "--proxy", "digits:3", "--steps", "2", "--width", "8"]
    assert run([*enrich, "--set", "bn_weight=1", "-q"]) == 2
    assert "no BatchNorm layers" in capsys.readouterr().err
