"""``degan enrich`` without a proxy and ``degan distill --method``, in this process: files, going on, mistakes."""

from __future__ import annotations

import json

import pytest
import torch
from models_on_disk import write_models

from degan_cli import artifact
from degan_cli.app import run

TEACHER = ["--teacher", "t.safetensors", "--student", "lenet-half"]
SHORT = ["--epochs", "2", "--steps-per-epoch", "3", "--batch-size", "8", "--held-out", "16", "-q"]
SMALL = ["--update-batch", "8", "--width", "4", "--latent", "4"]


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)
    return tmp_path


def test_a_generator_without_a_proxy_is_named_after_classifier_and_method(models, capsys):
    small = ["--steps", "2", "--batch-size", "8", "--width", "4"]
    assert run(["enrich", "--classifier", "t.safetensors", "--method", "dafl", *small, "-q"]) == 0
    assert capsys.readouterr().out.strip() == "t-dafl.safetensors"
    header = artifact.read_header("t-dafl.safetensors")
    assert header.gan["name"] == "dafl"
    assert header.run["proxy"] is None
    assert [parent["role"] for parent in header.parents] == ["classifier"]


def test_impressions_are_stored_with_soft_labels_and_a_student_learns_from_them(models, capsys):
    small = ["-n", "10", "--steps", "2", "--batch-size", "4"]
    assert (
        run(["enrich", "--classifier", "t.safetensors", "--method", "zskd", *small, "-o", "z.safetensors", "-q"]) == 0
    )
    images, soft_labels, header, _ = artifact.load_images("z.safetensors")
    assert images.images.shape == (10, 1, 32, 32)
    assert soft_labels is not None
    assert torch.allclose(soft_labels.sum(dim=1), torch.ones(10))
    assert torch.equal(images.labels, soft_labels.argmax(dim=1))
    assert sum(header.metrics["class_counts"].values()) == 10
    assert run(["distill", *TEACHER, "--samples", "z.safetensors", *SHORT, "-o", "s.safetensors"]) == 0


@pytest.mark.parametrize("method", ["pre-dfkd", "mb-dfkd", "dafl"])
def test_a_stopped_student_of_an_online_method_goes_on_to_the_bytes_of_an_unbroken_one(models, capsys, method):
    command = ["distill", *TEACHER, "--method", method, *SHORT, *SMALL, "--update-every", "2"]
    assert run([*command, "-o", "whole.safetensors", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    for _ in range(20):
        code = run([*command, "-o", "parts.safetensors", "--json", "--resume", "--max-minutes", "0"])
        if code == 0:
            break
        assert code == 75
    parts = json.loads(capsys.readouterr().out)
    assert parts["sha256"] == whole["sha256"]
    assert len(parts["metrics"]["curve"]["values"]) == 2


def test_the_curve_is_of_test_data_and_the_last_student_is_kept(models, capsys):
    images = torch.randint(0, 256, (6, 1, 32, 32), dtype=torch.uint8)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    artifact.save_samples("test.safetensors", images, None, labels, ("cat", "a/dog", "never"))
    watched = ["--test-data", "test.safetensors", "-o", "s.safetensors", "--json"]
    assert run(["distill", *TEACHER, "--method", "dafl", *SHORT, *SMALL, *watched]) == 0
    curve = json.loads(capsys.readouterr().out)["metrics"]["curve"]
    assert curve["of"] == "accuracy"
    assert curve["last"] == curve["values"][-1]
    assert curve["peak"] == max(curve["values"])
    assert run(["eval", "s.safetensors", "--dataset", "test.safetensors", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(curve["last"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["enrich", "--classifier", "t.safetensors"],
            "--method degan learns from images at hand; name them with --proxy",
        ),
        (["enrich", "--classifier", "t.safetensors", "--method", "dafl", "--proxy", "digits"], "leave --proxy out"),
        (["enrich", "--classifier", "t.safetensors", "--method", "dafl", "--epochs", "2"], "leave --epochs out"),
        (["enrich", "--classifier", "t.safetensors", "--method", "zskd", "--gan", "dcgan"], "leave --gan out"),
        (["enrich", "--classifier", "t.safetensors", "--method", "zskd", "--cuda-graphs"], "leave --cuda-graphs out"),
        (["distill", *TEACHER, "--samples", "digits", "--cuda-graphs", "--device", "cpu"], "needs a CUDA device"),
        (["enrich", "--classifier", "t.safetensors", "--method", "deepinversion"], "has no BatchNorm layers"),
        (["enrich", "--classifier", "t.safetensors", "--method", "pre-dfkd"], "use degan distill --method pre-dfkd"),
        (["enrich", "--classifier", "t.safetensors", "--method", "dafl", "-n", "5"], "leave --number out"),
        (["distill", *TEACHER], "name --samples, or a --method"),
        (["distill", *TEACHER, "--method", "dafl", "--samples", "digits"], "give one of them"),
        (["distill", *TEACHER, "--samples", "digits", "--update-every", "2"], "leave --update-every out"),
        (["distill", *TEACHER, "--samples", "digits", "--milestones", "2"], "leave --milestones out"),
        (["distill", *TEACHER, "--method", "degan"], "name them with --proxy"),
        (["distill", *TEACHER, "--method", "cde"], "name them with --condensed"),
        (["distill", *TEACHER, "--method", "zskd", "--replay", "bank"], "--replay has no use with --method zskd"),
        (["distill", *TEACHER, "--method", "adi"], "has no BatchNorm layers"),
        (["distill", *TEACHER, "--method", "cde", "--condensed", "digits"], "none of the classifier's"),
    ],
)
def test_mistakes_are_told_in_one_line(models, capsys, arguments, said):
    assert run([*arguments, "-q"]) in (2, 3)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(models.glob("*.run"))
