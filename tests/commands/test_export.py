"""``degan export``: what it prints, what it refuses, and what it leaves on disk."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from models_on_disk import NAMES, write_models

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_tensors, write_tensors
from degan_cli.config.groups import ForeignSettings
from degan_cli.exports import check, onnx_file
from degan_cli.plugins import load_plugins


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    plugins = load_plugins(enabled=False)
    spec = plugins.architectures.get("timm/resnet10t")
    from degan_cli.artifact import save_classifier
    from degan_cli.models import Classifier

    classifier = Classifier.untrained(spec, NAMES, spec.input_for(3, 32, 32)).eval()
    save_classifier(folder / "r.safetensors", classifier, provider="degan-cli 0.1.0")
    return folder


@pytest.fixture(autouse=True)
def here(models, tmp_path, monkeypatch):
    for file in models.glob("*.safetensors"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listing(folder):
    return {path.name for path in folder.iterdir()} - {"t.safetensors", "g.safetensors", "r.safetensors"}


@pytest.mark.parametrize(
    ("model", "target", "name"),
    [
        ("t", "torchscript", "t.pt"),
        ("t", "state-dict", "t-state-dict.safetensors"),
        ("r", "timm", "r-timm"),
    ],
)
def test_without_o_the_name_follows_from_the_classifiers(here, capsys, model, target, name):
    assert run(["export", f"{model}.safetensors", "--to", target]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{name}\n"
    assert "with 1 image and with 7, outputs differ by " in printed.err
    assert listing(here) == {name}


def test_json_holds_the_difference_and_its_bound(here, capsys):
    assert run(["export", "t.safetensors", "--to", "torchscript", "-o", "new/t.pt", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["artifact"], result["kind"]) == ("new/t.pt", "torchscript")
    assert result["sha256"] == hashlib.sha256((here / "new" / "t.pt").read_bytes()).hexdigest()
    assert 0 <= result["metrics"]["largest_difference"] <= result["metrics"]["bound"]


def test_who_takes_normalised_images_is_told_where_mean_and_std_are(capsys):
    run(["export", "t.safetensors", "--to", "torchscript"])
    assert capsys.readouterr().err.endswith("; it takes pixels in [0, 1]\n")
    run(["export", "t.safetensors", "--to", "state-dict"])
    assert capsys.readouterr().err.endswith("normalised images: mean and std stand in its metadata config.json\n")
    run(["export", "r.safetensors", "--to", "timm"])
    assert capsys.readouterr().err.endswith("normalised images: mean and std stand in r-timm/config.json\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "t.safetensors --to timm",
            "lenet is not one of timm's architectures; use --to state-dict for the weights, or",
        ),
        ("t.safetensors --to timm --dry-run", "lenet is not one of timm's architectures"),
        (
            "t.safetensors --to timm --softmax",
            "--softmax has no use with --to timm: it is for --to onnx or torchscript",
        ),
        ("t.safetensors --to state-dict --softmax", "--softmax has no use with --to state-dict"),
        ("t.safetensors --to onnx -o t.pt", "-o t.pt: --to onnx writes a file that ends in .onnx; use t.onnx"),
        ("t.safetensors --to onnx -o .", "-o .: --to onnx writes a file; name one"),
        (
            "t.safetensors --to state-dict -o t.safetensors --force",
            "would be written over what MODEL t.safetensors reads",
        ),
        ("r.safetensors --to timm -o t.safetensors", "this is a file, and --to timm writes a folder"),
        ("r.safetensors --to timm -o -", "--to timm writes a folder; name one"),
        ("t.safetensors --to tflite", "tflite"),
        ("t.safetensors", "--to"),
    ],
)
def test_mistakes_of_usage_are_one_line_and_leave_nothing(here, capsys, arguments, message):
    assert run(["export", *arguments.split()]) == 2
    (line,) = (text for text in capsys.readouterr().err.splitlines() if text.startswith("degan: error: "))
    assert message in line
    assert listing(here) == set()


def test_a_generator_is_no_classifier(here, capsys):
    assert run(["export", "g.safetensors", "--to", "torchscript"]) == 3
    assert "holds a generator, and a classifier is needed" in capsys.readouterr().err
    assert listing(here) == set()


def test_missing_packages_are_named_with_the_extra(here, capsys, monkeypatch):
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == "onnxscript" else object())
    assert run(["export", "t.safetensors", "--to", "onnx"]) == 4
    assert "--to onnx needs onnxscript, not installed here: pip install 'degan-cli[onnx]'" in capsys.readouterr().err
    assert listing(here) == set()


def test_a_difference_above_the_bound_is_exit_5_and_nothing_is_written(here, capsys, monkeypatch):
    monkeypatch.setattr(check, "BOUND", -1.0)
    for model, target in (("t", "torchscript"), ("r", "timm")):
        assert run(["export", f"{model}.safetensors", "--to", target]) == 5
        assert "nothing was written; choose another format with --to" in capsys.readouterr().err
    assert listing(here) == set()


def test_a_file_is_replaced_with_force_only(here, capsys):
    (here / "t.pt").write_text("mine")
    assert run(["export", "t.safetensors", "--to", "torchscript"]) == 2
    assert "t.pt exists already; name another with -o, or overwrite it with --force" in capsys.readouterr().err
    assert (here / "t.pt").read_text() == "mine"
    assert run(["export", "t.safetensors", "--to", "torchscript", "--force"]) == 0
    assert (here / "t.pt").read_bytes().startswith(b"PK")
    assert listing(here) == {"t.pt"}


def test_a_folder_is_replaced_with_force_only_and_only_if_it_is_ours(here, capsys):
    assert run(["export", "r.safetensors", "--to", "timm"]) == 0
    (here / "r-timm" / "README.md").write_text("edited")
    assert run(["export", "r.safetensors", "--to", "timm"]) == 2
    assert (here / "r-timm" / "README.md").read_text() == "edited"
    assert run(["export", "r.safetensors", "--to", "timm", "--force"]) == 0
    assert (here / "r-timm" / "README.md").read_text().startswith("# An image classifier of 3 classes")
    (here / "r-timm" / "notes.txt").write_text("mine")
    capsys.readouterr()
    assert run(["export", "r.safetensors", "--to", "timm", "--force"]) == 2
    assert "notes.txt was not written by degan export, so --force leaves r-timm alone" in capsys.readouterr().err
    assert (here / "r-timm" / "notes.txt").read_text() == "mine"
    (here / "other").mkdir()
    (here / "other" / "config.json").write_text('{"architecture": "resnet18"}')
    assert run(["export", "r.safetensors", "--to", "timm", "-o", "other", "--force"]) == 2
    assert "config.json was not written by degan export" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(here, capsys):
    assert run(["export", "t.safetensors", "--to", "torchscript", "--softmax", "--dry-run", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["artifact"] == "t.pt"
    assert described["run"]["softmax"] is True
    assert listing(here) == set()


def test_plain_weights_from_elsewhere_can_be_exported(here, capsys):
    write_tensors("plain.safetensors", read_tensors("t.safetensors")[0], {})
    assert run(["export", "plain.safetensors", "--to", "state-dict", "-o", "p.safetensors"]) == 2
    assert "--arch" in capsys.readouterr().err
    told = ["--arch", "lenet", "--num-classes", "3", "--mean", "0.5", "--std", "0.5"]
    assert run(["export", "plain.safetensors", *told, "--to", "state-dict", "-o", "p.safetensors"]) == 0
    plugins = load_plugins(enabled=False)
    said = ForeignSettings(arch="lenet", num_classes=3, mean=(0.5,), std=(0.5,))
    assert load_classifier("p.safetensors", plugins, said).model.class_names == ("0", "1", "2")
