import json
from pathlib import Path

import pytest

from degan_cli.engine import start
from degan_cli.errors import UsageError
from degan_cli.runs.output import CHECKPOINT, claim, safe_name, stem


def claim_it(given, *, force=False, resume=False):
    return claim(given, "a-b", force=force, resume=resume, as_json=False)


def test_the_name_comes_from_the_inputs_when_none_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = claim(None, f"{stem('models/t.safetensors')}-degan-{stem('cifar100:cloud,forest')}", **FLAGS)
    assert out.path == Path("t-degan-cifar100-cloud-forest.safetensors")
    assert out.folder == Path("t-degan-cifar100-cloud-forest.run")


FLAGS = {"force": False, "resume": False, "as_json": False}


def test_an_existing_file_is_never_overwritten_without_force(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_text("precious")
    with pytest.raises(UsageError, match=r"exists already; name another with -o, or overwrite it with --force"):
        claim_it(path)
    assert claim_it(path, force=True).path == path
    assert path.read_text() == "precious"  # until the run is complete


def test_a_stopped_run_is_not_thrown_away_silently(tmp_path):
    path = tmp_path / "x.safetensors"
    checkpoint = tmp_path / "x.run" / CHECKPOINT
    checkpoint.parent.mkdir()
    checkpoint.touch()
    with pytest.raises(UsageError, match=r"holds a stopped run; go on with --resume, or start anew with --force"):
        claim_it(path)
    claim_it(path, resume=True)
    assert checkpoint.exists()
    out = claim_it(path, force=True)
    assert checkpoint.exists()  # until the run begins: a dry run, or a wrong option, costs nothing
    with out.alone(start("cpu")):
        assert not checkpoint.exists()


def test_two_commands_never_write_to_one_run_folder(tmp_path):
    path = tmp_path / "x.safetensors"
    engine = start("cpu")
    with claim_it(path).alone(engine):
        checkpoint = tmp_path / "x.run" / CHECKPOINT
        checkpoint.touch()
        for flags in ({"force": True}, {"resume": True}):
            with (
                pytest.raises(UsageError, match=r"x\.run: another degan command writes there; name another place"),
                claim_it(path, **flags).alone(engine),
            ):
                pytest.fail("let in")
        assert checkpoint.exists()
    with claim_it(path, resume=True).alone(engine):
        pass


def test_other_suffixes_and_folders_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"use -o .*x\.safetensors"):
        claim_it(tmp_path / "x.pth")
    folder = tmp_path / "y.safetensors"
    folder.mkdir()
    with pytest.raises(UsageError, match="this is a folder"):
        claim_it(folder)


def test_the_closing_line_is_the_path_or_one_object(tmp_path, capsys):
    out = claim_it(tmp_path / "x.safetensors")
    out.finish("generator", "abc", {"updates": 3}, summary="it went well", next_command="degan distill ...")
    shown = capsys.readouterr()
    assert shown.out == f"{out.path}\n"
    assert shown.err == "it went well\nnext: degan distill ...\n"

    claim(tmp_path / "x.safetensors", "", force=False, resume=False, as_json=True).finish(
        "generator", "abc", {"updates": 3}
    )
    result = json.loads(capsys.readouterr().out)
    assert (result["kind"], result["sha256"], result["metrics"]) == ("generator", "abc", {"updates": 3})
    assert result["seconds"] >= 0


def test_quiet_leaves_the_result_only(tmp_path, capsys):
    out = claim(tmp_path / "x.safetensors", "", **FLAGS, quiet=True)
    out.finish("generator", "abc", {}, summary="it went well", next_command="degan distill ...")
    assert capsys.readouterr() == (f"{out.path}\n", "")


def test_with_a_dash_the_closing_line_goes_to_stderr(capsys):
    claim_it(Path("-")).finish("generator", "abc", {})
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err)["sha256"] == "abc"


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot make its folder \((File exists|Not a directory)\)"):
        claim_it(tmp_path / "file" / "x.safetensors")


@pytest.mark.parametrize(("text", "name"), [("a b/c", "a-b-c"), ("../..", "out"), ("x:0-19", "x-0-19")])
def test_safe_names(text, name):
    assert safe_name(text) == name
