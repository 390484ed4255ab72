"""A classifier with more classes: what it knew stays, what is new is appended, what cannot grow is refused."""

from __future__ import annotations

import pytest
import torch
from conftest import tiny_classifier
from torch import Tensor, nn

from degan_cli import artifact
from degan_cli.errors import BadFile
from degan_cli.models import Classifier, widen
from degan_cli.plugins import load_plugins
from degan_cli.specs import ArchitectureSpec

PLUGINS = load_plugins(enabled=False)
NAMES = ("cat", "dog", "owl")
HEADS = {
    "lenet": ("fc3.weight", "fc3.bias"),
    "resnet32": ("fc.weight", "fc.bias"),
    "alexnet-half": ("fc3.weight", "fc3.bias"),
    "timm/test_efficientnet": ("classifier.weight", "classifier.bias"),
    "timm/test_vit": ("head.weight", "head.bias"),
}


def trained(name: str) -> tuple[Classifier, ArchitectureSpec]:
    """A classifier of three classes, none of whose tensors is as a fresh network's, and its architecture."""
    spec = PLUGINS.architectures.get(name)
    input = spec.input_for(3, 32, 32)
    network = spec.build(len(NAMES), input)
    generator = torch.Generator().manual_seed(5)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.add_(0.05 + 0.05 * torch.rand(value.shape, generator=generator))
        else:
            value.add_(3)  # batches that BatchNorm has counted
    return Classifier(network, name, NAMES, input).eval(), spec


def pixels(classifier: Classifier) -> Tensor:
    return torch.rand(4, *classifier.input.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("name", HEADS)
def test_the_logits_of_the_old_classes_stay(name):
    old, spec = trained(name)
    extended, _ = widen(old, spec, ("ant", "bee"))
    images = pixels(old)
    with torch.no_grad():
        before, after = old.double()(images), extended.eval().double()(images)
    assert after.shape == (4, 5)
    assert before.std() > 0
    torch.testing.assert_close(after[:, :3], before, rtol=1e-9, atol=1e-12)
    assert not torch.isclose(after[:, 3:, None], before[:, None, :]).any()  # the new ones are no copies


@pytest.mark.parametrize("name", HEADS)
def test_only_the_head_grows_and_everything_else_is_copied(name):
    old, spec = trained(name)
    extended, head = widen(old, spec, ("ant", "bee"))
    assert head == dict.fromkeys(HEADS[name], 0)
    before, after = old.network.state_dict(), extended.network.state_dict()
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert torch.equal(after[key][:3] if key in head else after[key], value), key
        assert len(after[key]) == 5 if key in head else after[key].shape == value.shape
    weight = after[HEADS[name][0]]
    assert weight[3:].any()
    assert torch.isfinite(weight).all()


def test_names_are_appended_in_order_and_the_rest_is_the_old_ones():
    old, spec = trained("lenet")
    extended, _ = widen(old, spec, ["zebra", "ant"])
    assert extended.class_names == ("cat", "dog", "owl", "zebra", "ant")
    assert (extended.architecture, extended.input) == ("lenet", old.input)
    assert all(parameter.requires_grad for parameter in extended.parameters())


def test_the_old_classifier_is_left_as_it_was_and_shares_no_memory():
    old, spec = trained("lenet")
    old.freeze()
    before = {key: value.clone() for key, value in old.network.state_dict().items()}
    extended, _ = widen(old, spec, ("ant",))
    with torch.no_grad():
        for parameter in extended.parameters():
            parameter.zero_()
    assert all(torch.equal(before[key], value) for key, value in old.network.state_dict().items())
    assert old.class_names == NAMES


def test_a_classifier_can_be_extended_again_and_again():
    old, spec = trained("lenet")
    once, _ = widen(old, spec, ("ant",))
    twice, head = widen(once, spec, ("bee", "elk"))
    assert twice.class_names == ("cat", "dog", "owl", "ant", "bee", "elk")
    assert head == {"fc3.weight": 0, "fc3.bias": 0}
    images = pixels(old)
    with torch.no_grad():
        first, second, third = (each.eval().double()(images) for each in (old, once, twice))
    torch.testing.assert_close(third[:, :4], second, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(third[:, :3], first, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["lenet", "timm/test_efficientnet"])
def test_an_extended_classifier_comes_back_from_its_file(tmp_path, name):
    old, spec = trained(name)
    extended, _ = widen(old, spec, ("ant", "bee"))
    artifact.save_classifier(tmp_path / "e.safetensors", extended, provider="degan-cli 0.1.0")
    loaded = artifact.load_classifier(tmp_path / "e.safetensors", PLUGINS).model
    assert loaded.class_names == ("cat", "dog", "owl", "ant", "bee")
    images = pixels(old).float()
    with torch.no_grad():
        assert torch.equal(loaded(images), extended.eval()(images))


class FeaturesByClasses(nn.Module):
    """Logits are features (batch, 64) times a weight (64, classes): its class axis is the last one."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(64, classes))
        self.scale = nn.Parameter(torch.rand(1, classes) + 1)

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight * self.scale


class HiddenGrows(nn.Sequential):
    """A hidden layer with twice as many units as there are classes."""

    def __init__(self, classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 2 * classes), nn.Linear(2 * classes, classes))


class ClassToClass(nn.Sequential):
    """Its last weight has the classes on both axes."""

    def __init__(self, classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, classes), nn.Linear(classes, classes))


class LayerPerClass(nn.Module):
    """One linear layer for each class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.outputs = nn.ModuleList(nn.Linear(64, 1) for _ in range(classes))

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([output(images.flatten(1)) for output in self.outputs], dim=1)


class FewerLayers(nn.Module):
    """One layer less for each class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(64, 64) for _ in range(9 - classes))
        self.output = nn.Linear(64, classes)


class NothingGrows(nn.Sequential):
    """Always ten outputs."""

    def __init__(self, classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 10))


def custom(kind: type[nn.Module]) -> tuple[Classifier, ArchitectureSpec]:
    """A classifier of three classes for images (batch, 1, 8, 8)."""
    spec = ArchitectureSpec(name="custom-net", build=lambda classes, input: kind(classes), min_size=8)
    return Classifier(kind(3), "custom-net", NAMES, tiny_classifier().input), spec


def test_the_classes_may_be_on_another_axis():
    old, spec = custom(FeaturesByClasses)
    extended, head = widen(old, spec, ("ant", "bee"))
    assert head == {"weight": 1, "scale": 1}
    assert torch.equal(extended.network.weight[:, :3], old.network.weight)
    assert torch.equal(extended.network.scale[:, :3], old.network.scale)
    images = pixels(old)
    with torch.no_grad():
        before, after = old.double()(images), extended.double()(images)
    assert after.shape == (4, 5)
    torch.testing.assert_close(after[:, :3], before, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (HiddenGrows, "its 1.weight changes in more than its outputs"),
        (ClassToClass, "its 2.weight changes in more than its outputs"),
        (LayerPerClass, "its outputs.3.weight changes in more than its outputs"),
        (FewerLayers, "cannot take more classes"),
        (NothingGrows, "no weight of it grows with their number"),
    ],
)
def test_a_network_that_grows_otherwise_is_refused_by_name(kind, reason):
    old, spec = custom(kind)
    with pytest.raises(BadFile, match='^"custom-net" ') as refused:
        widen(old, spec, ("ant",))
    assert reason in str(refused.value)
    assert refused.value.exit_code == 3
