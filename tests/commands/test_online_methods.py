"""``degan distill --method``, in this process: samples that are made while the student learns; mistakes."""

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


@pytest.mark.parametrize(
    "method",
    [
        ["pre-dfkd"],
        ["mb-dfkd"],
        ["dafl"],
        ["mosaickd", "--proxy", "digits:2,3,8"],
        ["degan", "--proxy", "digits:2,3,8", "--proxy-share", "0.3", "--replay", "bank"],
    ],
    ids=lambda method: method[0],
)
def test_a_stopped_student_of_an_online_method_goes_on_to_the_bytes_of_an_unbroken_one(models, capsys, method):
    command = ["distill", *TEACHER, "--method", *method, *SHORT, *SMALL, "--update-every", "2"]
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


LIVE_KEYS = {
    *("batch_size", "condensed", "every", "gan", "latent", "lr", "method", "proxy", "replay", "replay_share"),
    *("settings", "size", "steps", "width"),
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["dafl", *SMALL],
            {"method": "dafl", "gan": "dafl", "size": 32, "latent": 4, "width": 4, "every": 1, "lr": 0.02}
            | {"steps": None, "replay": "none", "replay_share": 0.0, "proxy": None},
        ),
        (["mb-dfkd", *SMALL], {"replay": "bank", "replay_share": 0.125, "every": 10, "batch_size": 8}),
        (["degan", "--proxy", "digits", *SMALL], {"gan": "dcgan", "proxy": "digits", "lr": 2e-4}),
        (
            ["mosaickd", "--proxy", "digits", *SMALL],
            {"gan": "dafl", "proxy_share": 0.5, "lr": 1e-3, "every": 5, "replay": "none"}
            | {
                "settings": dict.fromkeys(("local_weight", "align_weight", "adversarial_weight"), 1.0)
                | {"balance_weight": 10.0}
            },
        ),
        (["degan", "--proxy", "digits", "--proxy-share", "0.25", *SMALL], {"proxy_share": 0.25}),
        (
            ["zskd", "--update-batch", "8", "--update-steps", "1"],
            {"gan": None, "size": None, "latent": None, "width": None, "steps": 1, "every": 50, "lr": 1e-3}
            | {"replay": "none", "replay_share": 0.0, "settings": {"temperature": 20.0}},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_run_holds_how_samples_were_made_meanwhile(models, arguments, expected):
    assert run(["distill", *TEACHER, "--method", *arguments, *SHORT, "-o", "s.safetensors"]) == 0
    stored = artifact.read_header("s.safetensors").run
    assert stored["live"].keys() == LIVE_KEYS | ({"proxy_share"} & expected.keys())
    assert expected.items() <= stored["live"].items()
    assert stored["samples"] == []
    assert "method" not in stored


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--samples", "digits", "--cuda-graphs", "--device", "cpu"], "needs a CUDA device"),
        ([], "nothing to learn from; name --samples, or a --method that makes them meanwhile"),
        (["--method", "dafl", "--samples", "digits"], "give one of them"),
        (
            ["--samples", "digits", "--update-every", "2"],
            "--update-every has no use with --samples digits: it is for --method, which makes samples while the "
            "student learns; leave --update-every out",
        ),
        (
            ["--samples", "digits", "--milestones", "2"],
            "--milestones has no use with --samples digits: it is for --met",
        ),
        (
            ["--method", "dafl", "--patience", "5"],
            "--patience has no use with --method dafl: it is for samples that st",
        ),
        (["--method", "zskd", "--latent", "5"], "--latent has no use with --method zskd: it is for methods that train"),
        (
            ["--method", "dafl", "--update-steps", "5"],
            "--update-steps has no use with --method dafl: it is for methods",
        ),
        (["--method", "dafl", "--replay-share", "0.2"], "it is for --replay bank or vae; leave --replay-share out"),
        (
            ["--method", "dafl", "--proxy-share", "0.5"],
            "--proxy-share has no use with --method dafl: it is for methods that learn from a proxy; leave --proxy-sha",
        ),
        (
            ["--method", "degan", "--proxy", "digits", "--proxy-share", "0.95"],
            "Invalid value for '--proxy-share': Input should be less than or equal to 0.9",
        ),
        (["--method", "mosaickd"], "--method mosaickd learns from images at hand; name them with --proxy"),
        (["--method", "degan"], "--method degan learns from images at hand; name them with --proxy"),
        (["--method", "cde"], "name them with --condensed"),
        (
            ["--method", "zskd", "--replay", "bank"],
            "--replay has no use with --method zskd: it is for methods that tra",
        ),
        (["--method", "adi"], "has no BatchNorm layers"),
        (["--method", "cde", "--condensed", "digits"], "none of the classifier's"),
    ],
)
def test_mistakes_are_told_in_one_line(models, capsys, arguments, said):
    assert run(["distill", *TEACHER, *arguments, "-q"]) in (2, 3)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(models.glob("*.run"))


def test_a_methods_own_setting_may_share_its_name_with_an_option_of_the_student(models, capsys):
    command = ["distill", *TEACHER, "--method", "zskd", "--temperature", "3", "--set", "temperature=20"]
    assert run([*command, "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["run"]
    assert (shown["temperature"], shown["live"]["settings"]["temperature"]) == (3.0, 20.0)
