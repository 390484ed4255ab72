"""Folders as timm and Hugging Face write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from timm.models._hub import save_for_hf

from degan_cli.artifact import load_classifier
from degan_cli.artifact.model_folder import _read
from degan_cli.config.groups import ForeignSettings
from degan_cli.errors import BadFile
from degan_cli.plugins import load_plugins

PLUGINS = load_plugins(enabled=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", num_classes=3).eval()
    data = {"input_size": (3, 48, 48), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.1)}
    save_for_hf(
        network, tmp_path / "m", {"label_names": ["cat", "dog", "frog"]}, safe_serialization=True, data_config=data
    )
    return tmp_path / "m"


def test_a_folder_of_timm_is_a_classifier(folder):
    loaded = load_classifier(folder, PLUGINS)
    assert (loaded.model.architecture, loaded.assumed) == ("timm/resnet10t", "")
    assert loaded.model.class_names == ("cat", "dog", "frog")
    input = loaded.model.input
    assert (input.shape, input.mean, input.std) == ((3, 48, 48), (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    images = torch.rand(2, 3, 48, 48)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (input.mean, input.std))
    assert torch.allclose(loaded.model(images), network((images - mean) / std), atol=1e-6)


def test_what_the_user_says_counts_more_than_the_folder(folder):
    said = ForeignSettings(image_size=64, class_names="a,b,c", mean=(0.5,))
    model = load_classifier(folder, PLUGINS, said).model
    assert (model.input.shape, model.input.mean, model.class_names) == ((3, 64, 64), (0.5,) * 3, ("a", "b", "c"))


def test_pickled_weights_of_a_folder_are_read_too(folder):
    weights = load_classifier(folder, PLUGINS).model.network.state_dict()
    (folder / "model.safetensors").unlink()
    with pytest.raises(BadFile, match=r"neither model.safetensors nor pytorch_model.bin"):
        load_classifier(folder, PLUGINS)
    torch.save(weights, folder / "pytorch_model.bin")
    again = load_classifier(folder, PLUGINS).model.network.state_dict()
    assert all(torch.equal(again[key], value) for key, value in weights.items())


def test_labels_of_hugging_face_are_in_the_order_of_their_numbers():
    about = _read({"architecture": "resnet18", "num_classes": 3, "id2label": {"2": "c", "0": "a", "1": "b"}})
    assert about.class_names == ("a", "b", "c")
    assert _read({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}).class_names == ()


def test_names_that_are_there_twice_get_their_numbers():
    names = ["crane", "cock", "crane"]
    assert _read({"architecture": "resnet18", "label_names": names}).class_names == ("crane (0)", "cock", "crane (2)")


def test_a_folder_from_before_timm_0_9_says_it_at_the_top():
    about = _read({"architecture": "resnet18", "num_classes": 3, "input_size": [3, 96, 64], "mean": [0.5], "std": [1]})
    assert (about.size, about.mean, about.std) == ((96, 64), (0.5,), (1.0,))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[1]", "no object"),
        ("{", "cannot be used"),
        (json.dumps({"architecture": "resnet18", "model_args": {"output_stride": 8}}), "model_args output_stride"),
        (json.dumps({"architecture": "resnet18", "global_pool": "max"}), "global_pool=max"),
        (json.dumps({"architecture": "resnet18", "label_names": ["a", "a", "a (0)"]}), "a class name is there twice"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(folder, config, message):
    (folder / "config.json").write_text(config)
    with pytest.raises(BadFile, match=message):
        load_classifier(folder, PLUGINS)
