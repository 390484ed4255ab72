"""``degan distill`` on samples that are there, in this process: its file, foreign classifiers, warnings, mistakes."""

from __future__ import annotations

import json

import pytest
import torch
from models_on_disk import write_models
from safetensors.torch import save_file

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_header
from degan_cli.metrics import Support
from degan_cli.plugins import load_plugins

DISTILL = ["distill", "--teacher", "t.safetensors", "--student", "lenet-half"]
SHORT = ["--epochs", "1", "--steps-per-epoch", "2", "--held-out", "32", "-q"]
RUN_KEYS = {
    *("arch", "augment", "batch_size", "beta1", "ce_weight", "compiled", "device", "epochs", "graphs", "held_out"),
    *("live", "loss", "lr", "milestones", "num_classes", "optimiser", "patience", "precision", "samples", "seed"),
    *("steps_per_epoch", "student", "teacher", "temperature", "test_data", "weight_decay"),
}


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)
    return tmp_path


def test_a_student_takes_over_names_and_input_and_names_its_parents(models, capsys):
    assert run([*DISTILL, "--samples", "g.safetensors", *SHORT]) == 0
    made = capsys.readouterr().out.strip()
    assert made == "lenet-half-g.safetensors"
    header = read_header(models / made)
    assert (header.architecture, header.class_names) == ("lenet-half", ("cat", "a/dog", "never"))
    assert [parent["role"] for parent in header.parents] == ["teacher", "samples"]
    assert header.run["temperature"] == 20.0
    assert header.run.keys() == RUN_KEYS
    assert header.run["live"] is None
    assert header.run["samples"] == ["g.safetensors"]


def test_people_read_the_agreement_and_the_next_command(models, capsys):
    loud = [argument for argument in SHORT if argument != "-q"]
    assert run([*DISTILL, "--samples", "g.safetensors", *loud, "-o", "s.safetensors"]) == 0
    captured = capsys.readouterr()
    metrics = read_header("s.safetensors").metrics
    assert captured.out == "s.safetensors\n"
    said = f"agreement {metrics['agreement']:.2%} with the teacher on held-out samples, epoch {metrics['best_epoch']}"
    assert captured.err.splitlines()[-2:] == [
        f"{said}; to the teacher these are {Support(**metrics['support']).describe()}",
        "next: degan eval s.safetensors --classifier t.safetensors --dataset photos",
    ]


def test_a_stopped_run_goes_on_to_the_bytes_of_an_unbroken_one(models, capsys):
    command = [*DISTILL, "--samples", "g.safetensors@0.7", "--samples", "digits@0.3", *SHORT, "-o"]
    assert run([*command, "whole.safetensors"]) == 0
    slices = 0
    while (code := run([*command, "parts.safetensors", "--max-minutes", "0", "--resume"])) == 75:
        slices += 1
    assert (code, slices > 1) == (0, True)
    assert (models / "parts.safetensors").read_bytes() == (models / "whole.safetensors").read_bytes()


def test_heavy_is_the_old_word_for_strong(models, capsys):
    made = {}
    for word in ("heavy", "strong"):
        assert run([*DISTILL, "--samples", "digits", "--augment", word, *SHORT, "-o", f"{word}.safetensors"]) == 0
        made[word] = (models / f"{word}.safetensors").read_bytes()
    assert made["heavy"] == made["strong"]
    assert read_header("heavy.safetensors").run["augment"] == "strong"
    again = [*DISTILL, "--samples", "digits", "--augment", "heavy", *SHORT, "-o", "strong.safetensors", "--resume"]
    capsys.readouterr()
    assert run([*again, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reused"] is True


def test_samples_made_for_another_classifier_are_warned_of(models, capsys):
    plugins = load_plugins(enabled=False)
    teacher = load_classifier(models / "t.safetensors", plugins).model.network.state_dict()
    save_file({key: value + 0.01 for key, value in teacher.items()}, models / "foreign.safetensors")
    foreign = ["--teacher", "foreign.safetensors", "--arch", "lenet", "--num-classes", "3"]
    assert run(["distill", *foreign, "--student", "lenet-half", "--samples", "g.safetensors", *SHORT]) == 0
    assert "g.safetensors: its samples were made for another classifier (sha256 " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--samples", "g.safetensors@0"], 2, "the weight '0' is no number greater than 0"),
        (["--samples", "g.safetensors@much"], 2, "the weight 'much' is no number greater than 0"),
        (["--samples", "t.safetensors"], 3, "t.safetensors: a classifier, but --samples takes a generator"),
        (["--samples", "gone.safetensors"], 3, "gone.safetensors: no such file or folder"),
        (["--samples", "digits", "--temperature", "0"], 2, "--temperature"),
        (["--samples", "digits", "--device", "cuda:7"], 2, "--device cuda:7 is not on this machine"),
        (
            ["--samples", "digits", "--augment", "bent"],
            2,
            "--augment 'bent' is none of: none, crop, flip, crop-flip, s",
        ),
        (
            ["--samples", "digits", "--loss", "l1", "--temperature", "2"],
            2,
            "--temperature has no use with --loss l1: it is for --loss kd; leave --temperature out",
        ),
        (
            ["--samples", "digits", "--optimiser", "sgd", "--beta1", "0.9"],
            2,
            "--beta1 has no use with --optimiser sgd: it is for --optimiser adam; leave --beta1 out",
        ),
        (
            ["--samples", "digits", "--proxy", "digits"],
            2,
            "--proxy has no use with --samples digits: it is for methods that learn from a proxy; leave --proxy out",
        ),
        (["--samples", "digits", "--lr", "1e30", "--steps-per-epoch", "9"], 5, "--lr"),
        (["--method", "dafl", "--augment", "alternating-flip"], 2, "none can alternate; use --augment flip"),
    ],
)
def test_mistakes_are_one_line(models, capsys, arguments, code, message):
    assert run([*DISTILL, *SHORT, *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert message in line


def test_an_agreement_that_rests_on_one_class_is_called_meaningless(models, capsys):
    """A classifier with a huge bias for its second class takes everything for it: any student soon agrees."""
    teacher = load_classifier("t.safetensors", load_plugins(enabled=False)).model
    with torch.no_grad():
        list(teacher.parameters())[-1].copy_(torch.tensor([0.0, 1e3, 0.0]))
    save_file(teacher.network.state_dict(), "biased.safetensors")
    biased = ["distill", "--teacher", "biased.safetensors", "--arch", "lenet", "--num-classes", "3"]
    loud = [argument for argument in SHORT if argument != "-q"]
    assert run([*biased, "--student", "lenet-half", "--samples", "digits", *loud, "-o", "s.safetensors"]) == 0
    told = capsys.readouterr().err
    assert "warning: the samples say next to nothing of the teacher" in told
    assert "1 of 3 classes, 1.0 effective, confidence 1.00, so it means nothing" in told
    assert read_header("s.safetensors").metrics["support"] == {
        "classes": 3,
        "seen": 1,
        "effective": pytest.approx(1.0),
        "confidence": pytest.approx(1.0),
    }
