"""The same seed makes the same bytes, wherever and whenever; and what a command reads stays as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import degan_cli
from degan_cli.app import run
from degan_cli.artifact import networks, read_header, save_classifier
from degan_cli.models import Classifier
from degan_cli.plugins import load as plugins
from degan_cli.specs import ArchitectureSpec, InputSpec

GAN = "--steps 3 --batch-size 16 --width 2 --latent 4"
COMMANDS = [
    "teacher --dataset digits:0-3 --arch lenet --epochs 1 --batch-size 64 -o t.safetensors",
    f"enrich --classifier t.safetensors --proxy digits:2,8 {GAN} -o g.safetensors",
    "distill --teacher t.safetensors --student lenet-half --samples g.safetensors --epochs 1 --steps-per-epoch 3 "
    "--batch-size 16 --held-out 32 --augment strong -o s.safetensors",
    "incremental --classifier t.safetensors --new-data digits:5,6 --samples g.safetensors --epochs 1 "
    "--batch-size 64 -o i.safetensors",
]
SCRIPT = """
import sys
from degan_cli.app import run
for command in sys.argv[1:]:
    if code := run(command.split()):
        sys.exit(code)
"""
SURROUNDINGS = {
    "größer als dort": {
        "PYTHONHASHSEED": "4711",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "TZ": "Asia/Tokyo",
        "COLUMNS": "37",
    },
    "turkish": {"PYTHONHASHSEED": "0", "LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr", "HOME": "/nowhere"},
}
"""Folder -> variables of a process there; a locale that a machine lacks is C."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "turkish" else n for n in SURROUNDINGS]
)
def test_the_same_seed_makes_the_same_bytes_in_any_surroundings(tmp_path, monkeypatch, capsys, name):
    """Here, in a process with whatever hash seed, and in one of its own."""
    here, there = tmp_path / "here", tmp_path / name
    here.mkdir()
    there.mkdir()
    threads = str(torch.get_num_threads())
    place = {"OMP_NUM_THREADS": threads, "PYTHONPATH": str(Path(degan_cli.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *(f"{command} --device cpu -q" for command in COMMANDS)],
        cwd=there,
        env={**os.environ, **place, **SURROUNDINGS[name]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    monkeypatch.chdir(here)
    assert [run([*command.split(), "--device", "cpu", "-q"]) for command in COMMANDS] == [0] * len(COMMANDS)
    capsys.readouterr()
    _, said = process.communicate()
    assert process.returncode == 0, said
    for artifact in ("t.safetensors", "g.safetensors", "s.safetensors", "i.safetensors"):
        assert (here / artifact).read_bytes() == (there / artifact).read_bytes(), artifact
    assert read_header(here / "t.safetensors").versions["threads"] == threads


# --- what is read ----------------------------------------------------------------------------------------------------


def build(classes: int, input: InputSpec) -> nn.Module:
    layers = (nn.Conv2d(input.channels, 4, 5, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(64, classes))


READING = {
    "degan": f"enrich --classifier t.safetensors --proxy digits:2,8 {GAN}",
    "deepinversion": "enrich --classifier t.safetensors --method deepinversion -n 8 --steps 2 --batch-size 8",
    "distill": "distill --teacher t.safetensors --student lenet-half --samples digits:2,3 --epochs 1 "
    "--steps-per-epoch 3 --batch-size 16",
    "online": "distill --teacher t.safetensors --student lenet-half --method mb-dfkd --width 2 --epochs 1 "
    "--steps-per-epoch 2 --batch-size 16 --update-batch 8 --held-out 16",
    "adi": "distill --teacher t.safetensors --student lenet-half --method adi --epochs 1 --steps-per-epoch 2 "
    "--batch-size 8 --update-batch 8 --update-steps 2 --held-out 16",
    "incremental": "incremental --classifier t.safetensors --new-data digits:5,6 --samples digits:0-4 --epochs 1 "
    "--batch-size 128",
    "r-dfcil": "incremental --classifier t.safetensors --new-data digits:5,6 --samples digits:0-4 --epochs 1 "
    "--batch-size 128 --strategy r-dfcil",
    "eval": "eval t.safetensors --dataset digits",
    "sample": "sample g.safetensors -n 8 --classifier t.safetensors",
    "export": "export t.safetensors --to state-dict",
    "init": "teacher --dataset digits:0-4 --arch lenet --epochs 1 --batch-size 512 --init old.safetensors",
}


@pytest.mark.parametrize("name", READING)
def test_a_teachers_file_and_its_batch_norm_stay_as_they_are(tmp_path, monkeypatch, capsys, name):
    known = plugins.load_plugins(enabled=False)
    known.architectures.add(ArchitectureSpec(name="normed", build=build, min_size=8), "tests 1", "tests")
    monkeypatch.setattr(plugins, "load_plugins", lambda *given: known)
    monkeypatch.setattr("degan_cli.plugins.load_plugins", lambda *given: known)
    monkeypatch.chdir(tmp_path)
    for file in ("generator", "old"):
        shutil.copy(Path(__file__).parent / "golden" / f"{file}.safetensors", tmp_path)
    (tmp_path / "generator.safetensors").rename("g.safetensors")
    torch.manual_seed(0)
    spec = known.architectures.get("normed")
    input = InputSpec(channels=1, height=32, width=32, mean=(0.5,), std=(0.5,))
    teacher = Classifier(spec.build(5, input), "normed", tuple("01234"), input)
    teacher(torch.rand(64, 1, 32, 32))  # statistics of their own
    save_classifier("t.safetensors", teacher, provider="tests 1")
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in tmp_path.iterdir()}

    loaded: list[tuple[Classifier, dict[str, torch.Tensor]]] = []
    read = networks._built

    def kept(*given) -> Classifier:
        model = read(*given)
        loaded.append((model, {key: value.clone() for key, value in model.state_dict().items()}))
        return model

    monkeypatch.setattr(networks, "_built", kept)
    assert run([*READING[name].split(), *(["-o", "out.safetensors"] if name not in ("eval", "export") else [])]) == 0
    capsys.readouterr()
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in before} == before
    assert loaded or name == "init"
    for model, state in loaded:
        after = model.state_dict()
        assert [key for key, value in state.items() if not torch.equal(after[key], value)] == []
