"""``degan reproduce``: each row of each table, scaled down to a few updates on small random images."""

import contextlib
import io
import json
import shlex
from pathlib import Path

import pytest
import torch

from degan_cli import artifact
from degan_cli.app import run
from degan_cli.datasets.class_names import CIFAR10, CIFAR100, FASHION_MNIST, NUMERALS
from degan_cli.paper import run as parts
from degan_cli.specs import ImageSet

SETS = {"cifar10": (CIFAR10, 3), "cifar100": (CIFAR100, 3), "fashion-mnist": (FASHION_MNIST, 1), "svhn": (NUMERALS, 3)}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    torch.manual_seed(0)
    for name, (classes, channels) in SETS.items():
        for split, each in (("train", 4), ("test", 1)):
            labels = torch.arange(len(classes)).repeat(each)
            size = 28 if channels == 1 else 32
            images = torch.randint(0, 256, (len(labels), channels, size, size), dtype=torch.uint8)
            data = ImageSet(images=images, labels=labels, class_names=classes)
            artifact.save_dataset(folder / f"{name}-{split}.safetensors", data, name, split)
    return folder


@pytest.fixture
def in_process(monkeypatch, tmp_path):
    """Commands run in this process, which saves seconds each."""

    class Process:
        def __init__(self, command, stdout, env):
            assert command[1:3] == ["-m", "degan_cli"]
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                self.returncode = run(command[3:])
            stdout.write(printed.getvalue().encode())

        def poll(self):
            return self.returncode

    monkeypatch.setattr(parts, "Popen", Process)
    monkeypatch.setattr(parts, "POLL_SECONDS", 0)
    monkeypatch.chdir(tmp_path)


def reproduce(data_dir, *arguments):
    return run(["reproduce", *arguments, "--scale", "tiny", "--data-dir", str(data_dir), "-o", "r", "-q"])


@pytest.mark.parametrize(
    ("table", "only", "rows"),
    [
        ("table1", "fashion-mnist", ["teacher", "true", "proxy", "dcgan", "degan", "proxy, strong", "degan, strong"]),
        ("table2", "cifar100-6", ["proxy", "dcgan", "degan", "proxy, strong", "degan, strong"]),
        (
            "table3",
            "digits-5+5",
            ["old", "old-sigmoid", "finetune", "fixed", "lwf-mc", "proxy", "degan", "degan + proxy"]
            + ["abd", "r-dfcil", "joint", "lwf"]
            + [f"degan, {scaling}" for scaling in ("tie", "full-width", "weight-align", "logits", "none")],
        ),
        ("tasks", "digits-5x2", [f"task {number}" for number in range(1, 6)]),
        (
            "neighbours",
            "cifar10",
            [
                "teacher",
                "true",
                "degan",
                "degan, strong",
                "zskd",
                "dafl",
                "mb-dfkd",
                "pre-dfkd",
                "mosaickd",
                "cde",
                "degan, bn_weight",
            ]
            + ["deepinversion", "adi"],
        ),
    ],
)
def test_every_row_comes_to_a_number(data_dir, in_process, capsys, table, only, rows):
    assert reproduce(data_dir, table, "--only", only) == 0
    results = json.loads(Path(f"r/{table}-tiny.json").read_text())
    assert [result["row"] for result in results] == rows
    for result in results:
        assert result["table"] == table
        assert result["seeds"] == [0]
        assert all(0 <= value <= 100 for value in result["measured"])
        assert all(update >= 1 for update in result["updates"][0])
        assert result["scale"].startswith("reduced: ")
        assert all(memory["host"] > 1e8 for memory in result["peak_memory_bytes"][0])
        if table == "neighbours" and result["row"] != "teacher":
            assert result["stored_bytes"][0] > 0
            assert result["curve"][0]["of"] == "accuracy"
    printed = capsys.readouterr().out
    assert printed == Path(f"r/{table}-tiny.md").read_text()
    assert [line.split(" | ")[0] for line in printed.splitlines()[2:]] == [f"| {row}" for row in rows]


@pytest.mark.slow
def test_a_second_increment_is_reported(data_dir, in_process):
    assert reproduce(data_dir, "table3", "--only", "cifar100-20+20/second") == 0
    headers = [artifact.read_header(made) for made in Path("r/parts").glob("cifar100-20+20-degan-*.safetensors")]
    (header,) = [header for header in headers if len(header.class_names) == 60]
    assert header.metrics["test_images_old"] == 40
    assert header.metrics["test_images_new"] == 20


def test_what_is_finished_is_not_made_again_and_the_number_stays(data_dir, in_process, capsys):
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/proxy") == 0
    before = Path("r/table2-tiny.json").read_text()
    times = {path: path.stat().st_mtime_ns for path in Path("r/parts").iterdir()}
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/proxy") == 0
    assert Path("r/table2-tiny.json").read_text() == before
    assert {path: path.stat().st_mtime_ns for path in Path("r/parts").iterdir()} == times


def test_results_under_the_old_name_of_a_row_are_gone_on_with(data_dir, in_process, capsys):
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/proxy, strong") == 0
    path = Path("r/table2-tiny.json")
    path.write_text(path.read_text().replace("proxy, strong", "proxy, heavy"))
    capsys.readouterr()
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/proxy") == 0
    printed = capsys.readouterr().out
    assert [line.split(" | ")[0] for line in printed.splitlines()[2:]] == ["| proxy", "| proxy, strong"]
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/proxy, strong") == 0
    assert len(json.loads(path.read_text())) == 2


def test_time_that_is_over_leaves_the_rest_for_the_next_call(data_dir, in_process, capsys):
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/dcgan", "--max-minutes", "0") == 75
    assert "go on with the same command" in capsys.readouterr().err
    assert reproduce(data_dir, "table2", "--only", "cifar100-6/dcgan") == 0


def test_a_dry_run_prints_plain_commands_and_does_nothing(data_dir, in_process, capsys):
    assert reproduce(data_dir, "table2", "--only", "svhn/degan", "--dry-run", "--seeds", "0,1") == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines[:3]] == [["degan", "teacher"], ["degan", "enrich"], ["degan", "distill"]]
    assert len(lines) == 8
    assert lines[-1][:2] == ["degan", "eval"]
    assert not Path("r").exists()


def test_graphs_are_for_generators_and_students(data_dir, in_process, capsys):
    assert reproduce(data_dir, "table2", "--only", "svhn/degan", "--dry-run", "--cuda-graphs") == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines if "--cuda-graphs" in line] == ["enrich", "distill"]
    assert reproduce(data_dir, "neighbours", "--only", "digits/zskd", "--dry-run", "--cuda-graphs") == 2
    assert "--cuda-graphs is not for the neighbours" in capsys.readouterr().err


def test_missing_data_are_told_by_the_command_that_needs_them(in_process, capsys, tmp_path):
    assert reproduce(tmp_path / "nothing", "table2", "--only", "svhn/proxy") == 3
    error = capsys.readouterr().err
    assert "cifar10" in error
    assert "ended with exit code 3: degan teacher --arch alexnet --dataset cifar10" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "svhm"], "--only svhm: no cell of table2 is called so"),
        (["--seeds", "a"], "--seeds: 'a' is not whole numbers, such as 0,1,2"),
        (["--seeds", ""], "--seeds"),
        (["--seeds=-1"], "-1 is not at least 0"),
        (["--jobs", "0"], "--jobs"),
        # Parts get their seeds by --seeds, and are never compiled.
        (["--seed", "3"], "No such option: --seed"),
        (["--compile"], "No such option: --compile"),
    ],
)
def test_bad_options_are_one_line(data_dir, in_process, capsys, arguments, message):
    assert reproduce(data_dir, "table2", *arguments, "--dry-run") == 2
    assert message in capsys.readouterr().err
