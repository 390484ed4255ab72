from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from models_on_disk import NAMES, write_models
from PIL import Image

from degan_cli import artifact
from degan_cli.app import run
from degan_cli.images import to_unit
from degan_cli.loops import sample as loop
from degan_cli.plugins import load_plugins


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("models")
    return folder, *write_models(folder)


@pytest.fixture
def here(models: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("t.safetensors", "g.safetensors"):
        shutil.copy(models[0] / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def counts(folder: Path) -> dict[str, int]:
    return {place.name: len(list(place.iterdir())) for place in sorted(folder.iterdir())}


def test_a_folder_by_class_is_the_default(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "g.safetensors", "-n", "40"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "g-samples\n"
    found = counts(here / "g-samples")
    assert set(found) == {"cat", "a_dog"}
    assert sum(found.values()) == 40
    picture = Image.open(next((here / "g-samples" / "cat").iterdir()))
    assert (picture.size, picture.mode) == ((32, 32), "L")


def test_balanced_and_by_seed(here: Path) -> None:
    assert run(["sample", "g.safetensors", "-n", "21", "--balanced", "--classes", "cat,a/dog", "-o", "one"]) == 0
    assert counts(here / "one") == {"a_dog": 10, "cat": 11}
    assert run(["sample", "g.safetensors", "-n", "21", "--balanced", "--classes", "cat,a/dog", "-o", "two"]) == 0
    assert files(here / "one") == files(here / "two")
    assert run(["sample", "g.safetensors", "-n", "21", "--seed", "1", "-o", "three"]) == 0
    assert files(here / "one") != files(here / "three")


def test_classes_that_never_appear_are_named(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LEAST_TRIES", 300)
    assert run(["sample", "g.safetensors", "-n", "6", "--balanced"]) == 5
    printed = capsys.readouterr()
    assert "g.safetensors: in 512 images the classifier saw none of never; leave these out" in printed.err
    assert printed.out == ""
    assert not (here / "g-samples").exists()


def test_a_class_that_is_rare_is_named_with_what_was_found(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LEAST_TRIES", 300)
    monkeypatch.setattr(loop, "PATIENCE", 1)
    assert run(["sample", "g.safetensors", "-n", "2000", "--classes", "cat"]) == 5
    assert re.search(r"the classifier saw too few of cat \(\d+\); leave these out", capsys.readouterr().err)


def test_an_unknown_class_is_a_usage_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "g.safetensors", "--classes", "cta"]) == 2
    assert 'unknown class "cta"; did you mean "cat"?' in capsys.readouterr().err


def test_stored_samples_carry_what_the_classifier_sees(
    here: Path, models: tuple[Path, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sample", "g.safetensors", "-n", "30", "-o", "s.safetensors", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    images, soft, header, sha256 = artifact.load_images("s.safetensors")
    assert (result["artifact"], result["kind"], result["sha256"]) == ("s.safetensors", "samples", sha256)
    assert result["metrics"]["images"] == 30
    assert sum(result["metrics"]["class_counts"].values()) == 30
    assert header.class_names == NAMES
    run_keys = {"balanced", "classes", "classifier", "device", "generator", "number", "precision", "seed"}
    assert header.run.keys() == run_keys
    assert [parent["sha256"] for parent in header.parents] == [models[2], models[1]]
    teacher = artifact.load_classifier("t.safetensors", load_plugins(enabled=False)).model
    with torch.no_grad():
        expected = teacher(to_unit(images.images)).softmax(dim=1)
    torch.testing.assert_close(soft, expected, rtol=1e-3, atol=1e-5)
    assert torch.equal(images.labels, soft.argmax(dim=1))

    assert run(["sample", "g.safetensors", "-n", "30", "-o", "again.safetensors"]) == 0
    assert (here / "again.safetensors").read_bytes() == (here / "s.safetensors").read_bytes()
    assert run(["sample", "g.safetensors", "-n", "30", "-o", "s.safetensors"]) == 2


def test_without_its_classifier_a_flat_folder_or_a_clear_message(
    here: Path, models: tuple[Path, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "t.safetensors").unlink()
    assert run(["sample", "g.safetensors", "-n", "3"]) == 0
    assert "these samples have no classes" in capsys.readouterr().err
    assert list(files(here / "g-samples")) == ["00000.png", "00001.png", "00002.png"]
    assert run(["sample", "g.safetensors", "-n", "3", "-o", "s.safetensors"]) == 0
    images, soft, _, _ = artifact.load_images("s.safetensors")
    assert (len(images.images), images.labels, soft) == (3, None, None)

    assert run(["sample", "g.safetensors", "-n", "3", "--balanced", "-o", "other"]) == 3
    message = capsys.readouterr().err
    assert "g.safetensors was made for the classifier elsewhere/t.safetensors" in message
    assert f"(sha256 {models[1][:12]}), which is not there; name it with --classifier" in message


def test_another_classifier_is_not_taken_unasked_and_warned_of_when_given(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugins = load_plugins(enabled=False)
    other = artifact.load_classifier("t.safetensors", plugins)
    other.model.class_names = ("x", "y", "z")
    artifact.save_classifier("t.safetensors", other.model, provider="degan-cli 0.1.0")
    assert run(["sample", "g.safetensors", "-n", "3", "--balanced"]) == 3
    capsys.readouterr()
    assert run(["sample", "g.safetensors", "-n", "3", "--classes", "x", "--classifier", "t.safetensors"]) == 0
    assert "warning: g.safetensors was made for the classifier elsewhere/t.safetensors" in capsys.readouterr().err
    assert counts(here / "g-samples") == {"x": 3}


def test_the_recorded_path_counts_from_the_working_folder(here: Path) -> None:
    (here / "elsewhere").mkdir()
    (here / "t.safetensors").rename(here / "elsewhere" / "t.safetensors")
    assert run(["sample", "g.safetensors", "-n", "3", "--classes", "cat"]) == 0
    assert counts(here / "g-samples") == {"cat": 3}


def test_a_folder_is_replaced_with_force_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "g.safetensors", "-n", "3"]) == 0
    before = files(here / "g-samples")
    assert run(["sample", "g.safetensors", "-n", "2"]) == 2
    assert "g-samples is not empty; name another folder with -o" in capsys.readouterr().err
    assert files(here / "g-samples") == before
    assert run(["sample", "g.safetensors", "-n", "2", "--force"]) == 0
    assert len(files(here / "g-samples")) == 2
    (here / "g-samples" / "notes.txt").write_text("mine")
    assert run(["sample", "g.safetensors", "-n", "2", "--force"]) == 2
    assert "notes.txt was not written by degan" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "g.safetensors", "--dry-run", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["run"]["number"] == 1000
    assert {path.name for path in here.iterdir()} == {"t.safetensors", "g.safetensors"}


def test_a_classifier_is_no_generator(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "t.safetensors"]) == 3
    assert "t.safetensors: holds a classifier, and a generator is needed" in capsys.readouterr().err


def test_stored_samples_are_unpacked_into_a_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "g.safetensors", "-n", "20", "-o", "s.safetensors"]) == 0
    assert run(["sample", "g.safetensors", "-n", "20", "-o", "drawn"]) == 0
    capsys.readouterr()
    assert run(["sample", "s.safetensors"]) == 0
    assert capsys.readouterr().out == "s-samples\n"
    assert files(here / "s-samples") == files(here / "drawn")
    assert run(["sample", "s.safetensors", "-n", "3", "-o", "three"]) == 0
    assert files(here / "three").items() <= files(here / "drawn").items()
    assert len(files(here / "three")) == 3
    assert run(["sample", "s.safetensors", "--classes", "a/dog", "-o", "dogs"]) == 0
    assert counts(here / "dogs") == {"a_dog": counts(here / "drawn")["a_dog"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "t2.safetensors"), "-o t2.safetensors: s.safetensors is a file of images already; name a folder for"),
        (("--balanced",), "--balanced: s.safetensors holds images that are drawn already; it is for a generator"),
        (("--seed", "1"), "--seed: s.safetensors holds images that are drawn already; it is for a generator"),
        (("--classifier", "t.safetensors"), "--classifier: s.safetensors holds images that are drawn already"),
        (("--classes", "bird"), 'unknown class of s.safetensors "bird"'),
        (("--classes", 'cat,"a'), 's.safetensors: "cat,"a" cannot be read'),
    ],
)
def test_what_stored_samples_do_not_offer(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run(["sample", "g.safetensors", "-n", "4", "-o", "s.safetensors"]) == 0
    assert run(["sample", "s.safetensors", *arguments]) == 2
    assert message in capsys.readouterr().err
