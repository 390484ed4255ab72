"""Each format as a user of another tool opens it: the artifact's outputs for any number of images, and its names."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnxruntime
import pytest
import safetensors
import timm
import torch
from classifiers_on_disk import ABOUT, NAMES, write_classifier
from safetensors.torch import load_file
from torch.testing import assert_close

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_artifact
from degan_cli.config.groups import ForeignSettings
from degan_cli.networks.lenet import lenet
from degan_cli.plugins import load_plugins

ARCHITECTURES = {"lenet": 1, "alexnet": 3, "resnet18": 3, "timm/resnet10t": 3}
"""With the channels of their images."""
GENERATOR = torch.Generator().manual_seed(5)
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Each architecture as ``NAME.safetensors``."""
    folder = tmp_path_factory.mktemp("classifiers")
    for name, channels in ARCHITECTURES.items():
        write_classifier(folder / f"{Path(name).name}.safetensors", name, channels)
    return folder


@pytest.fixture(scope="module")
def export(folder):
    """Exports one of them, once; where to."""
    made = {}

    def call(architecture: str, target: str, *more: str) -> Path:
        key = architecture, target, *more
        if key not in made:
            place = folder / f"{Path(architecture).name}{'-'.join(more)}-{target}"
            place = place.with_suffix(
                {"onnx": ".onnx", "torchscript": ".pt", "state-dict": ".safetensors"}.get(target, "")
            )
            model = folder / f"{Path(architecture).name}.safetensors"
            assert run(["export", str(model), "--to", target, "-o", str(place), "-q", *more]) == 0
            made[key] = place
        return made[key]

    return call


def images(channels, count):
    return torch.rand((count, channels, 32, 32), generator=GENERATOR)


def expected(folder, architecture, pixels):
    path = folder / f"{Path(architecture).name}.safetensors"
    with torch.no_grad():
        return load_classifier(path, load_plugins(enabled=False)).model(pixels)


def by_onnxruntime(path, pixels):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"pixels": pixels.numpy()})[0])


SLOW = pytest.param("resnet18", marks=pytest.mark.slow)


@pytest.mark.parametrize("architecture", ["lenet", "timm/resnet10t", SLOW])
def test_onnx_takes_pixels_in_batches_of_any_size(folder, export, architecture):
    path = export(architecture, "onnx")
    for count in (1, 7, 3):
        pixels = images(ARCHITECTURES[architecture], count)
        assert_close(by_onnxruntime(path, pixels), expected(folder, architecture, pixels), **CLOSE)


def test_onnx_names_its_ends_and_holds_its_description(folder, export):
    path = export("lenet", "onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("pixels", ["batch", 1, 32, 32])
    assert (made.name, made.shape) == ("logits", ["batch", 3])
    texts = session.get_modelmeta().custom_metadata_map
    check_config(json.loads(texts["config.json"]), folder / "lenet.safetensors")
    assert json.loads(texts["config.json"])["input"]["values"] == "pixels in [0, 1]"
    assert "which the network normalises itself (mean 0.3, std 0.2)" in texts["README.md"]


def test_an_onnx_file_is_valid_and_names_no_path_of_the_machine_that_wrote_it(export):
    path = export("lenet", "onnx")
    onnx.checker.check_model(path, full_check=True)
    assert b".py" not in path.read_bytes()
    assert not path.with_name(f"{path.name}.data").exists()


def test_softmax_gives_probabilities(folder, export):
    pixels = images(3, 5)
    wanted = expected(folder, "alexnet", pixels).softmax(dim=1)
    assert_close(torch.jit.load(export("alexnet", "torchscript", "--softmax"))(pixels), wanted, **CLOSE)
    path = export("alexnet", "onnx", "--softmax")
    assert_close(by_onnxruntime(path, pixels), wanted, **CLOSE)
    assert_close(by_onnxruntime(path, pixels[:1]), wanted[:1], **CLOSE)
    assert onnxruntime.InferenceSession(path).get_outputs()[0].name == "probabilities"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_torchscript_takes_pixels_in_batches_of_any_size(folder, export, architecture):
    extra = {"config.json": "", "README.md": ""}
    network = torch.jit.load(export(architecture, "torchscript"), _extra_files=extra)
    for count in (1, 7, 3):
        pixels = images(ARCHITECTURES[architecture], count)
        assert_close(network(pixels), expected(folder, architecture, pixels), **CLOSE)
    check_config(json.loads(extra["config.json"]), folder / f"{Path(architecture).name}.safetensors")
    assert extra["README.md"].startswith(b"# An image classifier of 3 classes: ")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_plain_weights_have_the_keys_and_values_of_the_network(folder, export, architecture):
    path = export(architecture, "state-dict")
    source = read_artifact(folder / f"{Path(architecture).name}.safetensors")
    weights = load_file(path)
    assert weights.keys() == source.tensors.keys()
    assert all(torch.equal(weights[key], source.tensors[key]) for key in weights)
    with safetensors.safe_open(path, "pt") as file:
        texts = file.metadata()
    assert texts.keys() == {"format", "config.json", "README.md"}
    check_config(json.loads(texts["config.json"]), folder / f"{Path(architecture).name}.safetensors")


def test_plain_weights_work_in_plain_pytorch_with_the_mean_and_std_that_they_state(folder, export):
    path = export("lenet", "state-dict")
    network = lenet(3, 1).eval()
    network.load_state_dict(load_file(path))
    with safetensors.safe_open(path, "pt") as file:
        given = json.loads(file.metadata()["config.json"])["input"]
    pixels = images(1, 4)
    with torch.no_grad():
        found = network((pixels - given["mean"][0]) / given["std"][0])
    assert_close(found, expected(folder, "lenet", pixels), **CLOSE)


def test_plain_weights_are_read_by_degan_again(folder, export):
    said = ForeignSettings(arch="lenet", num_classes=3)
    given = load_classifier(export("lenet", "state-dict"), load_plugins(enabled=False), said)
    assert given.model.input.shape == (1, 32, 32)


def test_timm_opens_the_folder(folder, export):
    place = export("timm/resnet10t", "timm")
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    network = timm.create_model(f"local-dir:{place}", pretrained=True).eval()
    data = timm.data.resolve_model_data_config(network)
    assert (tuple(data["mean"]), tuple(data["std"]), data["input_size"]) == ((0.3,) * 3, (0.2,) * 3, (3, 32, 32))
    assert network.pretrained_cfg["label_names"] == list(NAMES)
    for count in (1, 7):
        pixels = images(3, count)
        with torch.no_grad():
            found = network((pixels - 0.3) / 0.2)
        assert_close(found, expected(folder, "timm/resnet10t", pixels), **CLOSE)


def test_a_timm_folder_claims_nothing_of_the_weights_that_others_published(export):
    place = export("timm/resnet10t", "timm")
    config = json.loads((place / "config.json").read_text())
    assert set(config) == {"architecture", "num_classes", "label_names", "model_args", "pretrained_cfg", "degan"}
    assert config["degan"]["metrics"] == ABOUT["metrics"]
    text = ((place / "config.json").read_text() + (place / "README.md").read_text()).lower()
    assert not [
        word for word in ("license", "licence", "http", "hf_hub", "imagenet", "paper", "a1_in1k") if word in text
    ]


def check_config(config, source):
    """By hand, from what the artifact was written with."""
    assert config["class_names"] == list(NAMES)
    assert config["num_classes"] == 3
    assert (set(config["input"]["mean"]), set(config["input"]["std"])) == ({0.3}, {0.2})
    origin = config["degan"]
    assert origin["sha256"] == read_artifact(source).sha256
    assert {key: origin[key] for key in ABOUT} == ABOUT
    assert origin["exported_by"].keys() >= {"degan-cli", "torch"}
