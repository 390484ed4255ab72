"""What is odd but can be used: told on stderr once, also when quiet, and listed as ``warnings`` in the JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from models_on_disk import write_models
from PIL import Image

from degan_cli.app import run
from degan_cli.config import EvaluateSettings
from degan_cli.jobs import Session, evaluate
from degan_cli.plugins import load_plugins

DISTILL = ["distill", "--teacher", "t.safetensors", "--student", "lenet-half", "--epochs", "1", "--steps-per-epoch"]
DISTILL += ["2", "-q"]
ENRICH = ["enrich", "--classifier", "t.safetensors", "--steps", "2", "--batch-size", "4", "--width", "4", "-q"]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)
    return tmp_path


def pictures(folder: str, number: int) -> None:
    Path(folder).mkdir()
    torch.manual_seed(0)
    for index in range(number):
        levels = torch.randint(256, (32, 32), dtype=torch.uint8)
        Image.fromarray(levels.numpy()).save(Path(folder) / f"{index}.png")


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[list[str], list[str]]:
    """The warnings in the JSON of a command, and those on stderr."""
    assert run([*command, "--json"]) == 0
    captured = capsys.readouterr()
    prefix = "degan: warning: "
    shown = [line.removeprefix(prefix) for line in captured.err.splitlines() if line.startswith(prefix)]
    return json.loads(captured.out).get("warnings", []), shown


def test_a_run_without_any_lists_none(capsys: pytest.CaptureFixture[str]) -> None:
    pictures("many", 60)
    warnings, shown = told(capsys, *DISTILL, "--samples", "many")
    assert [text for text in warnings if "held-out" in text] == []
    assert warnings == shown


def test_a_student_selected_by_very_few_images_is_told_before_it_learns(capsys: pytest.CaptureFixture[str]) -> None:
    pictures("few", 20)
    warnings, shown = told(capsys, *DISTILL, "--samples", "few")
    assert warnings == shown
    assert "a student is selected by its agreement on 4 held-out image(s)" in warnings[-1]


def test_a_handful_of_proxy_images_is_told_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    pictures("few", 7)
    warnings, shown = told(capsys, *ENRICH, "--proxy", "few")
    assert warnings == shown
    assert warnings[0].startswith("--proxy few: 7 image(s) are too few for a GAN")
    assert "crops:FOLDER" in warnings[0]


def test_a_dry_run_lists_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    pictures("few", 7)
    assert told(capsys, *ENRICH, "--proxy", "few", "--dry-run")[0][0].startswith("--proxy few: 7 image(s)")


def test_broken_images_that_are_left_out_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    pictures("mixed", 60)
    (Path("mixed") / "0.png").write_bytes(b"no picture")
    warnings, shown = told(capsys, "eval", "t.safetensors", "--dataset", "mixed", "--skip-broken", "0.1")
    assert warnings == shown
    (text,) = warnings
    assert text.startswith("mixed: 1 of 60 images broken: mixed/0.png: ")


def test_a_job_tells_what_it_met_itself_and_jobs_of_a_session_share_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pictures("mixed", 60)
    (Path("mixed") / "0.png").write_bytes(b"no picture")
    session = Session(plugins=load_plugins(enabled=False), quiet=True)
    odd = EvaluateSettings(model=Path("t.safetensors"), dataset="mixed", skip_broken=0.1)
    first = evaluate(odd, session).to_json()
    assert len(first["warnings"]) == 1
    assert first["skipped_images"] == {"mixed": 1}
    assert not {"warnings", "skipped_images"} & evaluate(odd.replaced(dataset="noise"), session).to_json().keys()
    assert evaluate(odd, session).to_json()["warnings"] == first["warnings"]
    assert capsys.readouterr().err.count("1 of 60 images broken") == 2


def test_a_classifier_of_one_class_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["teacher", "--dataset", "digits:7", "--arch", "lenet", "--epochs", "1", "-q", "-o", "one.safetensors"])
        == 0
    )
    capsys.readouterr()
    warnings, _ = told(capsys, "eval", "one.safetensors", "--dataset", "digits:7")
    (text,) = warnings
    assert (
        text == "one.safetensors: it knows one class, so it tells no images apart, and no student can be judged by it"
    )


def test_test_images_of_classes_that_the_classifier_lacks_are_told_wherever_it_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained = ["teacher", "--dataset", "digits:0-4", "--arch", "lenet", "--epochs", "1", "-q", "-o", "five.safetensors"]
    assert run(trained) == 0
    capsys.readouterr()
    wide = ["--test-data", "digits:3-6"]
    lacks = "images of classes that the classifier lacks are left out: 5 (36), 6 (36)"
    distill = [*DISTILL, "--samples", "noise", "--held-out", "64", *wide]
    distill[distill.index("t.safetensors")] = "five.safetensors"
    compress = ["compress", "--classifier", "five.safetensors", "--images", "digits:2,3", "--budget", "1s", "-q", *wide]
    compress += ["--student", "lenet-half"]
    for command in distill, compress:
        warnings, shown = told(capsys, *command)
        assert warnings == shown
        assert f"--test-data digits:3-6: {lacks}" in warnings

    for split, classes in ("train", "ab"), ("test", "abc"):
        for name in classes:
            (Path("own") / split).mkdir(parents=True, exist_ok=True)
            pictures(f"own/{split}/{name}", 30)
    warnings, _ = told(capsys, "teacher", "--dataset", "own", "--arch", "lenet", "--epochs", "1", "-q")
    assert "test images of own: images of classes that the classifier lacks are left out: c (30)" in warnings
