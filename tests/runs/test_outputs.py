import json
from pathlib import Path

import pytest

from degan_cli.config import TeacherSettings
from degan_cli.errors import UsageError
from degan_cli.jobs import Result, Session
from degan_cli.plugins import Plugins
from degan_cli.runs.output import CHECKPOINT, STDOUT, choose_output, safe_name, stem

SESSION = Session(plugins=Plugins(), quiet=True)


def choose(given, derived="a-b", *, force=False, resume=False):
    return choose_output(given, derived, force=force, resume=resume)


def begin(path, **flags):
    """Begin a run there, as every command does once it has checked all else; returns when it holds the folder."""
    settings = TeacherSettings(dataset="d", architecture="a", output=path, device="cpu", **flags)
    with SESSION.open("teacher", "classifier", settings, "n") as run:
        run.start_engine()
        with run.training(1):
            pass


def test_the_name_comes_from_the_inputs_when_none_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = choose(None, f"{stem('models/t.safetensors')}-degan-{stem('cifar100:cloud,forest')}")
    assert out.path == Path("t-degan-cifar100-cloud-forest.safetensors")
    assert out.folder == Path("t-degan-cifar100-cloud-forest.run")
    assert not out.to_stdout


def test_an_existing_file_is_never_overwritten_without_force(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_text("precious")
    with pytest.raises(UsageError, match=r"exists already; name another with -o, or overwrite it with --force"):
        choose(path)
    assert choose(path, force=True).path == path
    begin(path, force=True)
    assert path.read_text() == "precious"  # until the run is complete


@pytest.mark.parametrize("place", [CHECKPOINT, f"generator.run/{CHECKPOINT}"])
def test_a_stopped_run_is_not_thrown_away_silently(tmp_path, place):
    path = tmp_path / "x.safetensors"
    checkpoint = tmp_path / "x.run" / place
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    with pytest.raises(UsageError, match=r"holds a stopped run; go on with --resume, or start anew with --force"):
        choose(path)
    choose(path, resume=True)
    begin(path, resume=True)
    begin(path, resume=True, force=True)
    assert checkpoint.exists()
    choose(path, force=True)
    assert checkpoint.exists()  # until the run begins: a dry run, or a wrong option, costs nothing


def test_one_that_was_to_go_to_stdout_is_not_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.run").mkdir()
    Path("a.run", CHECKPOINT).touch()
    assert choose(STDOUT, "a").folder == Path("a-stdout.run")  # the other is the folder of a.safetensors
    Path("a-stdout.run").mkdir()
    Path("a-stdout.run", CHECKPOINT).touch()
    with pytest.raises(UsageError, match="a-stdout.run holds a stopped run; go on with --resume"):
        choose(STDOUT, "a")
    assert choose_output(STDOUT, "a", force=False, resume=True).folder == Path("a-stdout.run")


def test_a_run_that_begins_with_force_gives_up_the_stopped_one(tmp_path):
    path = tmp_path / "x.safetensors"
    folder = tmp_path / "x.run"
    folder.mkdir()
    for name in (CHECKPOINT, "metrics.jsonl", "samples.png"):
        (folder / name).touch()
    begin(path, force=True)
    assert sorted(file.name for file in folder.iterdir()) == [".lock", "samples.png"]


def test_two_commands_never_write_to_one_run_folder(tmp_path):
    path = tmp_path / "x.safetensors"
    with choose(path).locked():
        checkpoint = tmp_path / "x.run" / CHECKPOINT
        checkpoint.touch()
        for flags in ({"force": True}, {"resume": True}):
            with pytest.raises(UsageError, match=r"x\.run: another degan command writes there; name another place"):
                begin(path, **flags)
        assert checkpoint.exists()
    begin(path, resume=True)


def test_the_folder_is_free_again_after_a_run_that_failed(tmp_path):
    out = choose(tmp_path / "x.safetensors")

    def fail():
        with out.locked():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with out.locked():
        pass


def test_other_suffixes_and_folders_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"use -o .*x\.safetensors"):
        choose(tmp_path / "x.pth")
    folder = tmp_path / "y.safetensors"
    folder.mkdir()
    with pytest.raises(UsageError, match="this is a folder"):
        choose(folder)


def result(path, **about):
    return Result(artifact=path, kind="generator", sha256="abc", seconds=1.23456, **about)


SAID = {"summary": "it went well", "next_command": "degan distill ..."}


def test_the_closing_line_is_the_path_or_one_object(capsys):
    path = Path("x.safetensors")
    result(path, metrics={"updates": 3}, **SAID).show(as_json=False, quiet=False)
    assert capsys.readouterr() == (f"{path}\n", "it went well\nnext: degan distill ...\n")

    result(path, metrics={"updates": 3}).show(as_json=True, quiet=False)
    shown = capsys.readouterr()
    printed = json.loads(shown.out)
    assert (printed["artifact"], printed["kind"], printed["sha256"]) == (str(path), "generator", "abc")
    assert (printed["metrics"], printed["seconds"]) == ({"updates": 3}, 1.235)
    assert printed["peak_memory_bytes"]["host"] > 0
    assert "reused" not in printed
    assert shown.err == ""
    assert result(path, reused=True).to_json()["reused"] is True


def test_quiet_leaves_the_result_only(capsys):
    result(Path("x.safetensors"), **SAID).show(as_json=False, quiet=True)
    assert capsys.readouterr() == ("x.safetensors\n", "")


def test_with_a_dash_the_closing_line_goes_to_stderr(capsys):
    assert choose(STDOUT, "a b").to_stdout
    assert choose(STDOUT, "a b").folder == Path("a-b-stdout.run")
    result(STDOUT, **SAID).show(as_json=False, quiet=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err)["sha256"] == "abc"


def test_processes_beside_the_first_print_nothing(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    result(Path("x.safetensors"), **SAID).show(as_json=True, quiet=False)
    assert capsys.readouterr() == ("", "")


def test_a_plan_is_all_that_is_shown_after_a_dry_run(capsys):
    planned = Result(artifact=Path("x.safetensors"), kind="generator", plan={"dry_run": True}, **SAID)
    planned.show(as_json=True, quiet=False)
    assert capsys.readouterr() == ('{"dry_run": true}\n', "")


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot make its folder \((File exists|Not a directory)\)"):
        choose(tmp_path / "file" / "x.safetensors")


@pytest.mark.parametrize(("text", "name"), [("a b/c", "a-b-c"), ("../..", "out"), ("x:0-19", "x-0-19")])
def test_safe_names(text, name):
    assert safe_name(text) == name
