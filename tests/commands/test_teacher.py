"""``degan teacher`` in this process: its file, its messages, going on, and mistakes."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from PIL import Image

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_header, save_dataset
from degan_cli.datasets.digits import load_digits
from degan_cli.datasets.resolve import open_images
from degan_cli.images import digest
from degan_cli.plugins import load_plugins
from degan_cli.specs import ImageSet

TEACHER = ["teacher", "--dataset", "digits:0,1", "--arch", "lenet"]
SHORT = ["--epochs", "1", "--batch-size", "32", "--lr", "0.01"]
SGD = ["--optimiser", "sgd", "--held-out", "0"]
RUN_KEYS = {
    *("architecture", "augment", "batch_size", "compiled", "dataset", "device", "epochs", "held_out", "lr"),
    *("milestones", "optimiser", "outputs", "patience", "precision", "seed", "weight_decay"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEGAN_DATA_DIR", raising=False)
    return tmp_path


def pack(name: str, count: int = 20, labelled: bool = True, split: str = "train") -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(count) % 2 if labelled else None
    save_dataset(
        name, ImageSet(images=images, labels=labels, class_names=("cat", "dog") if labelled else ()), "x", split
    )


def test_the_file_knows_its_classes_its_settings_and_its_data(folder, capsys):
    assert run([*TEACHER, *SHORT, "-o", "t.safetensors", "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    loaded = load_classifier("t.safetensors", load_plugins(enabled=False))
    header = read_header("t.safetensors")
    assert (result["artifact"], result["kind"]) == ("t.safetensors", "classifier")
    assert result["sha256"] == loaded.sha256
    assert (header.kind, header.architecture, header.class_names) == ("classifier", "lenet", ("0", "1"))
    assert header.provider.startswith("degan-cli ")
    assert header.input.shape == (1, 32, 32)
    assert header.run.keys() == RUN_KEYS
    expected = {"dataset": "digits:0,1", "architecture": "lenet", "epochs": 1, "batch_size": 32, "lr": 0.01}
    expected |= {"optimiser": "adam", "milestones": [], "weight_decay": 0.0, "outputs": "softmax", "seed": 0}
    assert expected.items() <= header.run.items()
    (parent,) = header.parents
    data = open_images("digits:0,1", "train", plugins=load_plugins(enabled=False), data_dir=folder)
    assert data.labels is not None
    labels = hashlib.sha256(b'["0", "1"]' + data.labels.numpy().astype("<i8").tobytes()).hexdigest()
    assert parent == {"role": "data", "sha256": digest(data.images), "labels": labels}
    assert header.metrics == result["metrics"]
    # Two classes that are easy to tell apart, after two epochs: chance is a half.
    assert result["metrics"]["test_accuracy"] > 0.9
    assert result["metrics"]["held_out_accuracy"] > 0.9
    assert sorted(path.name for path in (folder / "t.run").iterdir()) == [".lock", "metrics.jsonl"]


def test_people_read_accuracies_and_the_next_command(capsys):
    assert run([*TEACHER, *SHORT, "-o", "t.safetensors"]) == 0
    captured = capsys.readouterr()
    metrics = read_header("t.safetensors").metrics
    assert captured.out == "t.safetensors\n"
    lines = captured.err.splitlines()
    assert lines[-2] == (
        f"accuracy {metrics['held_out_accuracy']:.2%} on held-out training images, "
        f"{metrics['test_accuracy']:.2%} on the test images"
    )
    assert lines[-1] == "next: degan enrich --classifier t.safetensors --proxy photos"
    assert len([line for line in lines if line.startswith("epoch ")]) == metrics["epochs"] == 2  # one in each stage


def test_quiet_leaves_one_line(capsys):
    assert run([*TEACHER, *SHORT, "-q"]) == 0
    assert capsys.readouterr() == ("digits-0-1-lenet.safetensors\n", "")


def test_a_name_from_the_inputs_is_not_overwritten_unasked(capsys):
    command = [*TEACHER, *SHORT, "-q"]
    assert run(command) == 0
    before = read_header("digits-0-1-lenet.safetensors")
    assert run(command) == 2
    assert "digits-0-1-lenet.safetensors exists already; name another with -o" in capsys.readouterr().err
    assert run([*command, "--force", "--seed", "1"]) == 0
    assert read_header("digits-0-1-lenet.safetensors").run["seed"] == 1
    assert before.run["seed"] == 0


def test_resume_takes_the_finished_file_if_the_settings_are_its_own(folder, capsys):
    command = [*TEACHER, *SHORT, "-q", "-o", "t.safetensors"]
    assert run([*command, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    bytes_before = (folder / "t.safetensors").read_bytes()
    assert run([*command, "--json", "--resume"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["reused"] is True
    assert (again["sha256"], again["metrics"]) == (first["sha256"], first["metrics"])
    assert run([*command, "--resume", "--seed", "3"]) == 2
    assert "t.safetensors: made with seed 0, now 3; repeat the settings" in capsys.readouterr().err
    assert (folder / "t.safetensors").read_bytes() == bytes_before


@pytest.mark.parametrize("more", [[], SGD], ids=["adam", "sgd"])
def test_a_stopped_run_goes_on_to_the_bytes_of_an_unbroken_one(folder, capsys, more):
    command = [*TEACHER, *SHORT, *more, "-q", "-o"]
    assert run([*command, "whole.safetensors"]) == 0
    slices = 0
    while (code := run([*command, "parts.safetensors", "--max-minutes", "0", "--resume"])) == 75:
        slices += 1
        assert not (folder / "parts.safetensors").exists()
        assert (folder / "parts.run" / "checkpoint.safetensors").exists()
    assert (code, slices > 1) == (0, True)
    assert (folder / "parts.safetensors").read_bytes() == (folder / "whole.safetensors").read_bytes()
    assert "go on with the same command and --resume" in capsys.readouterr().err


def test_a_checkpoint_of_other_settings_is_refused(capsys):
    command = [*TEACHER, *SHORT, "-q", "-o", "t.safetensors"]
    assert run([*command, "--max-minutes", "0"]) == 75
    assert run(command) == 2
    assert "t.run holds a stopped run; go on with --resume, or start anew with --force" in capsys.readouterr().err
    assert run([*command, "--resume", "--lr", "0.02"]) == 2
    assert "made with lr 0.01, now 0.02; repeat the settings, or use --force" in capsys.readouterr().err


def test_sgd_keeps_the_last_epoch_and_its_whole_recipe(capsys):
    assert run([*TEACHER, *SGD, "--epochs", "3", "--lr", "0.02", "-q", "-o", "t.safetensors", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    stored = read_header("t.safetensors").run
    assert stored.keys() == RUN_KEYS
    assert (stored["milestones"], stored["weight_decay"], stored["batch_size"]) == ([1, 2], 2e-4, 128)
    assert (metrics["best_epoch"], metrics["epochs"]) == (3, 3)
    assert "held_out_accuracy" not in metrics


def test_a_dry_run_says_all_and_writes_nothing(folder, capsys):
    assert run([*TEACHER, "--optimiser", "sgd", "--epochs", "10", "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    count = int((load_digits("train").labels < 2).sum())
    assert shown["dry_run"] is True
    assert (shown["artifact"], shown["run_folder"]) == ("digits-0-1-lenet.safetensors", "digits-0-1-lenet.run")
    assert shown["run"].keys() == RUN_KEYS
    assert shown["run"]["milestones"] == [4, 6, 8]
    assert shown["parameters"] == {"classifier": 61706 - 8 * 85}  # lenet for 10 classes
    assert shown["images"] == {"images": [count, 1, 32, 32]}
    assert shown["bytes"] == {"networks": 16 * (61706 - 8 * 85), "images": count * 32 * 32}
    assert (shown["origins"]["lr"], shown["origins"]["epochs"]) == ("the recipe of --optimiser sgd", "option")
    assert list(folder.iterdir()) == []


def test_images_are_fitted_where_it_is_wanted(capsys):
    pack("x.safetensors")
    command = ["teacher", "--dataset", "x.safetensors", "--arch", "alexnet", "--dry-run", "--json"]
    shapes = []
    for more in ([], ["--image-size", "16"]):
        assert run([*command, *more]) == 0
        shapes.append(json.loads(capsys.readouterr().out)["images"]["images"])
    assert shapes == [[20, 3, 32, 32]] * 2  # alexnet takes 32 pixels and no fewer


def test_without_test_images_only_the_held_out_ones_are_reported(capsys):
    pack("x.safetensors")
    small = ["--epochs", "1", "--batch-size", "4", "-o", "t.safetensors"]
    assert run(["teacher", "--dataset", "x.safetensors", "--arch", "lenet", *small]) == 0
    metrics = read_header("t.safetensors").metrics
    assert "test_accuracy" not in metrics
    assert f"accuracy {metrics['held_out_accuracy']:.2%} on held-out training images\n" in capsys.readouterr().err
    assert run(["teacher", "--dataset", "x.safetensors", "--arch", "lenet", *SGD, *small, "--force"]) == 0
    assert "accuracy unknown: there are no held-out and no test images\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--held-out", "0"], 2, "--held-out 0: adam's stages end by a held-out score; add --optimiser sgd"),
        (["--milestones", "3,5"], 2, "--milestones has no use with --optimiser adam: it is for --optimiser sgd; leave"),
        (["--weight-decay", "0.1"], 2, "--weight-decay has no use with --optimiser adam: it is for --optimiser sgd;"),
        (
            ["--optimiser", "sgd", "--milestones", "5,3"],
            2,
            "--milestones 5,3: write rising epochs, such as 100,150,200",
        ),
        (["--optimiser", "sgd", "--milestones", "0,3"], 2, "--milestones 0,3: write rising epochs"),
        (["--optimiser", "sgd", "--milestones", "soon"], 2, "--milestones: 'soon' is not whole numbers, such as 0,1,2"),
        (["--augment", "strong"], 2, "--augment"),
        (["--epochs", "0"], 2, "--epochs"),
        (["--arch", "lennet"], 2, 'unknown architecture "lennet"; did you mean "lenet"?'),
        (["--dataset", "gone.safetensors"], 3, "gone.safetensors: no such file or folder"),
        (["--dataset", "loose"], 3, "loose: no labels, but a teacher needs them; sort the images into one folder per"),
        (["--dataset", "unlabelled.safetensors"], 3, "unlabelled.safetensors: no labels, but a teacher needs them"),
        (["--dataset", "svhn"], 3, "--download"),
        (["--device", "cuda:9"], 2, "--device cuda:9 is not on this machine"),
        (["--lr", "1e30", "--epochs", "1"], 5, "try a smaller --lr"),
        (["-o", "t.pth"], 2, "-o t.pth: an artifact's name ends in .safetensors; use -o t.safetensors"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, arguments, code, message):
    pack("unlabelled.safetensors", labelled=False)
    (folder / "loose").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8)).save(folder / "loose" / name)
    assert run([*TEACHER, "-q", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("degan: error: ")
    assert message in line
    assert not list(folder.glob("*lenet*.safetensors"))
