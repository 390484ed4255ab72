from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from models_on_disk import write_models

from degan_cli import artifact
from degan_cli.app import run
from degan_cli.artifact import read_tensors, save_dataset, write_tensors
from degan_cli.specs import ImageSet


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Also ``d.safetensors``: 60 samples labelled as the classifier sees them, but for the first 15."""
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["sample", "g.safetensors", "-n", "60", "--seed", "9", "-o", "s.safetensors", "-q"]) == 0
    images, soft, _, _ = artifact.load_images(folder / "s.safetensors")
    assert soft is not None
    labels = soft.argmax(dim=1)
    labels[:15] = 2
    labelled = ImageSet(images=images.images, labels=labels, class_names=("cat", "a/dog", "never"))
    save_dataset(folder / "d.safetensors", labelled, "d", "test")
    unlabelled = ImageSet(images=images.images, labels=None, class_names=())
    save_dataset(folder / "u.safetensors", unlabelled, "u", "test")
    stranger = ImageSet(images=images.images, labels=labels, class_names=("cat", "a/dog", "bird"))
    save_dataset(folder / "b.safetensors", stranger, "b", "test")
    return folder


@pytest.fixture
def here(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file in models.glob("*.safetensors"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    capsys.readouterr()
    assert run(["eval", *arguments, "--json"]) == 0, capsys.readouterr().err
    value: dict[str, object] = json.loads(capsys.readouterr().out)
    return value


def test_accuracy_is_a_fraction_for_scripts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluated(capsys, "t.safetensors", "--dataset", "d.safetensors")
    assert result["accuracy"] == 0.75
    assert result["metrics"]["accuracy"] == 0.75
    assert result["per_class"] == {"cat": 1, "a/dog": 1, "never": 0}
    assert result["kind"] == "classifier"
    assert result["sha256"] == artifact.read_artifact("t.safetensors").sha256
    assert sum(map(sum, result["confusion"]["counts"])) == result["images"] == 60


def test_accuracy_is_per_cent_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "t.safetensors", "--dataset", "d.safetensors", "--classifier", "t.safetensors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "accuracy           75.00 %" in lines
    assert "agreement          100.00 %" in lines
    assert any(line.split() == ["never", "15", "0", "0.00", "%"] for line in lines)


def test_classes_that_the_classifier_lacks_are_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "t.safetensors", "--dataset", "b.safetensors", "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["images"], result["accuracy"], result["left_out"]) == (45, 1, {"bird": 15})
    assert "classes that the classifier lacks are left out: bird (15)" in printed.err


def test_without_labels_there_is_agreement_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "t.safetensors", "--dataset", "u.safetensors", "--classifier", "t.safetensors", "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["agreement"] == 1
    assert result["labelled"] is False
    assert "accuracy" not in result
    assert "no labels" in printed.err


def test_a_network_from_elsewhere_takes_the_names_in_order(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors, _, _ = read_tensors("t.safetensors")
    write_tensors("plain.safetensors", tensors, {})
    assert run(["eval", "plain.safetensors", "--dataset", "d.safetensors"]) == 2
    assert "--arch" in capsys.readouterr().err
    plain = ("--arch", "lenet", "--num-classes", "3", "--dataset", "d.safetensors")
    assert run(["eval", "plain.safetensors", *plain, "--classifier", "t.safetensors", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["agreement"] == 1
    assert json.loads(printed.out)["accuracy"] == 0.75
    assert "its 3 classes have no names; they are taken in the order cat, a/dog, never" in printed.err


def test_a_classifier_needs_images(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "t.safetensors"]) == 2
    assert "t.safetensors is a classifier: name images to measure it on with --dataset" in capsys.readouterr().err
    assert run(["eval", "d.safetensors"]) == 3
    assert "holds a dataset" in capsys.readouterr().err


def test_a_generator_is_judged_by_its_classifier(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluated(capsys, "g.safetensors", "-n", "50")
    assert result["kind"] == "generator"
    assert sum(result["class_counts"].values()) == result["images"] == 50
    assert result["missing_classes"] == ["never"]
    assert evaluated(capsys, "g.safetensors", "-n", "50")["class_counts"] == result["class_counts"]
    assert "fid" not in result


def test_samples_are_compared_with_real_images(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = evaluated(capsys, "s.safetensors", "--dataset", "u.safetensors")
    assert same["kind"] == "samples"
    assert same["fid"] == pytest.approx(0, abs=1e-6)
    assert same["coverage"] == same["precision"] == 1
    other = evaluated(capsys, "g.safetensors", "-n", "60", "--dataset", "u.safetensors")
    assert other["fid"] > 1e-4
    assert other["real_images"] == 60
    assert run(["eval", "g.safetensors", "-n", "60", "--dataset", "u.safetensors"]) == 0
    table = capsys.readouterr().out
    assert "feature space  84 numbers into the classifier's layer" in table
    assert "never" in table


def test_a_generator_without_its_classifier(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "t.safetensors").unlink()
    assert run(["eval", "g.safetensors"]) == 3
    assert "which is not there; name it with --classifier" in capsys.readouterr().err
