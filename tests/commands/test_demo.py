"""``degan demo`` in this process: the files that it leaves, the commands that it shows, and its table."""

from __future__ import annotations

import json
import shlex
import shutil
import types
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from degan_cli.app import run
from degan_cli.artifact import read_header
from degan_cli.jobs import Result, teacher

ROWS = ("teacher", "true data", "proxy", "proxy, strong", "DCGAN", "DeGAN", "compress")
DISTILLED = ("student-true-data", "student-proxy", "student-proxy-strong", "student-dcgan", "student-degan")
STUDENTS = (*DISTILLED, "student-compress")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What ``demo --quick --json`` left, printed and said."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        out, err = Path("out"), Path("err")
        with out.open("w") as stdout, err.open("w") as stderr:
            patch.setattr("sys.stdout", stdout)
            patch.setattr("sys.stderr", stderr)
            code = run(["demo", "--quick", "--seed", "3", "--precision", "fp32", "-o", "d", "--json"])
    said = (folder / "err").read_text()
    assert code == 0, said
    printed = json.loads((folder / "out").read_text())
    return types.SimpleNamespace(folder=folder / "d", printed=printed, said=said.splitlines())


def commands(said):
    return [shlex.split(line.removeprefix("$ ")) for line in said if line.startswith("$ degan ")]


def option(command, name):
    return command[command.index(name) + 1]


def test_it_leaves_a_teacher_two_generators_and_six_students(shown):
    made = {path.stem: read_header(path) for path in shown.folder.glob("*.safetensors")}
    assert made.keys() == {"teacher", "dcgan", "degan", *STUDENTS}
    kinds = {name: header.kind for name, header in made.items()}
    assert kinds == dict.fromkeys(made, "classifier") | {"dcgan": "generator", "degan": "generator"}
    assert {header.class_names for header in made.values()} == {tuple("0123456789")}
    assert {header.run["seed"] for header in made.values()} == {3}
    assert {header.run["precision"] for header in made.values()} == {"fp32"}
    assert {made[name].architecture for name in STUDENTS} == {"lenet-half"}
    assert [made[name].run["samples"] for name in DISTILLED] == [
        ["digits"],
        ["digits:2,3,8"],
        ["digits:2,3,8"],
        ["d/dcgan.safetensors"],
        ["d/degan.safetensors"],
    ]
    assert (made["degan"].run["settings"]["lambda_e"], made["degan"].run["settings"]["lambda_d"]) == (1.0, 10.0)
    assert [made[name].run["augment"] for name in DISTILLED] == ["none", "none", "strong", "none", "none"]
    assert len({made[name].metrics["updates"] for name in DISTILLED}) == 1
    assert made["student-compress"].run["images"] == "digits:2,3,8"
    assert (shown.folder / "student-compress.run" / "report.md").exists()
    assert {made[name].run["d_augment"] for name in ("dcgan", "degan")} == {"color-translation-cutout"}
    assert {header.run["steps"] for header in made.values() if header.kind == "generator"} == {4}  # it is quick
    for name in ("dcgan", "degan"):
        with Image.open(shown.folder / f"{name}.run" / "samples.png") as picture:
            assert picture.width > 100
    assert not list(shown.folder.rglob("checkpoint.safetensors"))


def test_the_object_holds_an_accuracy_for_each_row(shown):
    assert shown.printed.keys() == {"artifact", "kind", "metrics", "seconds"}
    assert (shown.printed["artifact"], shown.printed["kind"]) == ("d", "demo")
    assert tuple(shown.printed["metrics"]) == ROWS
    assert all(0 <= accuracy <= 1 for accuracy in shown.printed["metrics"].values())
    assert shown.printed["metrics"]["teacher"] > 0.5
    teacher = read_header(shown.folder / "teacher.safetensors").metrics["test_accuracy"]
    assert shown.printed["metrics"]["teacher"] == pytest.approx(teacher)


def test_every_command_is_shown_before_it_runs(shown):
    found = commands(shown.said)
    students = ["distill", "eval"] * 5 + ["compress", "eval"]
    assert [command[1] for command in found] == ["teacher", "enrich", "enrich", "eval", *students]
    assert {option(command, "--seed") for command in found if command[1] != "eval"} == {"3"}
    for command in found[1:3]:
        assert (option(command, "--proxy"), option(command, "--classifier")) == (
            "digits:2,3,8",
            "d/teacher.safetensors",
        )
    (compress,) = (command for command in found if command[1] == "compress")
    assert (option(compress, "--classifier"), option(compress, "--images")) == ("d/teacher.safetensors", "digits:2,3,8")
    assert [option(command, "--method") for command in found[1:3]] == ["dcgan", "degan"]
    assert shown.said[-1] == "pictures of the samples: d/dcgan.run/samples.png, d/degan.run/samples.png"


def test_the_commands_that_are_shown_make_the_same_files(shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in commands(shown.said)[:3]:
        assert run([*command[1:], "-q"]) == 0
    for name in ("teacher", "dcgan", "degan"):
        made = tmp_path / "d" / f"{name}.safetensors"
        assert made.read_bytes() == (shown.folder / made.name).read_bytes(), name


def test_nothing_is_overwritten_unasked(shown, monkeypatch, capsys):
    monkeypatch.chdir(shown.folder.parent)
    before = (shown.folder / "teacher.safetensors").read_bytes()
    assert run(["demo", "--quick", "-o", "d"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "d/teacher.safetensors exists already" in captured.err.splitlines()[-1]
    assert (shown.folder / "teacher.safetensors").read_bytes() == before


@pytest.fixture
def played(monkeypatch, tmp_path):
    """The jobs only note what they are asked for."""
    monkeypatch.chdir(tmp_path)
    asked = []

    def make(settings, session):
        asked.append(settings)
        assert session.quiet
        return Result(artifact=settings.output, kind="classifier")

    def measure(settings, session):
        asked.append(settings)
        return types.SimpleNamespace(metrics={"accuracy": 0.25})

    module = import_module("degan_cli.jobs.demo")  # the package's attribute of that name is the job itself
    for name in ("teacher", "enrich", "distill", "compress"):
        monkeypatch.setattr(module, name, make)
    monkeypatch.setattr(module, "evaluate", measure)
    return asked


def test_people_read_a_table(played, capsys):
    assert run(["demo"]) == 0
    captured = capsys.readouterr()
    for row in ("teacher (lenet)", "student (lenet-half)", *ROWS[1:]):
        assert row in captured.out
    assert captured.out.count("25.0%") == 7
    assert len(commands(captured.err.splitlines())) == 16
    assert {settings.output.parent for settings in played if hasattr(settings, "output")} == {Path("degan-demo")}


def test_quick_is_shorter_and_force_is_for_every_file(played, capsys):
    assert run(["demo", "--quick", "--force", "--device", "cpu", "-q"]) == 0
    captured = capsys.readouterr()
    assert not commands(captured.err.splitlines())
    made = [settings for settings in played if hasattr(settings, "output")]
    assert len(made) == 9
    assert all(settings.force for settings in made)
    assert {settings.device for settings in made} == {"cpu"}
    quick = [settings.epochs for settings in made if hasattr(settings, "steps_per_epoch")]
    assert quick == [1] * 5
    assert [settings.seconds for settings in made if hasattr(settings, "budget")] == [1]
    played.clear()
    assert run(["demo", "-q"]) == 0
    made = [settings for settings in played if hasattr(settings, "output")]
    assert not any(settings.force for settings in made)
    assert [settings.epochs for settings in made if hasattr(settings, "steps_per_epoch")] == [20] * 5
    assert [settings.seconds for settings in made if hasattr(settings, "budget")] == [60]


def test_a_time_limit_holds_for_the_whole_and_a_stopped_demo_goes_on(played, tmp_path, monkeypatch, capsys):
    assert run(["demo", "--max-minutes", "9", "-q"]) == 0
    limits = [settings.max_minutes for settings in played if hasattr(settings, "max_minutes")]
    assert len(limits) == 9
    assert 9 > limits[0] > limits[-1] > 8
    monkeypatch.setattr(import_module("degan_cli.jobs.demo"), "teacher", teacher)
    assert run(["demo", "--quick", "--max-minutes", "0", "-o", "d"]) == 75
    said = capsys.readouterr().err
    assert "--max-minutes is over" in said
    assert "go on with the same command and --resume" in said
    assert (tmp_path / "d" / "teacher.run" / "checkpoint.safetensors").exists()
    assert not any("--max-minutes" in command for command in commands(said.splitlines()))


def test_a_mistake_in_the_settings_is_one_line(played, capsys):
    assert run(["demo", "--seed", "-1"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--seed" in captured.err
    assert captured.err.count("\n") == 1
    assert played == []


def test_resume_makes_what_is_missing_alone(shown, tmp_path, monkeypatch, capsys):
    shutil.copytree(shown.folder, tmp_path / "d")
    monkeypatch.chdir(tmp_path)
    missing = tmp_path / "d" / "student-degan.safetensors"
    before = {path: path.read_bytes() for path in (tmp_path / "d").glob("*.safetensors")}
    missing.unlink()
    times = {path: path.stat().st_mtime_ns for path in before if path != missing}
    assert run(["demo", "--quick", "--seed", "3", "--precision", "fp32", "-o", "d", "--resume", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == shown.printed["metrics"]
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
