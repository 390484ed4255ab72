"""Artifacts of an earlier version: they load, give the numbers of that time, and their settings are understood."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from degan_cli import artifact
from degan_cli.app import run

GOLDEN = Path(__file__).parent / "golden"
KNOWN: dict[str, Any] = json.loads((GOLDEN / "golden.json").read_text())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with copies of all of them, in which their recorded paths hold."""
    for path in GOLDEN.glob("*.safetensors"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys, *arguments: str) -> dict[str, Any]:
    assert run([*arguments, "--device", "cpu", "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", KNOWN["eval"])
def test_an_artifact_gives_the_numbers_of_the_version_that_made_it(here, capsys, name):
    count = ["-n", "500"] if name == "generator" else []
    found = printed(capsys, "eval", f"{name}.safetensors", "--dataset", "digits", *count)
    for key, value in KNOWN["eval"][name].items():
        if isinstance(value, dict):
            # Another processor may round an image across a class border.
            moved = sum(abs(found[key][label] - number) for label, number in value.items())
            assert moved <= 0.02 * sum(value.values()), key
        else:
            assert found[key] == pytest.approx(value, rel=0.02, abs=0.005), key


SHORT = "--epochs 1 --steps-per-epoch 2 --batch-size 8 --update-batch 8 --held-out 16"
MADE_AGAIN = {
    "teacher": "teacher --dataset digits --arch lenet --epochs 1",
    "generator": "enrich --classifier teacher.safetensors --proxy digits:2,3,8 --steps 2 --batch-size 8 --width 2 "
    "--recipe paper",
    "dafl": "enrich --classifier teacher.safetensors --method dafl --steps 2 --batch-size 8 --width 2",
    "zskd": "enrich --classifier teacher.safetensors --method zskd -n 10 --steps 1 --batch-size 10",
    "student": "distill --teacher teacher.safetensors --student lenet-half --samples generator.safetensors "
    + SHORT.replace("--update-batch 8 ", ""),
    "pre": f"distill --teacher teacher.safetensors --student lenet-half --method pre-dfkd --width 2 {SHORT}",
    "cde": "distill --teacher teacher.safetensors --student lenet-half --method cde --condensed condensed.safetensors "
    f"--update-steps 1 {SHORT}",
    "extended": "incremental --classifier old.safetensors --new-data digits:5-9 --samples digits:5-9 --epochs 1 "
    "--strategy replay --set scaling=tie",
    "condensed": "condense --dataset digits --per-class 1 --steps 1",
    "samples": "sample generator.safetensors -n 10",
}


@pytest.mark.parametrize("name", MADE_AGAIN)
def test_the_keys_of_the_stored_run_stay(here, name):
    assert run([*MADE_AGAIN[name].split(), "-o", "new.safetensors", "--device", "cpu", "-q"]) == 0
    stored = artifact.read_header("new.safetensors").run
    keys = sorted(stored)
    if isinstance(stored.get("live"), dict):
        keys += [f"live.{key}" for key in sorted(stored["live"])]
    assert keys == KNOWN["run_keys"][name]


def test_a_run_that_was_stored_under_an_old_word_is_the_same_run(here, capsys):
    assert artifact.read_header("heavy.safetensors").run["augment"] == "heavy"
    command = "distill --teacher teacher.safetensors --student lenet-half --samples zskd.safetensors --epochs 1"
    rest = "--steps-per-epoch 10 --loss l1 --resume -o heavy.safetensors"
    for word in ("heavy", "strong"):
        found = printed(capsys, *command.split(), "--augment", word, *rest.split())
        assert found["reused"] is True
    assert run([*command.split(), "--augment", "crop", *rest.split(), "-q"]) == 2
    assert "made with augment 'strong', now 'crop'" in capsys.readouterr().err
