"""``degan reproduce``: each row of each table, scaled down to a few updates on small random images."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest
import torch

from degan_cli import artifact
from degan_cli.app import run
from degan_cli.datasets.class_names import CIFAR10, CIFAR100, FASHION_MNIST, NUMERALS
from degan_cli.paper import run as parts
from degan_cli.specs import ImageSet
from degan_cli.sweep import local, on_ray

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
        def __init__(self, command, stdout, stderr, env):
            assert command[1:3] == ["-m", "degan_cli"]
            printed, said = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
                self.returncode = run(command[3:])
            stdout.write(printed.getvalue().encode())
            stderr.write(said.getvalue().encode())

        def poll(self):
            return self.returncode

    monkeypatch.setattr(local, "Popen", Process)
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
            + ["degan + zskd", "abd", "abd + zskd", "r-dfcil", "r-dfcil + zskd", "joint", "lwf"]
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
    assert "is over, parts are left; go on with the same command\n" in capsys.readouterr().err
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
    told = capsys.readouterr()
    assert re.search(
        r"failed: cifar10-alexnet-\w+, exit code 3, see r/parts/cifar10-alexnet-\w+\.log: .*cifar10", told.err
    )
    assert "1 parts failed and 2 are missing; the same command makes only them" in told.err
    assert told.out == "no cell is measured yet\n"


@pytest.fixture
def cluster(in_process, monkeypatch, tmp_path):
    """A cluster with room for three parts, where ``lost`` says which are given up, by options of their commands."""
    launched, lost = [], []

    @contextlib.contextmanager
    def played(options, jobs):
        def launching(folder):
            start = local.logged(folder)

            def launch(part, command, result, environment):
                launched.append(part.label)
                if any(word in command for word in lost):
                    command = [*command[:3], "no-such-command"]
                return start(part, command, result, environment)

            return launch

        yield jobs or 3, launching

    monkeypatch.setattr(on_ray, "cluster", played)
    return launched, lost


def test_a_table_is_a_sweep_on_ray_whose_lost_parts_the_same_command_makes(data_dir, cluster, capsys):
    launched, lost = cluster
    cells = ["table2", "--only", "cifar100-6/proxy", "--only", "svhn/proxy", "--executor", "ray"]
    lost.append("svhn")
    assert reproduce(data_dir, *cells, "--json") == 2
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert [(result["column"], result["row"]) for result in found["results"]] == [("6 classes", "proxy")]
    (failure,) = found["failed"]
    assert found["missing"] == [failure["part"]]
    assert f"failed: {failure['part']}, exit code 2, see {failure['log']}: " in told.err
    assert len(launched) == 3
    lost.clear()
    assert reproduce(data_dir, *cells, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [len(found["results"]), found["failed"], found["missing"], len(launched)] == [2, [], [], 4]


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


@pytest.mark.slow
def test_table_2_made_on_ray_has_the_numbers_of_the_table_made_here(data_dir, tmp_path, monkeypatch, capsys):
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'degan-cli[ray]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    found = {}
    for executor in ("local", "ray"):
        line = ["reproduce", "table2", "--scale", "tiny", "--jobs", "2", "-q"]
        line += ["--data-dir", str(data_dir), "--executor", executor, "-o", executor]
        assert run(line) == 0, capsys.readouterr().err
        results = json.loads(Path(executor, "table2-tiny.json").read_text())
        found[executor] = [[result[name] for name in ("column", "row", "measured", "artifacts")] for result in results]
    assert len(found["ray"]) == 10 * 5  # columns and rows
    assert found["ray"] == found["local"]
