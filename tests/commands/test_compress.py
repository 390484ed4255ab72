"""``degan compress`` in this process: what it says, makes and leaves, and how it goes on."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_artifact, read_header
from degan_cli.artifact.file import write_artifact
from degan_cli.engine import start
from degan_cli.jobs import compress_look
from degan_cli.plugins import load_plugins
from degan_cli.runs.output import choose_output

TEACHER = ["teacher", "--arch", "lenet", "--dataset", "digits", "--epochs", "1", "--device", "cpu", "-q", "-o"]
COMPRESS = ["compress", "--classifier", "t.safetensors", "--student", "lenet-half", "--device", "cpu"]
IMAGES = ["--images", "digits:2,3,8", "--budget", "30s"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "t.safetensors"
    assert run([*TEACHER, str(path)]) == 0
    return path


@pytest.fixture
def here(tmp_path, monkeypatch, classifier):
    """A folder with a classifier; every update is taken for a second, so that few are planned."""
    monkeypatch.chdir(tmp_path)
    Path("t.safetensors").write_bytes(classifier.read_bytes())
    monkeypatch.setattr("degan_cli.jobs.compress_look.student_pace", lambda *_: (1.0, 0.1))
    return tmp_path


def test_two_inputs_make_a_student_a_report_and_the_command_by_hand(here, capsys):
    assert run([*COMPRESS, *IMAGES, "--test-data", "digits", "-o", "s.safetensors"]) == 0
    said = capsys.readouterr()
    assert said.out == "s.safetensors\n"
    assert "classifier: lenet, 10 classes, grey 32x32, without BatchNorm, 61,706 parameters" in said.err
    assert "images: 429 of digits:2,3,8; to the classifier they are" in said.err
    header = read_header("s.safetensors")
    assert header.architecture == "lenet-half"
    assert header.parents[0]["role"] == "teacher"
    assert header.run["images"] == "digits:2,3,8"
    assert 0 < header.metrics["parameters"] < header.metrics["teacher_parameters"] == 61_706
    report = Path("s.run/report.md").read_text()
    assert f"| accuracy on digits | {header.metrics['accuracy']:.2%}" in report

    # What is printed as the same by hand makes the same student.
    (command,) = [line.strip() for line in report.splitlines() if line.startswith("    degan ")]
    assert command == header.metrics["command"]
    assert run([*shlex.split(command)[1:], "-q"]) == 0
    by_hand = capsys.readouterr().out.strip()
    plugins = load_plugins(enabled=False)
    one, other = (load_classifier(name, plugins).model for name in ("s.safetensors", by_hand))
    assert one.state_dict().keys() == other.state_dict().keys()
    assert all((one.state_dict()[name] == value).all() for name, value in other.state_dict().items())


def test_a_student_is_made_again_and_verified_by_its_plan(here, capsys):
    assert run([*COMPRESS, *IMAGES, "--test-data", "digits", "-o", "s.safetensors", "-q"]) == 0
    capsys.readouterr()
    assert run(["rerun", "s.safetensors"]) == 0
    assert "the same values as s.safetensors, in a file of other bytes" in capsys.readouterr().err

    # Two artifacts of one lineage: a command that both need is printed once.
    assert run(["verify", "s.safetensors", "s-again.safetensors"]) == 0
    said = capsys.readouterr()
    commands = said.out.splitlines()
    assert [command.split()[1] for command in commands] == ["teacher", "distill", "distill"]
    assert [command.split()[-1] for command in commands] == ["t.safetensors", "s.safetensors", "s-again.safetensors"]
    assert "  images: digits:2,3,8 (images), not looked at" in said.err.splitlines()


def test_a_plan_from_elsewhere_decides_nothing_that_only_people_may(here, capsys):
    """A header may say how a student learns, but not that something is fetched, nor what is no setting at all."""
    assert run([*COMPRESS, *IMAGES, "-o", "s.safetensors", "-q"]) == 0
    file = read_artifact("s.safetensors")
    for recipe, code, said in (
        ({"recipe": "fast", "download": True}, 0, '"download": "default"'),
        ({"recipe": "fast", "delete": "everything"}, 3, "the settings in its header cannot be used ('delete')"),
    ):
        header = file.header
        plan = header.metrics["plan"] | {"recipe": recipe}
        changed = replace(header, metrics={**header.metrics, "plan": plan})
        write_artifact("t2.safetensors", file.tensors, changed)
        capsys.readouterr()
        assert run(["rerun", "t2.safetensors", "--dry-run"]) == code
        out, err = capsys.readouterr()
        assert said in out + err


def test_a_stopped_run_goes_on_with_its_plan_to_the_same_student(here, capsys, monkeypatch):
    assert run([*COMPRESS, *IMAGES, "-o", "whole.safetensors", "-q"]) == 0
    command = [*COMPRESS, *IMAGES, "-o", "parts.safetensors", "-q"]
    assert run([*command, "--max-minutes", "0"]) == 75
    monkeypatch.setattr(
        "degan_cli.jobs.compress_look.student_pace", lambda *_: (0.001, 0.1)
    )  # a plan made now would differ
    assert run(command) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert run([*command, "--resume"]) == 0
    assert run([*command, "--resume"]) == 0  # complete: nothing is made again
    plugins = load_plugins(enabled=False)
    one, other = (
        load_classifier(name, plugins).model.state_dict() for name in ("whole.safetensors", "parts.safetensors")
    )
    assert all((one[name] == value).all() for name, value in other.items())


def test_a_dry_run_prints_the_plan_and_makes_nothing(here, capsys):
    assert run([*COMPRESS, *IMAGES, "--dry-run"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["artifact"], plan["epochs"], plan["steps_per_epoch"]) == ("lenet-half-of-t.safetensors", 10, 16)
    assert plan["command"].startswith("degan distill --teacher t.safetensors")
    assert any("classes" in line for line in plan["words"])
    assert sorted(path.name for path in here.iterdir()) == ["t.safetensors"]


def test_without_images_photographs_that_come_along_are_used(here, capsys):
    assert run([*COMPRESS, "--budget", "30s", "--dry-run"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert "--samples photos" in plan["command"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--budget", "soon"], 2, "--budget 'soon' is no time"),
        (["--images", "nowhere/at-all"], 3, "nowhere/at-all: no such file or folder"),
        (["--images", "digits", "--student", "lenett"], 2, 'unknown architecture "lenett"'),
        (["--images", "-"], 2, "--images -: compress reads it more than once, so it cannot be stdin; name a file"),
        (["--classifier", "-"], 2, "--classifier -: compress reads it more than once"),
        # Told before the time is spent:
        ([*IMAGES, "--test-data", "noise"], 3, "--test-data noise: no labels, so nothing can be measured on it"),
    ],
)
def test_mistakes_are_one_line(here, capsys, arguments, code, message):
    assert run([*COMPRESS, *arguments, "-q"]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert [path.name for path in here.iterdir()] == ["t.safetensors"]


def test_a_plan_that_cannot_be_read_is_named(here, capsys):
    command = [*COMPRESS, *IMAGES, "-o", "s.safetensors", "-q"]
    assert run([*command, "--max-minutes", "0"]) == 75
    Path("s.run/plan.json").write_text("{}")
    capsys.readouterr()
    assert run([*command, "--resume"]) == 3
    assert "s.run/plan.json: no plan that can be read; start anew with --force" in capsys.readouterr().err


def test_a_stopped_run_does_not_go_on_with_a_plan_for_other_settings(here, capsys):
    command = [*COMPRESS, "--images", "digits:2,3,8", "-o", "s.safetensors", "-q"]
    assert run([*command, "--budget", "30s", "--max-minutes", "0"]) == 75
    capsys.readouterr()
    assert run([*command, "--budget", "1h", "--resume"]) == 2
    said = capsys.readouterr().err
    assert "s.run/plan.json: made with budget '30s', now '1h'; repeat the settings, or use --force" in said


def test_a_run_that_was_begun_over_an_older_result_goes_on(here, capsys):
    command = [*COMPRESS, *IMAGES, "-o", "s.safetensors", "-q"]
    assert run([*command, "--seed", "1"]) == 0
    assert run([*command, "--force", "--max-minutes", "0"]) == 75
    capsys.readouterr()
    assert run([*command, "--resume", "--json"]) == 0
    assert "reused" not in json.loads(capsys.readouterr().out)
    assert read_header("s.safetensors").run["seed"] == 0


def test_the_look_spreads_over_all_images(here, monkeypatch):
    levels, seen = torch.arange(39, dtype=torch.uint8).view(39, 1, 1, 1).expand(39, 1, 32, 32), []
    monkeypatch.setattr(compress_look, "LOOKED_AT", 20)
    monkeypatch.setattr(
        compress_look, "class_probabilities", lambda _, __, images: seen.append(images) or torch.eye(10)[: len(images)]
    )
    plugins = load_plugins(enabled=False)
    loaded = load_classifier(Path("t.safetensors"), plugins)
    compress_look.look(start("cpu", "fp32"), loaded, loaded.model, "numbers", levels)
    assert seen[0][:, 0, 0, 0].tolist() == [number * 39 // 20 for number in range(20)]


def test_what_another_command_made_meanwhile_is_kept(here, capsys, monkeypatch):
    def made_meanwhile(*_):
        Path("s.safetensors").write_bytes(b"of another")
        return 1.0, 0.1

    monkeypatch.setattr("degan_cli.jobs.compress_look.student_pace", made_meanwhile)
    assert run([*COMPRESS, *IMAGES, "-o", "s.safetensors", "-q"]) == 2
    assert "s.safetensors exists already" in capsys.readouterr().err
    assert Path("s.safetensors").read_bytes() == b"of another"


def test_another_command_cannot_write_there_meanwhile(here, capsys):
    output = choose_output(here / "s.safetensors", "s", force=False, resume=False)
    with output.locked():
        assert run([*COMPRESS, *IMAGES, "-o", "s.safetensors", "-q"]) == 2
    assert "s.run: another degan command writes there" in capsys.readouterr().err
    assert not (output.folder / "plan.json").exists()
