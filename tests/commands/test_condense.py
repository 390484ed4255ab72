"""``degan condense`` in this process: its file, its settings by default, and mistakes."""

from __future__ import annotations

import json

import pytest
import torch

from degan_cli.app import run
from degan_cli.artifact import load_images, save_dataset
from degan_cli.datasets.digits import load_digits
from degan_cli.datasets.resolve import open_images
from degan_cli.images import digest
from degan_cli.plugins import load_plugins
from degan_cli.specs import ImageSet

DIGITS = ["condense", "--dataset", "digits:3,7", "--batch-size", "8"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pack(name: str, counts: list[int], side: int = 8, labelled: bool = True) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.arange(len(labels) * side * side, dtype=torch.float64).mul(37).remainder(256)
    images = images.to(torch.uint8).view(-1, 1, side, side)
    names = tuple(f"class {index}" for index in range(len(counts)))
    save_dataset(name, ImageSet(images=images, labels=labels if labelled else None, class_names=names), "x", "train")


@pytest.mark.parametrize("matching", ["distribution", "gradient"])
def test_the_file_holds_samples_that_know_their_origin(folder, capsys, matching):
    command = [*DIGITS, "--per-class", "2", "--steps", "3", "--matching", matching, "-o", "c.safetensors", "--json"]
    assert run(command) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    images, soft_labels, header, sha256 = load_images("c.safetensors")
    assert (result["kind"], result["sha256"], result["artifact"]) == ("samples", sha256, "c.safetensors")
    assert images.images.shape == (4, 1, 8, 8)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.class_names == ("3", "7")
    assert soft_labels is None
    true = load_digits("train")
    assert true.labels is not None
    chosen = torch.cat([true.images[true.labels == label] for label in (3, 7)])
    (parent,) = header.parents
    assert parent["role"] == "dataset"
    data = open_images("digits:3,7", "train", plugins=load_plugins(enabled=False), data_dir=folder)
    assert parent["sha256"] == digest(data.images)
    assert torch.equal(data.images.unique(dim=0), chosen.unique(dim=0))
    assert header.metrics == result["metrics"]
    assert {"images": 4, "per_class": 2, "updates": 3, "real_images": len(chosen)}.items() <= result["metrics"].items()
    assert header.run["matching"] == matching
    assert header.run.keys() == {
        *("augment", "batch_size", "compiled", "dataset", "device", "flip", "init", "inner", "lr", "matching"),
        *("outer", "per_class", "precision", "seed", "steps"),
    }
    assert sorted(path.name for path in (folder / "c.run").iterdir()) == [".lock", "metrics.jsonl", "samples.png"]
    assert "they are for degan distill --method cde --condensed, and a teacher of the same data" in captured.err
    assert "next: degan teacher --arch convnet --dataset digits:3,7" in captured.err


def test_the_whole_command_without_a_name_for_its_file_is_repeated_by_nothing_but_resume(capsys):
    command = ["condense", "--dataset", "digits:0,1", "--per-class", "1", "--steps", "1", "-q"]
    assert run(command) == 0
    made = capsys.readouterr().out.strip()
    assert made == "digits-0-1-condensed.safetensors"
    assert run(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert run([*command, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reused"] is True


def test_a_run_out_of_time_exits_75_and_goes_on(folder, capsys):
    short = [*DIGITS, "--per-class", "1", "--steps", "4", "-q", "-o"]
    assert run([*short, "a.safetensors"]) == 0
    assert run([*short, "b.safetensors", "--max-minutes", "0"]) == 75
    assert not (folder / "b.safetensors").exists()
    assert "step 1 of 4; go on with the same command and --resume" in capsys.readouterr().err
    assert run([*short, "b.safetensors", "--resume"]) == 0
    assert (folder / "a.safetensors").read_bytes() == (folder / "b.safetensors").read_bytes()
    assert not (folder / "b.run" / "checkpoint.safetensors").exists()


def settings(capsys, *arguments: str) -> dict[str, object]:
    assert run(["condense", *arguments, "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    return shown["run"] | {"shape": shown["images"]["images"]}


def test_settings_by_default_are_those_of_the_sources(folder, capsys):
    usual = settings(capsys, "--dataset", "digits")
    assert usual["shape"] == [1442, 1, 8, 8]
    expected = {"matching": "distribution", "augment": True, "flip": False, "init": "real", "batch_size": 256}
    assert expected.items() <= usual.items()
    assert (usual["per_class"], usual["steps"], usual["lr"], usual["outer"], usual["inner"]) == (10, 20_000, 1.0, 1, 0)
    gradient = settings(capsys, "--dataset", "digits", "--matching", "gradient", "--no-augment")
    assert (gradient["init"], gradient["augment"], gradient["flip"], gradient["lr"]) == ("noise", False, False, 0.1)
    assert (gradient["steps"], gradient["outer"], gradient["inner"]) == (10_000, 10, 50)
    assert settings(capsys, "--dataset", "digits", "--matching", "gradient")["init"] == "real"
    assert list(folder.iterdir()) == []


def test_only_digits_are_not_mirrored_unless_it_is_said(capsys):
    pack("cats.safetensors", [3, 3])
    cats = ["--dataset", "cats.safetensors", "--per-class", "1"]
    assert settings(capsys, *cats)["flip"] is True
    assert settings(capsys, *cats, "--no-flip")["flip"] is False
    assert settings(capsys, *cats, "--no-augment")["flip"] is False
    assert settings(capsys, "--dataset", "digits", "--flip")["flip"] is True


def test_images_too_small_for_the_network_are_enlarged_and_others_fitted_if_wanted(capsys):
    pack("small.safetensors", [2, 2], side=4)
    small = ["--dataset", "small.safetensors", "--per-class", "1"]
    assert settings(capsys, *small)["shape"] == [4, 1, 8, 8]
    assert settings(capsys, *small, "--image-size", "16")["shape"] == [4, 3, 16, 16]


@pytest.mark.parametrize(
    ("counts", "arguments", "code", "message"),
    [
        ([5, 2], ["--per-class", "3"], 2, "fewer of class 1 (2); make it smaller, or add --init noise"),
        ([5, 0], ["--per-class", "1"], 3, "no image of class 1; name the classes that have some, as in x:A,B"),
        ([5, 0], ["--per-class", "1", "--init", "noise"], 3, "no image of class 1"),
        ([5, 5], ["--per-class", "0"], 2, "--per-class"),
        ([5, 5], ["--matching", "moments"], 2, "--matching"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, counts, arguments, code, message):
    pack("x.safetensors", counts)
    assert run(["condense", "--dataset", "x.safetensors", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert message in line
    assert [path.name for path in folder.iterdir()] == ["x.safetensors"]


def test_fewer_true_images_than_wanted_are_enough_for_a_start_from_noise(capsys):
    pack("x.safetensors", [5, 2])
    few = ["condense", "--dataset", "x.safetensors", "--per-class", "3", "--steps", "1", "-q", "--init", "noise"]
    assert run(few) == 0
    assert len(load_images(capsys.readouterr().out.strip())[0].images) == 6


def test_images_without_labels_cannot_be_condensed(capsys):
    pack("x.safetensors", [5, 5], labelled=False)
    assert run(["condense", "--dataset", "x.safetensors"]) == 3
    assert "x.safetensors: no labels, but images are condensed class by class; sort them" in capsys.readouterr().err
