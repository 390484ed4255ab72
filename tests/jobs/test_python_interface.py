"""Everything that the commands do, from Python: the pipeline, its mistakes, runs inside runs, and plugins."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from degan_cli import jobs
from degan_cli.app import run
from degan_cli.artifact import load_classifier, load_images, read_header, save_samples
from degan_cli.errors import BadFile, DeganError, Diverged, PluginError, Stopped, UnknownName, UsageError
from degan_cli.jobs import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    IncrementalSettings,
    ReproduceSettings,
    SampleSettings,
    Session,
    TeacherSettings,
)
from degan_cli.jobs import tune as tuning
from degan_cli.loops import tune
from degan_cli.paper import run as parts
from degan_cli.plugins import load_plugins
from degan_cli.plugins.guard import Owner
from degan_cli.specs import ArchitectureSpec
from degan_cli.sweep import local

SESSION = Session(plugins=load_plugins(enabled=False), quiet=True)
TEACHER = {"dataset": "digits:0-4", "architecture": "lenet", "epochs": 1}
GAN = {"proxy": "digits:8", "steps": 3, "batch_size": 8, "width": 2, "latent": 4}
STUDENT = {"student": "lenet-half", "epochs": 1, "steps_per_epoch": 2, "batch_size": 8, "held_out": 16}


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A classifier of the digits 0 to 4."""
    path = tmp_path_factory.mktemp("old") / "t.safetensors"
    return jobs.teacher(TeacherSettings(**TEACHER, output=path), SESSION).artifact


@pytest.fixture
def here(old, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEGAN_DATA_DIR", raising=False)
    Path("t.safetensors").write_bytes(old.read_bytes())
    return tmp_path


def test_every_name_of_the_interface_is_there():
    assert [name for name in jobs.__all__ if not hasattr(jobs, name)] == []


@pytest.mark.parametrize("error", [RuntimeError("late"), SystemExit(0)])
def test_what_a_plugin_raises_is_its_fault_from_python_too(here, error):
    plugins = load_plugins(enabled=False)

    class Ending(nn.Linear):
        def forward(self, images):
            raise error

    plugins.architectures.add(
        ArchitectureSpec(name="ends", build=lambda classes, input: Ending(1, classes)), "degan-own 1.0", "own"
    )
    plugins.owners[__name__.partition(".")[0]] = Owner("own", "degan-own 1.0")
    with pytest.raises(PluginError, match=r"plugin own \(degan-own 1.0\): it fails: (RuntimeError|SystemExit): "):
        jobs.teacher(TeacherSettings(**TEACHER | {"architecture": "ends"}), Session(plugins=plugins, quiet=True))


def enrich(**values):
    return jobs.enrich(EnrichSettings(**{"classifier": "t.safetensors"} | GAN | values), SESSION)


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def artifacts(folder="."):
    """All artifacts below a folder, by name, with the digest of their bytes."""
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(Path(folder).rglob("*.safetensors"))}


def test_the_pipeline_in_python_makes_the_files_of_the_commands(here, capsys):
    made = jobs.teacher(TeacherSettings(**TEACHER), SESSION)
    samples = jobs.enrich(EnrichSettings(classifier=made.artifact, **GAN, lambda_e=2), SESSION)
    student = jobs.distill(
        DistillSettings(teacher=made.artifact, samples=(str(samples.artifact),), **STUDENT, optimiser="sgd"), SESSION
    )
    measured = jobs.evaluate(EvaluateSettings(model=student.artifact, dataset="digits:0-4"), SESSION)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(line.startswith("degan: warning: ") for line in captured.err.splitlines())

    names = ("digits-0-4-lenet", "digits-0-4-lenet-degan-digits-8", "lenet-half-digits-0-4-lenet-degan-digits-8")
    for result, name, kind in zip(
        (made, samples, student), names, ("classifier", "generator", "classifier"), strict=True
    ):
        assert (result.artifact, result.kind) == (Path(f"{name}.safetensors"), kind)
        assert result.sha256 == sha256(result.artifact)
        assert result.metrics == read_header(result.artifact).metrics
        assert result.seconds > 0
        assert (result.reused, result.plan) == (False, None)
        assert result.next_command.startswith("degan ")
    roles = [parent["sha256"] for parent in read_header(student.artifact).parents]
    assert roles == [made.sha256, samples.sha256]
    assert read_header(student.artifact).run["weight_decay"] == 2e-4  # the recipe of sgd is filled in here too
    assert (measured.kind, measured.sha256) == ("classifier", student.sha256)
    assert measured.metrics["accuracy"] == measured.values["accuracy"]

    before = artifacts()
    (here / "by-command").mkdir()
    lines = [
        "teacher --dataset digits:0-4 --arch lenet --epochs 1",
        f"enrich --classifier {names[0]}.safetensors --proxy digits:8 --steps 3 --batch-size 8 --width 2 --latent 4 "
        "--lambda-e 2",
        f"distill --teacher {names[0]}.safetensors --samples {names[1]}.safetensors --student lenet-half --epochs 1 "
        "--steps-per-epoch 2 --batch-size 8 --held-out 16 --optimiser sgd",
    ]
    with contextlib.chdir("by-command"):
        for line in lines:
            assert run(["--no-plugins", *line.split(), "-q"]) == 0
    assert artifacts("by-command") == {name: digest for name, digest in before.items() if name != "t.safetensors"}


def test_condense_sample_and_incremental_in_python(here):
    condensed = jobs.condense(
        CondenseSettings(dataset="digits:0,1", per_class=1, steps=1, output="c.safetensors"), SESSION
    )
    assert len(load_images(condensed.artifact)[0].images) == 2
    generator = enrich(output="g.safetensors")
    drawn = jobs.sample(SampleSettings(generator=generator.artifact, number=5, output="s.safetensors"), SESSION)
    assert (drawn.kind, drawn.metrics["images"]) == ("samples", 5)
    folder = jobs.sample(SampleSettings(generator=generator.artifact, number=5, output="pictures"), SESSION)
    assert (folder.kind, len(list(Path("pictures").rglob("*.png")))) == ("images", 5)
    extended = jobs.incremental(
        IncrementalSettings(
            classifier="t.safetensors", new_data="digits:5,6", samples="s.safetensors", epochs=1, output="e.safetensors"
        ),
        SESSION,
    )
    assert load_classifier(extended.artifact, SESSION.plugins).model.class_names == tuple("0123456")
    looked = jobs.evaluate(EvaluateSettings(model=generator.artifact, number=20, classifier="t.safetensors"), SESSION)
    assert (looked.kind, looked.values["images"]) == ("generator", 20)


def test_a_dry_run_gives_a_plan_and_no_file(here):
    planned = enrich(output="g.safetensors", dry_run=True)
    assert planned.plan["run"]["steps"] == 3
    assert planned.plan["origins"]["steps"] == "given"
    assert planned.plan["origins"]["gan"] == "the method degan"
    assert planned.plan["artifact"] == "g.safetensors"
    assert planned.sha256 == ""
    assert list(artifacts()) == ["t.safetensors"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: enrich(method="zskd"), UsageError, "--proxy has no use with --method zskd"),
        (lambda: enrich(method="degann"), UnknownName, 'did you mean "degan"'),
        (lambda: enrich(gan="dcgn"), UnknownName, 'did you mean "dcgan"'),
        (lambda: enrich(classifier="gone.safetensors"), BadFile, "gone.safetensors: no such file"),
        (lambda: enrich(proxy="gone.safetensors"), BadFile, "gone.safetensors: no such file"),
        (lambda: enrich(proxy=None), UsageError, "name them with --proxy"),
        (lambda: enrich(lr=1e30, steps=30), Diverged, "--lr"),
        (lambda: enrich(max_minutes=0), Stopped, "--max-minutes is over"),
        (lambda: enrich(device="cuda:9"), UsageError, "--device cuda:9"),
        (lambda: enrich(output="t.safetensors"), UsageError, "would be written over what --classifier t.safetensors"),
        (
            lambda: jobs.distill(DistillSettings(teacher="t.safetensors", student="lenet-half"), SESSION),
            UsageError,
            "nothing to learn from",
        ),
        (
            lambda: jobs.teacher(TeacherSettings(dataset="digits", architecture="lennet"), SESSION),
            UnknownName,
            'did you mean "lenet"',
        ),
        (
            lambda: jobs.incremental(IncrementalSettings(classifier="t.safetensors", new_data="digits:5"), SESSION),
            UsageError,
            'strategy "abd" needs samples',
        ),
        (
            lambda: jobs.incremental(
                IncrementalSettings(classifier="t.safetensors", new_data="digits:0", strategy="finetune"), SESSION
            ),
            BadFile,
            "t.safetensors knows 0 already",
        ),
        (lambda: jobs.evaluate(EvaluateSettings(model="t.safetensors"), SESSION), UsageError, "is a classifier: name"),
        (lambda: jobs.sample(SampleSettings(generator="t.safetensors"), SESSION), BadFile, "holds a classifier"),
        (lambda: jobs.reproduce(ReproduceSettings(table="table2", only=("x",)), SESSION), UnknownName, "--only x: no"),
        (
            lambda: jobs.condense(CondenseSettings(dataset="digits", outer=2), SESSION),
            UsageError,
            "--outer has no use with --matching distribution",
        ),
    ],
)
def test_mistakes_are_errors_of_one_family(here, capsys, make, error, message):
    with pytest.raises(error, match=message.replace("(", r"\(")) as caught:
        make()
    assert isinstance(caught.value, DeganError)
    assert capsys.readouterr().out == ""
    assert list(artifacts()) in (["t.safetensors"], ["t-degan-digits-8.run/checkpoint.safetensors", "t.safetensors"])


def test_a_stopped_job_goes_on_with_resume_and_a_finished_one_is_given_back(here):
    whole = enrich(output="whole.safetensors")
    with pytest.raises(Stopped) as caught:
        enrich(output="parts.safetensors", max_minutes=0)
    assert caught.value.exit_code == 75
    with pytest.raises(UsageError, match=r"parts\.run holds a stopped run"):
        enrich(output="parts.safetensors")
    resumed = enrich(output="parts.safetensors", resume=True)
    assert resumed.sha256 == whole.sha256
    again = enrich(output="parts.safetensors", resume=True)
    assert again.reused
    assert (again.sha256, again.metrics) == (whole.sha256, whole.metrics)


def test_a_failed_job_leaves_its_folder_to_the_next_one(here):
    with pytest.raises(Diverged):
        enrich(lr=1e30, steps=30, output="g.safetensors")
    assert enrich(output="g.safetensors", force=True).metrics["updates"] == 3


def test_settings_are_used_for_many_jobs_and_stay_as_they_are(here):
    settings = EnrichSettings(classifier="t.safetensors", **GAN, output="g.safetensors")
    first = jobs.enrich(settings, SESSION)
    assert settings == EnrichSettings(classifier="t.safetensors", **GAN, output="g.safetensors")
    assert jobs.enrich(settings.replaced(output="h.safetensors"), SESSION).sha256 == first.sha256


def test_jobs_run_in_a_thread_beside_the_main_one(here):
    made = []
    thread = threading.Thread(target=lambda: made.append(enrich(output="g.safetensors")))
    thread.start()
    thread.join()
    assert made[0].sha256 == enrich(output="h.safetensors").sha256


# A run inside a run.

NEW = {"classifier": "t.safetensors", "new_data": "digits:5,6", "epochs": 1}
NESTED = {"steps": 3, "batch_size": 8, "width": 2, "latent": 4}


def test_an_increment_leaves_its_generator_where_the_command_does(here):
    settings = IncrementalSettings(**NEW, impressions=0, enrich=NESTED, output="e.safetensors")
    made = jobs.incremental(settings, SESSION)
    assert set(artifacts()) == {"e.run/generator.safetensors", "e.safetensors", "t.safetensors"}
    assert (here / "e.run" / "generator.run" / "samples.png").is_file()
    assert read_header("e.run/generator.safetensors").run["steps"] == 3
    samples = read_header(made.artifact).parents[2]
    assert samples == {"role": "samples", "sha256": sha256("e.run/generator.safetensors")}

    python = artifacts()
    options = [f"--set=enrich.{name}={value}" for name, value in NESTED.items()]
    line = (
        "incremental --classifier t.safetensors --new-data digits:5,6 --epochs 1 --enrich --impressions 0 --force -q "
        "-o e.safetensors"
    )
    assert run(["--no-plugins", *line.split(), *options]) == 0
    assert artifacts() == python


def test_own_settings_of_the_generators_method_are_given_beside_or_in_a_table(here):
    own = {"one_hot_weight": 0.5, "information_weight": 2}
    for name, given in (("a", own), ("b", {"settings": own})):
        nested = NESTED | {"method": "dafl", "proxy": None} | given
        jobs.incremental(
            IncrementalSettings(**NEW, impressions=0, enrich=nested, output=f"{name}.safetensors"), SESSION
        )
    assert sha256("a.run/generator.safetensors") == sha256("b.run/generator.safetensors")
    stored = read_header("a.run/generator.safetensors").run
    assert stored["settings"] == {"one_hot_weight": 0.5, "information_weight": 2.0, "activation_weight": 0.1}
    assert (stored["method"], stored["proxy"]) == ("dafl", None)


def test_an_increment_that_stops_in_its_generator_goes_on_there(here):
    settings = IncrementalSettings(**NEW, impressions=0, enrich=NESTED, output="e.safetensors")
    with pytest.raises(Stopped):
        jobs.incremental(settings.replaced(max_minutes=0), SESSION)
    assert list(artifacts()) == ["e.run/generator.run/checkpoint.safetensors", "t.safetensors"]
    resumed = jobs.incremental(settings.replaced(resume=True), SESSION)
    whole = jobs.incremental(settings.replaced(output="whole.safetensors"), SESSION)
    assert resumed.metrics == whole.metrics
    assert sha256("e.run/generator.safetensors") == sha256("whole.run/generator.safetensors")


def test_mistakes_in_the_generators_settings_are_told_before_anything_is_made(here):
    for nested, message in (
        ({"method": "degann"}, 'did you mean "degan"'),
        ({"steps": 0}, "steps 0 is not at least 1"),
        ({"stepz": 3}, 'has no setting "stepz"'),
        ({"method": "dcgan", "lambda_e": 3}, "--lambda-e has no use with --method dcgan"),
    ):
        with pytest.raises(UsageError, match=message):
            jobs.incremental(IncrementalSettings(**NEW, impressions=0, enrich=nested, output="e.safetensors"), SESSION)
    assert list(artifacts()) == ["t.safetensors"]


@pytest.fixture
def two_weights(monkeypatch):
    monkeypatch.setattr(tune, "LAMBDA_E", (0.0, 2.0))
    monkeypatch.setattr(tune, "LAMBDA_D", (1.0,))
    monkeypatch.setattr(tuning, "LEAST_TUNE_STEPS", 2)


def test_tuning_leaves_its_short_runs_where_the_command_does(here, two_weights):
    made = enrich(tune=True, output="g.safetensors")
    short = {"g.run/tune/0-1.safetensors", "g.run/tune/2-1.safetensors"}
    assert set(artifacts()) == {"g.safetensors", "t.safetensors"} | short
    assert {read_header(path).run["steps"] for path in short} == {2}
    assert [row["lambda_e"] for row in made.metrics["tried_weights"]] == [0.0, 2.0]

    python = artifacts()
    line = "enrich --classifier t.safetensors --proxy digits:8 --steps 3 --batch-size 8 --width 2 --latent 4 --tune"
    assert run(["--no-plugins", *line.split(), "--force", "-q", "-o", "g.safetensors"]) == 0
    assert artifacts() == python
    chosen = read_header(made.artifact).run["settings"]
    given = enrich(lambda_e=chosen["lambda_e"], lambda_d=chosen["lambda_d"], output="h.safetensors")
    assert (read_header(given.artifact).run, given.metrics) == (
        read_header(made.artifact).run,
        {name: value for name, value in made.metrics.items() if name != "tried_weights"},
    )


def test_a_tuned_generator_inside_an_increment(here, two_weights):
    settings = IncrementalSettings(**NEW, impressions=0, enrich=NESTED | {"tune": True}, output="e.safetensors")
    jobs.incremental(settings, SESSION)
    short = {f"e.run/generator.run/tune/{name}-1.safetensors" for name in (0, 2)}
    assert set(artifacts()) == {"e.safetensors", "e.run/generator.safetensors", "t.safetensors"} | short


def test_runs_inside_a_run_show_commands_that_make_the_same_files(here, two_weights, capsys):
    loud = replace(SESSION, quiet=False)
    settings = IncrementalSettings(
        **NEW,
        enrich=NESTED | {"tune": True, "bn_weight": 0},
        impressions=8,
        seed=3,
        precision="fp32",
        output="e.safetensors",
    )
    jobs.incremental(settings, loud)
    made = artifacts()
    shown = [line for line in capsys.readouterr().err.splitlines() if line.startswith("$ degan ")]
    commands = [shlex.split(line)[2:] for line in shown]
    assert [command[0] for command in commands] == ["enrich"] * 4
    for command in commands:
        place = Path(command[command.index("--output") + 1])
        assert run([*command, "-q", "--force"]) == 0
        assert sha256(place) == made[str(place)], command


# Plugins.


def with_method(name):
    """The built-in parts and one method more, which nothing but this session knows."""
    plugins = load_plugins(enabled=False)
    plugins.methods.add(replace(plugins.methods.get("degan"), name=name), "mine 1.0", "mine")
    return Session(plugins=plugins, quiet=True)


def test_the_plugins_of_a_session_reach_a_run_inside_a_run(here, two_weights):
    session = with_method("mine")
    settings = IncrementalSettings(
        **NEW, impressions=0, enrich=NESTED | {"method": "mine", "tune": True}, output="e.safetensors"
    )
    jobs.incremental(settings, session)
    made = [path for path in artifacts() if "generator" in path]
    assert len(made) == 3
    assert {read_header(path).run["method"] for path in made} == {"mine"}
    with pytest.raises(UnknownName, match='unknown method "mine"'):
        jobs.incremental(settings.replaced(output="f.safetensors"), SESSION)


class Convolved(nn.Module):
    """Its classes are no outputs of a linear layer."""

    def __init__(self, classes):
        super().__init__()
        self.last = nn.Conv2d(1, classes, 32)

    def forward(self, images):
        return self.last(images).flatten(1)


def test_a_network_that_a_strategy_cannot_teach_is_refused_before_samples_are_made(here):
    plugins = load_plugins(enabled=False)
    spec = ArchitectureSpec(name="convolved", build=lambda classes, input: Convolved(classes), min_size=32)
    plugins.architectures.add(spec, "mine 1.0", "mine")
    session = Session(plugins=plugins, quiet=True)
    jobs.teacher(
        TeacherSettings(dataset="digits:0-4", architecture="convolved", epochs=1, output="c.safetensors"), session
    )
    settings = IncrementalSettings(**NEW | {"classifier": "c.safetensors"}, enrich=NESTED, output="e.safetensors")
    with pytest.raises(UsageError, match='"convolved" has them in last; take --strategy replay'):
        jobs.incremental(settings, session)
    assert list(artifacts()) == ["c.safetensors", "t.safetensors"]
    jobs.incremental(settings.replaced(strategy="replay"), session)
    assert read_header("e.safetensors").run["samples"] == ["e.run/generator.safetensors"]  # and no impressions


def test_a_data_set_of_a_session_is_found_everywhere(here):
    plugins = load_plugins(enabled=False)
    spec = replace(plugins.datasets.get("digits"), name="numbers")
    plugins.datasets.add(spec, "mine 1.0", "mine")
    session = Session(plugins=plugins, quiet=True)
    settings = IncrementalSettings(**NEW | {"new_data": "numbers:5,6"}, enrich=NESTED, output="e.safetensors")
    assert jobs.incremental(settings, session).metrics["test_images_new"] > 0
    accuracy = jobs.evaluate(EvaluateSettings(model="e.safetensors", dataset="numbers:0-6"), session).metrics[
        "accuracy"
    ]
    assert 0 <= accuracy <= 1


class Child:
    """A command that ends at once."""

    commands: list[list[str]]

    def __init__(self, command, stdout, stderr, env):
        self.commands.append(command)
        self.returncode = 9

    def poll(self):
        return self.returncode


@pytest.fixture
def children(monkeypatch):
    """What ``reproduce`` starts."""
    monkeypatch.setattr(Child, "commands", [], raising=False)
    monkeypatch.setattr(local, "Popen", Child)
    monkeypatch.setattr(parts, "POLL_SECONDS", 0)
    return Child.commands


TABLE = {"table": "table3", "only": ("digits-5+5/old",), "scale": "tiny", "output": "r"}


@pytest.mark.parametrize("enabled", [True, False])
def test_commands_of_a_table_load_the_plugins_of_the_session(here, children, enabled):
    session = Session(plugins=load_plugins(enabled=enabled), quiet=True)
    if enabled and len(session.plugins.found) == len(SESSION.plugins.found):
        pytest.skip("no plugin is installed")
    table = jobs.reproduce(ReproduceSettings(**TABLE), session)
    assert table.to_text() == "no cell is measured yet"
    (failure,) = table.outcome.failed
    assert table.to_json()["missing"] == [failure.part]
    assert table.outcome.error.exit_code == failure.exit_code == 9
    (command,) = children
    before = command[: command.index("teacher")]
    assert before[1:3] == ["-m", "degan_cli"]
    assert before[3:] == ([] if enabled else ["--no-plugins"])


@pytest.mark.parametrize("before", [[], ["--no-plugins"]])
def test_no_plugins_stands_before_every_command_of_a_table(here, children, capsys, before):
    line = ["reproduce", "table3", "--only", "digits-5+5/old", "--scale", "tiny", "-o", "r"]
    assert run([*before, *line, "-q"]) == 9
    (command,) = children
    assert command[3 : 4 + len(before)] == [*before, "teacher"]
    capsys.readouterr()
    assert run([*before, *line, "--dry-run"]) == 0
    printed = [shlex.split(text) for text in capsys.readouterr().out.splitlines()]
    assert [text[: 2 + len(before)] for text in printed] == [["degan", *before, name] for name in ("teacher", "eval")]


def test_a_table_in_python(here, children, capsys):
    planned = jobs.reproduce(ReproduceSettings(**TABLE, dry_run=True, seeds=(0, 1)), Session(quiet=True))
    assert planned.path == Path("r/table3-tiny.json")
    names = [shlex.split(command) for command in planned.commands]
    assert [[word for word in command if word in ("teacher", "eval")] for command in names] == [
        ["teacher"],
        ["teacher"],
        ["eval"],
        ["eval"],
    ]
    assert planned.to_text().splitlines() == list(planned.commands)
    assert json.loads(json.dumps(planned.to_json())) == {
        "artifact": "r/table3-tiny.json",
        "kind": "table",
        "results": [],
        "failed": [],
        "missing": [],
    }
    assert children == []
    assert capsys.readouterr() == ("", "")
    assert not Path("r").exists()


def test_a_proxy_of_another_size_and_kind_is_taken(here):
    save_samples("p.safetensors", torch.zeros(40, 3, 16, 24, dtype=torch.uint8), None, None, ())
    assert enrich(proxy="p.safetensors", output="g.safetensors").metrics["updates"] == 3
