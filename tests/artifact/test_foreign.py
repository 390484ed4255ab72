"""A model from elsewhere: its input is said, told or taken with a warning; its keys may have wrappers' prefixes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from degan_cli.artifact import load_classifier, write_tensors
from degan_cli.artifact.fitting import classes_that_fit
from degan_cli.artifact.foreign import read_class_names
from degan_cli.artifact.weights import completed
from degan_cli.config.groups import ForeignSettings
from degan_cli.errors import BadFile, UsageError
from degan_cli.plugins import Plugins
from degan_cli.specs import ArchitectureSpec, InputSpec


def narrow(classes: int, input: InputSpec) -> nn.Module:
    return nn.Sequential(nn.Conv2d(input.channels, 4, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))


def wide(classes: int, input: InputSpec) -> nn.Module:
    return nn.Sequential(nn.Conv2d(input.channels, 6, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes))


def known(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (0.4,) * channels, (0.2,) * channels


PLUGINS = Plugins()
for name, build, more in (
    ("free", narrow, {}),
    ("published", narrow, {"published_size": (12, 10), "statistics": known}),
    ("fixed", narrow, {"size": 9}),
    ("wide", wide, {}),
):
    spec = ArchitectureSpec(name=name, build=build, min_size=8, **more)
    PLUGINS.architectures.add(spec, "degan-foo 0.3", "foo")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(
        tmp_path, narrow(3, InputSpec(channels=3, height=8, width=8, mean=(0,) * 3, std=(1,) * 3)).state_dict()
    )


def written(folder: Path, tensors: dict[str, Tensor]) -> Path:
    write_tensors(folder / "f.safetensors", tensors, {})
    return folder / "f.safetensors"


def load(file: Path, **said):
    return load_classifier(file, PLUGINS, ForeignSettings(**{"num_classes": 3} | said))


def test_what_is_said_is_taken(file):
    loaded = load(file, arch="free", image_size=11, mean=(0.1, 0.2, 0.3), std=(0.5,))
    assert loaded.model.input == InputSpec(channels=3, height=11, width=11, mean=(0.1, 0.2, 0.3), std=(0.5,) * 3)
    assert loaded.assumed == ""


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({}, "add --image-size N --mean X,X,X --std X,X,X as in its training"),
        ({"image_size": 8, "mean": (0.5,)}, "add --std X,X,X as in its training"),
        ({"mean": (0.5,), "std": (0.5,)}, "add --image-size N as in its training"),
    ],
)
def test_what_nobody_knows_must_be_said(file, said, missing):
    with pytest.raises(UsageError, match=missing):
        load(file, arch="free", **said)


def test_published_weights_tell_size_and_statistics_and_a_warning_says_so(file):
    loaded = load(file, arch="published")
    assert loaded.model.input == InputSpec(channels=3, height=12, width=10, mean=(0.4,) * 3, std=(0.2,) * 3)
    assert loaded.assumed == (
        "nobody said its size, mean, std: taken as those of the published weights of published; "
        "if that is wrong, add --image-size N --mean X,X,X --std X,X,X"
    )
    assert load(file, arch="published", image_size=8).assumed.startswith("nobody said its mean, std: ")


def test_a_size_that_the_architecture_insists_on_is_its_own(file):
    loaded = load(file, arch="fixed")
    assert loaded.model.input.shape == (3, 9, 9)
    assert "taken as fixed's own" in loaded.assumed
    with pytest.raises(UsageError, match="fixed takes images of 9x9 pixels, not 8x8"):
        load(file, arch="fixed", image_size=8)


def test_a_size_on_which_it_fails_is_told(file):
    with pytest.raises(UsageError, match="free fails on images of 4x4 pixels .*; give another --image-size"):
        load(file, arch="free", image_size=4, mean=(0.5,), std=(0.5,))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"mean": (0.5, 0.5)}, "--mean has 2 values, but the images have 3 channels"),
        ({"std": (0.5, 0.0, 0.5)}, "greater than 0; see --mean and --std"),
        ({"class_names": "cat,dog"}, "has 3 classes, but 2 class names"),
        ({"class_names": "cat,dog,cat"}, "cat is there twice"),
        ({"class_names": "cat"}, "--class-names cat: is neither a file nor a list"),
    ],
)
def test_what_cannot_be_is_refused(file, said, message):
    with pytest.raises(UsageError, match=message):
        load(file, arch="published", **said)


def test_class_names_are_a_list_or_the_lines_of_a_file_and_count_the_classes(file, tmp_path):
    (tmp_path / "names.txt").write_text("cat\nblue dog, big\n\nöl\n", encoding="utf-8")
    assert read_class_names("cat, dog") == ("cat", "dog")
    assert len(read_class_names(",".join(f"class number {index}" for index in range(1000)))) == 1000
    (tmp_path / "bom.txt").write_text("cat\ndog\n", encoding="utf-8-sig")
    assert read_class_names(str(tmp_path / "bom.txt")) == ("cat", "dog")
    loaded = load(file, arch="published", num_classes=None, class_names=str(tmp_path / "names.txt"))
    assert loaded.model.class_names == ("cat", "blue dog, big", "öl")


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "backbone.", "_orig_mod.module.model."])
def test_prefixes_of_wrappers_are_taken_off(prefix, tmp_path):
    state = narrow(3, InputSpec(channels=3, height=8, width=8, mean=(0,) * 3, std=(1,) * 3)).state_dict()
    file = written(tmp_path, {prefix + key: value for key, value in state.items()})
    assert torch.equal(load(file, arch="published").model.network[3].bias, state["3.bias"])


def test_a_prefix_that_belongs_to_the_network_stays_and_so_do_two_networks_in_one():
    one = torch.ones(1)
    assert completed({"model.a": one, "b": one}, {"model.a": one, "b": one}).keys() == {"model.a", "b"}
    assert completed({"module.a": one, "model.a": one}, {"a": one}).keys() == {"module.a", "model.a"}
    assert completed({"module.a": one, "n_averaged": one}, {"a": one}).keys() == {"a"}


def test_weights_that_do_not_fit_say_what_would(tmp_path):
    input = InputSpec(channels=3, height=8, width=8, mean=(0,) * 3, std=(1,) * 3)
    file = written(tmp_path, wide(5, input).state_dict())
    with pytest.raises(BadFile, match=r"4 of wrong shape \(.*\); they do fit --arch wide --num-classes 5$"):
        load(file, arch="published")
    own = written(tmp_path, narrow(5, input).state_dict())
    with pytest.raises(BadFile, match="they do fit --arch published --num-classes 5$"):
        load(own, arch="published")
    stranger = written(tmp_path, {"x": torch.ones(1)})
    with pytest.raises(BadFile, match="check --arch and --num-classes$"):
        load(stranger, arch="published")


def test_another_number_of_classes_is_seen_only_where_all_else_fits():
    wanted = {"a": torch.ones(4, 3), "head": torch.ones(3, 4), "bias": torch.ones(3)}
    assert classes_that_fit(wanted, wanted, 3) == 3
    assert classes_that_fit(wanted | {"head": torch.ones(7, 4), "bias": torch.ones(7)}, wanted, 3) == 7
    assert classes_that_fit(wanted | {"head": torch.ones(7, 4), "bias": torch.ones(8)}, wanted, 3) is None
    assert classes_that_fit(wanted | {"a": torch.ones(5, 3)}, wanted, 3) is None
