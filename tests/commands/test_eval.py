from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from models_on_disk import write_models

from degan_cli import artifact
from degan_cli.app import run
from degan_cli.artifact import read_tensors, save_dataset, write_tensors
from degan_cli.plugins import load_plugins
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


def test_numbers_that_are_names_are_matched_as_names(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = artifact.load_classifier(here / "t.safetensors", load_plugins(enabled=False)).model
    model.class_names = ("0", "1", "2")
    artifact.save_classifier(here / "digits.safetensors", model, provider="degan-cli 0.1.0", run={"architecture": "x"})
    write_tensors("plain.safetensors", read_tensors("t.safetensors")[0], {})
    foreign = ["--teacher", "plain.safetensors", "--arch", "lenet", "--num-classes", "3"]
    for name, teacher in ("ours", ["--teacher", "digits.safetensors"]), ("theirs", foreign):
        learn = ["--student", "lenet-half", "--samples", "s.safetensors", "--epochs", "1", "--steps-per-epoch", "1"]
        assert run(["distill", *teacher, *learn, "-q", "-o", f"{name}.safetensors"]) == 0
    for name in "digits", "ours":
        capsys.readouterr()
        assert run(["eval", f"{name}.safetensors", "--dataset", "d.safetensors"]) == 3
        assert "classes (cat, a/dog, never, ...) are none of the classifier's (0, 1, 2, ...)" in capsys.readouterr().err
    assert run(["eval", "theirs.safetensors", "--dataset", "d.safetensors"]) == 0
    assert "theirs.safetensors: its 3 classes have no names; they are taken in the order" in capsys.readouterr().err


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


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_predictions_are_a_row_per_image_also_of_classes_that_the_classifier_lacks(here: Path) -> None:
    arguments = "eval t.safetensors --dataset b.safetensors --predictions p.csv --probabilities -q"
    assert run(arguments.split()) == 0
    rows = table(here / "p.csv")
    assert list(rows[0]) == ["index", "label", "predicted", "confidence", "p(cat)", "p(a/dog)", "p(never)"]
    assert [row["index"] for row in rows] == [str(k) for k in range(60)]
    assert {row["label"] for row in rows[:15]} == {"bird"}
    assert all(row["label"] == row["predicted"] for row in rows[15:])
    for row in rows:
        shares = [float(row[f"p({name})"]) for name in ("cat", "a/dog", "never")]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert float(row["confidence"]) == max(shares) == float(row[f"p({row['predicted']})"])


def test_predictions_leave_what_is_measured_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = evaluated(capsys, "t.safetensors", "--dataset", "b.safetensors")
    beside = evaluated(capsys, "t.safetensors", "--dataset", "b.safetensors", "--predictions", "p.csv")
    assert {**plain, "seconds": 0} == {**beside, "seconds": 0}


def test_a_classifier_of_sigmoids_is_measured_by_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = artifact.load_classifier(here / "t.safetensors", load_plugins(enabled=False)).model
    artifact.save_classifier(here / "i.safetensors", model, provider="degan-cli 0.1.0", run={"outputs": "sigmoid"})
    given = ("--dataset", "d.safetensors", "--predictions")
    softmax = evaluated(capsys, "t.safetensors", *given, "t.csv")
    sigmoid = evaluated(capsys, "i.safetensors", *given, "i.csv", "--probabilities")
    assert sigmoid["accuracy"] == softmax["accuracy"]
    assert sigmoid["confidence"] != softmax["confidence"]
    rows = table(here / "i.csv")
    confidences = [float(row["confidence"]) for row in rows]
    assert sum(confidences) / len(rows) == pytest.approx(sigmoid["confidence"], abs=1e-5)
    assert sum(float(rows[0][f"p({name})"]) for name in ("cat", "a/dog", "never")) == pytest.approx(1, abs=1e-5)


def test_predictions_name_the_files_and_names_with_commas_are_quoted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sample", "g.safetensors", "-n", "6", "-o", "cat, or dog", "-q"]) == 0
    capsys.readouterr()
    assert run(["eval", "t.safetensors", "--dataset", "cat, or dog", "--predictions", "-", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.err.splitlines()[-1])["images"] == 6
    rows = list(csv.DictReader(printed.out.splitlines()))
    files = [path.relative_to("cat, or dog") for path in Path("cat, or dog").rglob("*.png")]
    assert [row["file"] for row in rows] == sorted(path.as_posix() for path in files)
    assert all(Path(row["file"]).parent.name == row["label"] for row in rows)

    (here / "loose, 1").mkdir()
    shutil.copy(Path("cat, or dog") / files[0], here / "loose, 1" / 'a "b", c.png')
    assert run(["eval", "t.safetensors", "--dataset", "loose, 1", "--predictions", "loose.csv", "-q"]) == 0
    assert (here / "loose.csv").read_text().splitlines()[1].startswith('"a ""b"", c.png",')
    assert [row["file"] for row in table(here / "loose.csv")] == ['a "b", c.png']
    assert "label" not in table(here / "loose.csv")[0]


def test_a_table_is_never_overwritten_unasked_and_is_for_classifiers(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "p.csv").write_text("precious")
    given = ["eval", "t.safetensors", "--dataset", "d.safetensors", "-q"]
    assert run([*given, "--predictions", "p.csv"]) == 2
    assert "p.csv exists already; name another with --predictions, or overwrite it with --force" in (
        capsys.readouterr().err
    )
    assert (here / "p.csv").read_text() == "precious"
    assert run([*given, "--predictions", "p.csv", "--force"]) == 0
    assert len(table(here / "p.csv")) == 60
    assert run([*given, "--probabilities"]) == 2
    assert "--probabilities has no use with these settings: it is for --predictions FILE.csv" in capsys.readouterr().err
    assert run(["eval", "g.safetensors", "--predictions", "q.csv"]) == 2
    assert "--predictions is for classifiers, and g.safetensors holds a generator" in capsys.readouterr().err
    assert run(["eval", "t.safetensors", "--dataset", "d.safetensors", "-n", "5"]) == 2
    assert "--number is for generators, and t.safetensors holds a classifier" in capsys.readouterr().err
