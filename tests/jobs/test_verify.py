"""Inputs are what they were: a lineage is followed, and no run goes on with another content of what it is made from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from degan_cli.app import run
from degan_cli.artifact import file_sha256, read_artifact, read_header
from degan_cli.artifact.file import write_artifact

TEACHER = "teacher --dataset digits:0-3 --arch lenet --epochs 1"
ENRICH = "enrich --classifier t.safetensors --proxy digits:0,1 --steps 2 --batch-size 8 --width 2 --latent 4"
DISTILL = "distill --teacher t.safetensors --student lenet-half --samples g.safetensors --held-out 16"
SHORT = "--epochs 1 --steps-per-epoch 2 --batch-size 8"


def degan(command: str) -> int:
    return run([*command.split(), "--device", "cpu", "-q"])


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    """A folder in which t, g and s were made."""
    folder = tmp_path_factory.mktemp("pipeline")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert degan(f"{TEACHER} -o t.safetensors") == 0
        assert degan(f"{TEACHER} --seed 1 -o other.safetensors") == 0
        assert degan(f"{ENRICH} -o g.safetensors") == 0
        assert degan(f"{DISTILL} {SHORT} -o s.safetensors") == 0
    return folder


@pytest.fixture
def here(pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to work in."""
    for path in pipeline.glob("*.safetensors"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verified(capsys, *files: str) -> tuple[int, dict]:
    capsys.readouterr()
    code = run(["verify", *files, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_lineage_is_well_and_its_commands_make_it_again(here, capsys):
    code, found = verified(capsys, "s.safetensors")
    assert (code, found["wrong"]) == (0, [])
    (student,) = found["artifacts"]
    teacher, generator = student["parents"]
    assert (teacher["role"], teacher["state"], teacher["file"]) == ("teacher", "present", "t.safetensors")
    assert teacher["parents"][0]["state"] == "unseen"  # digits
    assert [parent["role"] for parent in generator["parents"]] == ["classifier", "proxy"]
    before = {name: file_sha256(Path(name)) for name in ("t.safetensors", "g.safetensors", "s.safetensors")}
    capsys.readouterr()
    assert run(["verify", "s.safetensors"]) == 0
    commands = capsys.readouterr().out.splitlines()
    assert [command.split()[1] for command in commands] == ["teacher", "enrich", "distill"]
    for command in commands:
        assert run([*command.split()[1:], "--force", "-q"]) == 0
    assert {name: file_sha256(Path(name)) for name in before} == before


def test_what_is_missing_or_another_one_is_named(here, capsys):
    (here / "t.safetensors").write_bytes((here / "other.safetensors").read_bytes())
    (here / "g.safetensors").unlink()
    code, found = verified(capsys, "s.safetensors")
    assert code == 3
    assert found["wrong"] == ["t.safetensors is changed", "g.safetensors is missing"]
    assert run(["verify", "s.safetensors"]) == 3
    said = capsys.readouterr()
    assert "teacher: t.safetensors (unknown), CHANGED since then" in said.err
    assert "t.safetensors is changed; g.safetensors is missing" in said.err


def test_stored_images_are_named_and_not_looked_at(here, capsys):
    assert degan("sample g.safetensors -n 16 -o pack.safetensors") == 0
    assert degan(f"{ENRICH.replace('digits:0,1', 'pack.safetensors')} -o p.safetensors") == 0
    Path("pack.safetensors").unlink()
    code, found = verified(capsys, "p.safetensors")
    (proxy,) = [parent for parent in found["artifacts"][0]["parents"] if parent["role"] == "proxy"]
    assert (code, proxy["state"], proxy["file"], proxy["kind"]) == (0, "unseen", "pack.safetensors", "images")


def test_a_damaged_file_and_one_from_elsewhere_end_in_one_line(here, capsys):
    (here / "s.safetensors").write_bytes((here / "s.safetensors").read_bytes()[:-4])
    assert run(["verify", "s.safetensors"]) == 3
    assert run(["verify", "nothing.safetensors"]) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


RUNS = {
    f"{ENRICH} -o g.safetensors": "classifier",
    f"{DISTILL} {SHORT} -o s.safetensors": "teacher",
    "enrich --classifier t.safetensors --method zskd -n 4 --steps 1 --batch-size 4 -o z.safetensors": "classifier",
    f"{TEACHER} --init t.safetensors -o i.safetensors": "init",
    "incremental --classifier t.safetensors --new-data digits:5,6 --samples g.safetensors --epochs 1 --batch-size 512 "
    "-o n.safetensors": "classifier",
    f"distill --teacher t.safetensors --student lenet-half --method dafl --width 2 {SHORT} --update-batch 8 "
    "--held-out 16 -o d.safetensors": "teacher",
}


@pytest.mark.parametrize(("command", "role"), RUNS.items(), ids=[command.split()[0] for command in RUNS])
def test_a_finished_artifact_of_another_input_is_not_reused(here, capsys, command, role):
    if not (here / command.split()[-1]).exists():
        assert degan(command) == 0
    assert degan(f"{command} --resume") == 0
    (here / "t.safetensors").write_bytes((here / "other.safetensors").read_bytes())
    capsys.readouterr()
    assert degan(f"{command} --resume") == 2
    assert f"made from another content of the {role}" in capsys.readouterr().err


@pytest.mark.parametrize("changed", ["t.safetensors", "proxy"])
def test_a_checkpoint_of_another_input_is_refused(here, capsys, changed):
    assert run(["sample", "g.safetensors", "-n", "8", "-o", "proxy", "--device", "cpu", "-q"]) == 0
    command = ENRICH.replace("digits:0,1", "proxy") + " -o h.safetensors"
    assert degan(f"{command} --max-minutes 0") == 75
    if changed == "proxy":
        path = next((here / "proxy").rglob("*.png"))
        ImageOps.invert(Image.open(path)).save(path)
        role = "proxy"
    else:
        (here / "t.safetensors").write_bytes((here / "other.safetensors").read_bytes())
        role = "classifier"
    capsys.readouterr()
    assert degan(f"{command} --resume") == 2
    message = capsys.readouterr().err
    assert f"checkpoint.safetensors: made from another content of the {role}" in message
    assert "--force" in message
    assert read_header("t.safetensors").kind == "classifier"


def test_images_that_measure_a_student_are_an_input_too(here, capsys):
    for name in "0123":
        (here / "measured" / name).mkdir(parents=True)
        Image.new("L", (32, 32), 50 * int(name)).save(here / "measured" / name / "a.png")
    command = f"{DISTILL} {SHORT} --test-data measured -o m.safetensors"
    assert degan(f"{command} --max-minutes 0") == 75
    Image.new("L", (32, 32), 255).save(here / "measured" / "3" / "a.png")
    capsys.readouterr()
    assert degan(f"{command} --resume") == 2
    assert "made from another content of the test data" in capsys.readouterr().err
    Image.new("L", (32, 32), 150).save(here / "measured" / "3" / "a.png")
    assert degan(f"{command} --resume") == 0
    assert read_header("m.safetensors").parents[-1]["role"] == "test data"


def test_a_file_whose_path_holds_an_at_is_looked_at(here, capsys):
    (here / "me@uni").mkdir()
    (here / "me@uni" / "t.safetensors").write_bytes((here / "t.safetensors").read_bytes())
    command = DISTILL.replace("t.safetensors", "me@uni/t.safetensors").replace("g.safetensors", "g.safetensors@2")
    assert degan(f"{command} {SHORT} -o a.safetensors") == 0
    code, found = verified(capsys, "a.safetensors")
    teacher, samples = found["artifacts"][0]["parents"]
    assert (code, teacher["state"], teacher["file"]) == (0, "present", "me@uni/t.safetensors")
    assert (samples["state"], samples["file"]) == ("present", "g.safetensors")
    (here / "t.safetensors").rename("me@uni/t.safetensors")
    (here / "other.safetensors").rename("me@uni/t.safetensors")
    code, found = verified(capsys, "a.safetensors")
    assert (code, "me@uni/t.safetensors is changed" in found["wrong"]) == (3, True)


def test_a_long_lineage_is_cut_and_not_called_changed(here, capsys):
    file, before = read_artifact("t.safetensors"), "t.safetensors"
    for step in range(9):
        parents = [{"role": "classifier", "sha256": file_sha256(Path(before))}]
        header = replace(file.header, run={"classifier": before, "strategy": "abd"}, parents=parents)
        before = f"c{step}.safetensors"
        write_artifact(before, file.tensors, header)
    code, found = verified(capsys, before)
    assert (code, found["wrong"]) == (0, [])
    (here / "c7.safetensors").unlink()
    assert verified(capsys, before)[1]["wrong"] == ["c7.safetensors is missing"]


def test_corrected_labels_are_another_input(here, capsys):
    for index in range(12):
        Image.new("L", (32, 32), 20 * index).save(f"{index}.png")
    table = "path,label\n" + "".join(f"{index}.png,{'xy'[index % 2]}\n" for index in range(12))
    Path("l.csv").write_text(table)
    command = "teacher --dataset l.csv --arch lenet --epochs 1 --held-out 0 --optimiser sgd -o l.safetensors"
    assert degan(command) == 0
    assert degan(f"{command} --resume") == 0
    Path("l.csv").write_text(table.replace("0.png,x", "0.png,y"))
    capsys.readouterr()
    assert degan(f"{command} --resume") == 2
    assert "made from another content of the labels of the data" in capsys.readouterr().err
    assert run(["rerun", "l.safetensors"]) == 0
    assert "not the same as l.safetensors: other labels of the data than then" in capsys.readouterr().err


def test_rerun_takes_no_stdin(here, capsys):
    assert run(["rerun", "-"]) == 2
    assert "rerun - : the artifact is read again" in capsys.readouterr().err
