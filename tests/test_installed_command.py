"""The installed ``degan`` as a process, for every subcommand: its streams, files and exit codes."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

DEGAN = shutil.which("degan", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
TEACHER = "teacher --dataset digits:0-3 --arch lenet --epochs 3"
ENRICH = "enrich --proxy digits:0,1 --steps 12 --batch-size 32 --width 4 --latent 8"
DISTILL = "distill --student lenet-half --epochs 2 --steps-per-epoch 6 --held-out 64"


def degan(arguments: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    assert DEGAN is not None, "degan is not installed"
    environment = {**os.environ, "DEGAN_DATA_DIR": str(folder / "data")}
    command = [DEGAN, *arguments.split(), *more]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def result_of(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder in which the pipeline ran: t, g and s."""
    folder = tmp_path_factory.mktemp("pipeline")
    for command in (
        f"{TEACHER} -o t.safetensors --json",
        f"{ENRICH} --classifier t.safetensors -o g.safetensors --json",
        f"{DISTILL} --teacher t.safetensors --samples g.safetensors -o s.safetensors --json",
    ):
        done = degan(command, folder)
        (folder / f"{command.split()[0]}.json").write_text(json.dumps(result_of(done) | {"stderr": done.stderr}))
    return folder


def printed(folder: Path, command: str) -> dict:
    return json.loads((folder / f"{command}.json").read_text())


@pytest.mark.parametrize(
    ("command", "kind", "file"),
    [("teacher", "classifier", "t"), ("enrich", "generator", "g"), ("distill", "classifier", "s")],
)
def test_training_commands_name_their_artifact_and_what_comes_next(folder, command, kind, file):
    result = printed(folder, command)
    assert (result["artifact"], result["kind"]) == (f"{file}.safetensors", kind)
    assert len(result["sha256"]) == 64
    assert result["seconds"] > 0
    assert "next: degan" in result["stderr"]
    assert (folder / f"{file}.run" / "metrics.jsonl").exists()
    assert not (folder / f"{file}.run" / "checkpoint.safetensors").exists()


def test_progress_is_a_line_per_epoch_without_a_terminal(folder):
    lines = [line for line in printed(folder, "teacher")["stderr"].splitlines() if line.startswith("epoch ")]
    assert len(lines) == printed(folder, "teacher")["metrics"]["epochs"]
    assert all("images/s" in line for line in lines)


def test_enrich_leaves_a_picture(folder):
    with Image.open(folder / "g.run" / "samples.png") as picture:
        assert picture.width > picture.height > 100


def test_eval_of_a_classifier(folder):
    result = result_of(degan("eval t.safetensors --dataset digits:0-3 --classifier s.safetensors --json", folder))
    assert result["accuracy"] > 0.6
    assert 0 <= result["agreement"] <= 1
    assert list(result["per_class"]) == ["0", "1", "2", "3"]


def test_eval_of_a_generator_is_a_table_for_people(folder):
    done = degan("eval g.safetensors --dataset digits:0-3 -n 300", folder)
    assert done.returncode == 0, done.stderr
    for word in ("confidence", "FID", "KID", "precision", "recall", "coverage"):
        assert word.lower() in done.stdout.lower()


def test_sample_writes_a_folder_of_pictures(folder):
    done = degan("sample g.safetensors -n 20 -o pictures", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "pictures\n"
    assert len(list((folder / "pictures").rglob("*.png"))) == 20


def test_stored_samples_teach_a_student(folder):
    assert degan("sample g.safetensors -n 64 -o stored.safetensors", folder).returncode == 0
    mixture = "--samples stored.safetensors@0.5 --samples digits:0,1@0.5"
    done = degan(f"{DISTILL} --teacher t.safetensors {mixture} -o mixed.safetensors", folder)
    assert done.stdout == "mixed.safetensors\n", done.stderr


def test_export_writes_what_onnxruntime_runs(folder):
    done = degan("export t.safetensors --to onnx -o t.onnx --json", folder)
    result = result_of(done)
    assert (result["artifact"], result["kind"]) == ("t.onnx", "onnx")
    assert result["metrics"]["largest_difference"] <= result["metrics"]["bound"]
    assert done.stderr.splitlines()[-1].startswith("loaded again by onnxruntime ")
    code = "import onnxruntime as o, numpy as n; print(o.InferenceSession('t.onnx').run(None, {'pixels': n.zeros((5, 1, 32, 32), 'float32')})[0].shape)"  # noqa: E501
    asked = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert asked.stdout == "(5, 4)\n"


def test_export_without_the_right_architecture_is_one_line_and_exit_2(folder):
    done = degan("export t.safetensors --to timm", folder)
    assert done.returncode == 2
    (line,) = (text for text in done.stderr.splitlines() if text.startswith("degan: error: "))
    assert "use --to state-dict" in line


def test_export_to_stdout_is_the_file_alone(folder):
    command = [DEGAN, "export", "t.safetensors", "--to", "state-dict", "-o", "-"]
    piped = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    assert degan("export t.safetensors --to state-dict -o w.safetensors", folder).returncode == 0
    assert piped.stdout == (folder / "w.safetensors").read_bytes()


def test_list(folder):
    names = {row["name"] for row in result_of(degan("list architectures --json", folder))}
    assert {"lenet", "lenet-half", "alexnet", "alexnet-half", "resnet18", "resnet32", "resnet34"} <= names


def test_demo_shows_its_commands_and_one_table(folder):
    done = degan("demo --quick -o demo", folder)
    assert done.returncode == 0, done.stderr
    commands = [line for line in done.stderr.splitlines() if line.startswith("$ degan ")]
    assert [line.split()[2] for line in commands] == [
        *("teacher", "enrich", "enrich", "eval"),
        *["distill", "eval"] * 5,
        *("compress", "eval"),
    ]
    for row in ("teacher", "true data", "proxy", "proxy, strong", "DCGAN", "DeGAN", "compress"):
        assert row in done.stdout
    again = degan("demo --quick -o demo", folder)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_a_resumed_pipeline_gives_the_same_bytes(folder):
    command = f"{ENRICH} --classifier t.safetensors -o again.safetensors"
    stopped = degan(f"{command} --max-minutes 0", folder)
    assert stopped.returncode == 75
    assert stopped.stdout == ""
    assert "step 1 of 12; go on with the same command and --resume" in stopped.stderr
    assert not (folder / "again.safetensors").exists()
    resumed = degan(f"{command} --resume", folder)
    assert resumed.stdout == "again.safetensors\n", resumed.stderr
    assert (folder / "again.safetensors").read_bytes() == (folder / "g.safetensors").read_bytes()
    result = result_of(degan(f"{command} --resume --json", folder))
    assert result["reused"] is True


def test_sigterm_writes_a_checkpoint_first(folder):
    command = [DEGAN, *TEACHER.replace("--epochs 3", "--epochs 1000").split(), "-o", "long.safetensors"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    metrics = folder / "long.run" / "metrics.jsonl"
    while not metrics.exists() and process.poll() is None:
        time.sleep(0.05)  # until the loop runs
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    assert process.returncode == 143
    assert "stopped: SIGTERM" in errors
    assert (folder / "long.run" / "checkpoint.safetensors").exists()


class Payload:
    def __reduce__(self):
        return open, ("pickle-was-run", "w")


BAD_FILES = {
    "truncated": lambda good: good[: len(good) // 2],
    "random": lambda good: bytes(range(256)) * 40,
    "pickled": lambda good: pickle.dumps(Payload()),
    "empty": lambda good: b"",
}


@pytest.mark.parametrize("damage", BAD_FILES)
def test_a_bad_classifier_file_is_one_line_and_exit_3(folder, damage):
    bad = folder / f"{damage}.safetensors"
    bad.write_bytes(BAD_FILES[damage]((folder / "t.safetensors").read_bytes()))
    done = degan(f"enrich --classifier {bad.name} --proxy digits -o never.safetensors", folder)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"degan: error: {bad.name}: ")
    assert done.stdout == ""
    assert not (folder / "pickle-was-run").exists()


def test_a_missing_data_set_says_what_to_type(folder):
    done = degan("enrich --classifier t.safetensors --proxy svhn", folder)
    assert done.returncode == 3
    (line,) = (text for text in done.stderr.splitlines() if text.startswith("degan: error: "))
    assert "svhn-train.safetensors" in line
    assert "--data-dir" in line
    assert "--download" in line


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        ("teacher --dataset digits --arch lennet", 'unknown architecture "lennet"; did you mean "lenet"?'),
        ("enrich --classifier t.safetensors --proxy digits --method degann", 'did you mean "degan"?'),
        ("enrich --classifier t.safetensors --proxy digits --gan dcgn", 'did you mean "dcgan"?'),
        ("enrich --classifier t.safetensors --proxy fashion-mnits", 'did you mean "fashion-mnist"?'),
        ("teacher --dataset digits --arch lenet --epoch 3", "--epochs"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(folder, arguments, suggestion):
    done = degan(arguments, folder)
    assert done.returncode == 2, done.stderr
    (line,) = (text for text in done.stderr.splitlines() if text.startswith("degan: error: "))
    assert suggestion in line


def test_module_and_torchrun_style_start(folder):
    command = [sys.executable, "-m", "degan_cli", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("degan ")
