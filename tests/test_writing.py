"""What cannot be written: it is named, what was there before is left, and the advice keeps the run's work."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from full_disk import Disk, mounted

from degan_cli.app import run
from degan_cli.artifact import read_tensors, write_tensors
from degan_cli.runs.report import Report

GOLDEN = Path(__file__).parent / "golden"
TEACHER = "teacher --dataset digits:0-2 --arch lenet --epochs 1 --batch-size 256 --device cpu --checkpoint-every 0"
ENRICH = (
    "enrich --classifier old.safetensors --proxy digits:2,3 --method dcgan --steps 4 --batch-size 16 --width 2"
    " --latent 4 --device cpu --checkpoint-every 0"
)
CONDENSE = "condense --dataset digits:0,1 --per-class 1 --steps 3 --device cpu --checkpoint-every 0"
AGAIN = "make room there, then run the same command again"
GO_ON = "make room there, then go on with the same command and --resume"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("old.safetensors", "generator.safetensors"):
        shutil.copy(GOLDEN / name, tmp_path)
    return tmp_path


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Where the command runs."""
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk") as made:
        monkeypatch.chdir(made.path)
        for name in ("old.safetensors", "generator.safetensors"):
            shutil.copy(GOLDEN / name, made.path)
        yield made


def failure(arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command that fails, and its last line."""
    capsys.readouterr()
    code = run([*arguments.split(), "-q"])
    lines = capsys.readouterr().err.splitlines()
    assert not any("Traceback" in line or "unexpected" in line for line in lines)
    return code, lines[-1].removeprefix("degan: error: ") if lines else ""


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard writes in a thread
@pytest.mark.parametrize(
    ("command", "named"),
    [
        pytest.param(CONDENSE, {"metrics.jsonl", "samples.png"}, id="condense", marks=pytest.mark.slow),
        pytest.param(ENRICH, {"metrics.jsonl", "samples.png"}, id="enrich"),
        pytest.param(TEACHER, {"metrics.jsonl"}, id="teacher", marks=pytest.mark.slow),
        pytest.param(f"{TEACHER} --log csv", {"metrics.jsonl", "metrics.csv"}, id="csv", marks=pytest.mark.slow),
        pytest.param(f"{TEACHER} --log tensorboard", {"tensorboard"}, id="tensorboard", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_costs_no_work_at_whatever_write_of_a_run(disk: Disk, capsys, command: str, named: set[str]):
    """The disk fills up before each file is opened, the first time and the last; once there is room again, the run
    makes what an unbroken one makes."""
    with disk.full_from(-1) as names:
        assert run([*command.split(), "-q", "-o", "out.safetensors"]) == 0
    whole = (disk.path / "out.safetensors").read_bytes()
    moments = {names.index(name) for name in names} | {len(names) - 1 - names[::-1].index(name) for name in names}
    met = set()
    for moment in sorted(moments):
        shutil.rmtree("out.run")
        (disk.path / "out.safetensors").unlink()
        with disk.full_from(moment):
            code, line = failure(f"{command} -o out.safetensors", capsys)
        begun = (disk.path / "out.run" / "checkpoint.safetensors").exists()
        assert not list(disk.path.rglob(".degan-*"))
        if code:
            assert code == 1
            file, why = line.split(": ", 1)
            assert why == f"cannot be written: No space left on device; {GO_ON if begun else AGAIN}"
            met.add(file)
            assert run([*command.split(), "-q", "-o", "out.safetensors", *(["--resume"] if begun else [])]) == 0
        assert (disk.path / "out.safetensors").read_bytes() == whole
    assert met >= {"out.safetensors", *(f"out.run/{name}" for name in (*named, "checkpoint.safetensors"))}


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("export old.safetensors --to torchscript", "out.pt"),
        ("export old.safetensors --to state-dict", "out.safetensors"),
        pytest.param("export old.safetensors --to onnx", "out.onnx", marks=pytest.mark.slow),
        pytest.param("export ../timm.safetensors --to timm", "folder", marks=pytest.mark.slow),
        ("sample generator.safetensors -n 40 --device cpu", "images"),
        ("sample generator.safetensors -n 40 --device cpu", "out.safetensors"),
        ("report old.safetensors", "page.html"),
        ("import plain.safetensors --arch lenet --num-classes 5", "out.safetensors"),
        ("eval old.safetensors --dataset digits:0-4 --device cpu --predictions", "table.csv"),
    ],
)
def test_a_full_disk_leaves_what_was_there(disk: Disk, capsys, command: str, output: str):
    if "import" in command:
        write_tensors("plain.safetensors", read_tensors("old.safetensors")[0], {})
    if "--to onnx" in command:
        pytest.importorskip("onnxruntime")
    if "--to timm" in command:
        pytest.importorskip("timm")
        made = TEACHER.replace("--arch lenet", "--arch timm/test_resnet")
        assert run([*made.split(), "-q", "-o", "../timm.safetensors"]) == 0
    option = "" if "--predictions" in command else "-o"
    assert run([*f"{command} {option} {output}".split(), "-q"]) == 0
    before = {path: path.read_bytes() for path in disk.path.rglob("*") if path.is_file()}
    with disk.with_room(0):
        code, line = failure(f"{command} {option} {output} --force", capsys)
        assert (code, line) == (1, f"{output}: cannot be written: No space left on device; {AGAIN}")
    assert {path: path.read_bytes() for path in disk.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", [f"{TEACHER} -o {{}}.safetensors", "report old.safetensors -o {}.html",
    "sample generator.safetensors -n 4 -o {}", "export old.safetensors --to torchscript -o {}.pt",
    "eval old.safetensors --dataset digits --predictions {}.csv"])  # fmt: skip
def test_a_read_only_disk_is_refused_before_any_work(disk: Disk, capsys, command: str):
    for name in ("out", "new/out"):
        with disk.read_only():
            code, line = failure(command.format(name), capsys)
        assert code == 2
        assert line.split(" ", 1)[1].startswith(name)
        assert line.endswith("; name another place")
        assert ("its folder is not writable" in line) or ("cannot make its folder (Read-only file system)" in line)


def test_a_run_folder_that_vanishes_is_made_again(here: Path, monkeypatch):
    row = Report.row

    def tidied(report: Report, *arguments) -> None:
        shutil.rmtree("out.run")
        row(report, *arguments)

    monkeypatch.setattr(Report, "row", tidied)
    assert run([*TEACHER.split(), "-q", "-o", "out.safetensors"]) == 0
    assert (here / "out.run" / "metrics.jsonl").exists()


@pytest.mark.parametrize("in_the_way", ["out.run", "out.run/.lock", "out.run/metrics.jsonl"])
def test_what_stands_in_the_way_of_a_run_folder_is_named(here: Path, capsys, in_the_way: str):
    (here / in_the_way).parent.mkdir(exist_ok=True)
    if in_the_way == "out.run":
        (here / in_the_way).touch()
    else:
        (here / in_the_way).mkdir()
    code, line = failure(f"{TEACHER} -o out.safetensors", capsys)
    assert code == 2
    assert line.startswith("out.run")
    assert line.endswith("; name another file")
    assert (here / in_the_way).exists()


@pytest.mark.parametrize("length", [1, 13, 100, 243, 244, 300])
@pytest.mark.parametrize("letter", ["n", "ñ"])
@pytest.mark.parametrize(
    "command",
    [
        "import plain.safetensors --arch lenet --num-classes 5 -o {}.safetensors",
        "report old.safetensors -o {}.safetensors",
        "sample generator.safetensors -n 4 -o {}.safetensors.d --device cpu",
        "export old.safetensors --to state-dict -o {}.safetensors",
        f"{TEACHER} --dry-run -o {{}}.safetensors",
    ],
)
def test_a_name_of_any_length_is_written_or_refused_before_any_work(
    here, capsys, command: str, length: int, letter: str
):
    write_tensors("plain.safetensors", read_tensors("old.safetensors")[0], {})
    name = letter * length
    code, line = failure(command.format(name), capsys)
    last = command.split("{}")[1].split()[0]
    if len(os.fsencode(name + last)) <= 255:
        assert code == 0
        assert "--dry-run" in command or Path(name + last).exists()
    else:
        assert code == 2
        assert line.startswith(f"-o {letter}")
        assert line.endswith(": File name too long; name another place")


def test_a_name_that_is_made_from_long_inputs_is_cut(here: Path):
    name = "c" * 240
    shutil.copy("old.safetensors", f"{name}.safetensors")
    assert run(["export", f"{name}.safetensors", "--to", "torchscript", "-q"]) == 0
    (made,) = here.glob("*.pt")
    assert made.name.startswith("c" * 150 + "-")


@pytest.mark.parametrize(
    ("name", "why"), [("a\0b", "embedded null byte"), ("circle", "Too many levels of symbolic links")]
)
def test_names_that_no_file_can_have_are_refused(here: Path, capsys, name: str, why: str):
    (here / "circle.safetensors").symlink_to("circle.safetensors")
    assert run(["import", "old.safetensors", "-o", f"{name}.safetensors", "--force"]) == 2
    assert why in capsys.readouterr().err


READS = {
    "teacher": f"{TEACHER} --init {{0}} --force -o {{1}}",
    "teacher, data": "teacher --dataset {0}:0 --arch lenet --force -o {1}",
    "condense": "condense --dataset {0} --per-class 1 --force -o {1}",
    "enrich": "enrich --classifier {0} --proxy digits --force -o {1}",
    "enrich, proxy": "enrich --classifier old.safetensors --proxy {0}:0,1 --force -o {1}",
    "distill": "distill --teacher {0} --student lenet-half --samples digits --resume -o {1}",
    "distill, samples": "distill --teacher old.safetensors --student lenet-half --samples {0}@0.8 --samples digits@0.2"
    " --force -o {1}",
    "incremental": "incremental --classifier {0} --new-data digits:5 --samples digits --force -o {1}",
    "compress": "compress --classifier {0} --student lenet-half --images digits --force -o {1}",
    "import": "import {0} --force -o {1}",
    "sample": "sample {0} -n 4 --force -o {1}",
    "sample, classifier": "sample generator.safetensors --classifier {0} --force -o {1}",
    "report": "report {0} --force -o {1}",
    "eval": "eval {0} --dataset digits --force --predictions {1}",
    "eval, data": "eval old.safetensors --dataset {0} --force --predictions {1}",
    "rerun": "rerun {0} --force -o {1}",
    "export": "export {0} --to state-dict --force -o {1}",
    "config": "import old.safetensors --config {0} --force -o {1}",
}


@pytest.mark.parametrize("link", ["itself", "symlink", "hard link", "another path"])
@pytest.mark.parametrize("command", READS)
def test_no_output_is_written_over_an_input(here: Path, capsys, command: str, link: str):
    shutil.copy("old.safetensors", "in.safetensors")
    if command == "config":
        (here / "in.safetensors").write_text("")
    before = (here / "in.safetensors").read_bytes()
    output = "in.safetensors"
    if link == "another path":
        (here / "folder").mkdir()
        output = "folder/../in.safetensors"
    elif link != "itself":
        output = "out.safetensors"
        (Path.symlink_to if link == "symlink" else Path.hardlink_to)(here / output, "in.safetensors")
    code, line = failure(READS[command].format("in.safetensors", output), capsys)
    assert code == 2
    option = "--predictions" if "--predictions" in READS[command] else "-o"
    assert line.startswith(f"{option} {output}: would be written over what ")
    assert "in.safetensors" in line.split("over what")[1]
    assert line.endswith(" reads; name another file")
    assert (here / "in.safetensors").read_bytes() == before


def test_a_picture_a_model_folder_and_a_pack_are_inputs_too(here: Path, capsys):
    for folder in ("images", "model", "data"):
        (here / folder).mkdir()
    for name in ("images/a.png", "model/config.json", "model/model.safetensors", "data/cifar10-train.safetensors"):
        (here / name).write_bytes(b"{}")
    for command in (
        "eval old.safetensors --dataset images --predictions images/a.png --force",
        "compress --classifier model --student lenet-half -o model/model.safetensors --force",
        "teacher --dataset cifar10:0-3 --arch lenet --data-dir data -o data/cifar10-train.safetensors --force",
    ):
        code, line = failure(command, capsys)
        assert (code, "would be written over what" in line) == (2, True), line


def test_an_output_beside_the_inputs_is_none_of_them(here: Path, capsys):
    """Images are read from this folder, model files are not."""
    command = "sample generator.safetensors -n 30 --device cpu -q -o images"
    assert run(command.split()) == 0
    shutil.copy("old.safetensors", "images/out.safetensors")
    command = TEACHER.replace("digits:0-2", "images") + " --dry-run --force -o images/out.safetensors"
    assert "written over" not in failure(command, capsys)[1]


def test_a_row_that_was_cut_off_ends_no_run(run_folder: Path):
    with Report("r", 9, run_folder, quiet=True) as report:
        for step in (1, 2, 3):
            report.row(step, {"loss": float(step)})
    path = run_folder / "metrics.jsonl"
    whole = path.read_text().splitlines()
    path.write_text("\n".join(whole)[:-9])
    with Report("r", 9, run_folder, quiet=True, log="csv") as report:
        report.resume_at(2)
        assert path.read_text().splitlines() == whole[:2]
        report.row(3, {"loss": 3.0})
    assert [json.loads(row)["step"] for row in path.read_text().splitlines()] == [1, 2, 3]
    assert len((run_folder / "metrics.csv").read_text().splitlines()) == 4


def test_a_run_that_begins_anew_leaves_no_rows_of_the_former_one(here: Path):
    """A kill before the first checkpoint leaves rows, and half of one."""
    assert run([*TEACHER.split(), "-q", "-o", "out.safetensors"]) == 0
    rows = (here / "out.run" / "metrics.jsonl").read_text()
    (here / "out.safetensors").unlink()
    (here / "out.run" / "metrics.jsonl").write_text(f'{rows}{{"schema": 1, "st')
    assert run([*TEACHER.split(), "-q", "-o", "out.safetensors"]) == 0
    again = (here / "out.run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in again] == [json.loads(row)["step"] for row in rows.splitlines()]


def test_half_a_character_in_a_class_name_costs_no_table(here: Path):
    tensors, about, _ = read_tensors("old.safetensors")
    header = json.loads(about["degan"])
    header["class_names"] = ["\ud800", *header["class_names"][1:]]
    write_tensors("half.safetensors", tensors, {"degan": json.dumps(header)})
    table = "eval half.safetensors --dataset digits:0-4 --device cpu -q --predictions table.csv --probabilities"
    assert run(table.split()) == 0
    assert (
        (here / "table.csv").read_text(encoding="utf-8").startswith("index,label,predicted,confidence,p(\\ud800),p(1)")
    )
