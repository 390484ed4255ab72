"""``degan enrich`` and ``degan distill`` on files, in this process: foreign classifiers, warnings, mistakes."""

from __future__ import annotations

import json

import pytest
import torch
from models_on_disk import write_models
from safetensors.torch import save_file

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_header
from degan_cli.plugins import load_plugins

SHORT = ["--epochs", "1", "--steps-per-epoch", "2", "--held-out", "32", "-q"]
TINY_GAN = ["--proxy", "digits", "--steps", "2", "--width", "2", "--latent", "4", "--batch-size", "8", "-q"]


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)
    return tmp_path


def test_a_student_takes_over_names_and_input_and_names_its_parents(models, capsys):
    assert (
        run(["distill", "--teacher", "t.safetensors", "--student", "lenet-half", "--samples", "g.safetensors", *SHORT])
        == 0
    )
    made = capsys.readouterr().out.strip()
    assert made == "lenet-half-g.safetensors"
    header = read_header(models / made)
    assert (header.architecture, header.class_names) == ("lenet-half", ("cat", "a/dog", "never"))
    assert [parent["role"] for parent in header.parents] == ["teacher", "samples"]
    assert header.run["temperature"] == 20.0


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
    ],
)
def test_mistakes_are_one_line(models, capsys, arguments, code, message):
    assert run(["distill", "--teacher", "t.safetensors", "--student", "lenet-half", *arguments, *SHORT]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert message in line
