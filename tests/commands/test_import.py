"""``degan import``, and models from elsewhere in other commands: what PyTorch sees in an image, degan sees in it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from models_on_disk import write_models
from timm.models._hub import save_for_hf
from torch import Tensor

from degan_cli.app import run
from degan_cli.artifact import read_header, read_tensors, save_dataset, write_tensors
from degan_cli.artifact.png_folder import write_folder
from degan_cli.specs import ImageSet

NAMES = tuple("abcdefghij")
MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
SAID = ["--arch", "torchvision/resnet18", "--class-names", ",".join(NAMES)]
GUIDE = Path(__file__).parent.parent.parent / "docs" / "guide.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, dict[str, Tensor], Tensor]:
    """A folder with images of 64x64, labelled as a ResNet-18 of torchvision sees them; its state dict, and logits."""
    folder = tmp_path_factory.mktemp("elsewhere")
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=10).train()
    images = torch.rand(40, 3, 8, 8)
    images = (torch.nn.functional.interpolate(images, 64, mode="bilinear") * 255).to(torch.uint8)  # (40, 3, 64, 64)
    pixels = (images / 255 - MEAN) / STD
    with torch.no_grad():
        for _ in range(20):
            network(pixels)
        centred = network.eval()(pixels).mean(dim=0)
        network.fc.bias -= centred  # so that all classes occur
        logits = network(pixels)
    data = ImageSet(images=images, labels=logits.argmax(dim=1), class_names=NAMES)
    save_dataset(folder / "d.safetensors", data, "d", "test")
    write_folder(folder / "test-images", images, [NAMES[k] for k in logits.argmax(dim=1).tolist()])
    (folder / "names.txt").write_text("\n".join(NAMES))
    return folder, network.state_dict(), logits


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def accuracy(capsys, *arguments: object) -> tuple[float, str]:
    capsys.readouterr()
    assert run(["eval", *map(str, arguments), "--json"]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out)["accuracy"], printed.err


def test_a_checkpoint_at_64_pixels_gives_the_predictions_of_plain_pytorch(made, here, capsys):
    folder, state, logits = made
    assert len(set(logits.argmax(dim=1).tolist())) > 4
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, here / "c.pth.tar")
    assert run(["import", "c.pth.tar", *SAID, "--image-size", "64", "--mean", "0.485,0.456,0.406"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "c-imported.safetensors\n"
    assert "c.pth.tar: state_dict is taken" in printed.err
    assert "nobody said its std: taken as those of the published weights of torchvision/resnet18" in printed.err
    told = "10 classes, input colour 64x64, mean 0.485,0.456,0.406, std 0.229,0.224,0.225"
    assert f"c.pth.tar: torchvision/resnet18, {told}" in printed.err
    assert printed.err.splitlines()[-1].startswith(
        "next: degan compress --classifier c-imported.safetensors --student "
    )
    right, said = accuracy(capsys, "c-imported.safetensors", "--dataset", folder / "d.safetensors")
    assert right == 1
    assert f"c-imported.safetensors: torchvision/resnet18, {told}" in said

    header = read_header("c-imported.safetensors")
    assert header.class_names == NAMES
    assert header.input.to_json() == {
        **{"channels": 3, "height": 64, "width": 64},
        **{"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    }
    assert [parent["role"] for parent in header.parents] == ["source"]
    assert run(["import", "c-imported.safetensors"]) == 2
    assert "is a model file of degan already" in capsys.readouterr().err


def test_a_plain_state_dict_is_never_run_at_a_size_that_nobody_said(made, here, capsys):
    folder, state, _ = made
    write_tensors("p.safetensors", state, {})
    plain = ["p.safetensors", *SAID, "--dataset", folder / "d.safetensors"]
    right, _ = accuracy(capsys, *plain, "--image-size", "64")
    small, _ = accuracy(capsys, *plain, "--image-size", "32")
    assert right == 1 > small
    _, said = accuracy(capsys, *plain)
    assert "degan: warning: p.safetensors: nobody said its size, mean, std" in said
    assert "input colour 224x224" in said
    assert run(["import", "p.safetensors", "--arch", "resnet18", "--num-classes", "10"]) == 2
    assert "add --image-size N --mean X,X,X --std X,X,X" in capsys.readouterr().err


def test_keys_are_left_out_and_misfits_name_what_would_fit(made, here, capsys):
    _, state, _ = made
    write_tensors("p.safetensors", state | {"criterion.weight": torch.ones(3)}, {})
    command = ["import", "p.safetensors", "-o", "t.safetensors", "--image-size", "64", "--num-classes", "10"]
    assert run([*command, "--arch", "torchvision/resnet18"]) == 3
    assert "1 unexpected (criterion.weight)" in capsys.readouterr().err
    assert run([*command, "--drop", "loss.*", "--arch", "torchvision/resnet18"]) == 2
    assert "--drop loss.*: matches no key" in capsys.readouterr().err
    assert run([*command, "--drop", "criterion.*", "--arch", "torchvision/resnet34"]) == 3
    assert "they do fit --arch torchvision/resnet18" in capsys.readouterr().err
    assert run([*command, "--drop", "criterion.*", "--arch", "torchvision/resnet18", "-q"]) == 0
    assert capsys.readouterr().out == "t.safetensors\n"


def test_the_next_command_runs_as_it_is_printed(here, capsys):
    (here / "my models").mkdir()
    write_models(here / "my models")
    tensors, _, _ = read_tensors("my models/t.safetensors")
    write_tensors("my models/p.safetensors", tensors, {})
    plain = ["--classifier", "my models/p.safetensors", "--arch", "lenet", "--class-names", "blue cat,dog,never"]
    gan = [
        "--proxy",
        "digits",
        "--steps",
        "2",
        "--recipe",
        "paper",
        "--width",
        "2",
        "--latent",
        "4",
        "--batch-size",
        "8",
    ]
    assert run(["enrich", *plain, *gan, "-o", "my models/h.safetensors"]) == 0
    *_, line = capsys.readouterr().err.splitlines()
    command = shlex.split(line.removeprefix("next: degan "))
    assert run([*command, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)["run"]
    assert (planned["teacher"], planned["class_names"]) == ("my models/p.safetensors", "blue cat,dog,never")
    assert (planned["student"], planned["samples"]) == ("lenet-half", ["my models/h.safetensors"])
    # Samples find their plain classifier and its names by themselves.
    assert run(["sample", "my models/h.safetensors", "-n", "4", "-o", "h", "--json", "-q"]) == 0
    assert set(json.loads(capsys.readouterr().out)["metrics"]["class_counts"]) == {"blue cat", "dog", "never"}


def test_a_folder_of_timm_is_a_classifier_wherever_one_is_named(here, capsys):
    data = {"input_size": (3, 48, 48), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.1)}
    network = timm.create_model("resnet10t", num_classes=3)
    save_for_hf(network, here / "m", {"label_names": ["cat", "dog", "frog"]}, data_config=data)
    gan = [
        "--proxy",
        "digits",
        "--steps",
        "1",
        "--recipe",
        "paper",
        "--width",
        "2",
        "--latent",
        "4",
        "--batch-size",
        "8",
    ]
    assert run(["enrich", "--classifier", "m", "--image-size", "32", *gan, "-o", "g.safetensors"]) == 0
    printed = capsys.readouterr()
    assert "m: timm/resnet10t, 3 classes, input colour 32x32, mean 0.5,0.4,0.3, std 0.2,0.2,0.1" in printed.err
    # Its samples remember the size that was said, whatever the folder tells.
    assert run(["sample", "g.safetensors", "-n", "4", "-o", "s.safetensors"]) == 0
    assert "m: timm/resnet10t, 3 classes, input colour 32x32" in capsys.readouterr().err
    assert run(["import", "m", "-o", "t.safetensors", "-q"]) == 0
    assert read_header("t.safetensors").class_names == ("cat", "dog", "frog")
    assert read_header("t.safetensors").input.shape == (3, 48, 48)


def test_the_commands_of_the_guide_run(made, here, capsys):
    folder, state, _ = made
    section = GUIDE.read_text().split("## Your own model")[1].split("\n## ")[0]
    block = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0].replace("\\\n", "")
    torch.save({"model": state}, here / "checkpoint.pth")
    (here / "names.txt").write_text((folder / "names.txt").read_text())
    (here / "test-images").symlink_to(folder / "test-images")
    for line in block.splitlines():
        assert run(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert "accuracy           100.00 %" in capsys.readouterr().out
