"""Settings as a TOML file and back, and the file of ``--write-config`` as the command reads it."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from resolving import REQUIRED, resolve

from degan_cli.app import run
from degan_cli.artifact import read_header
from degan_cli.config import (
    CondenseSettings,
    DemoSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    IncrementalSettings,
    ReproduceSettings,
    SampleSettings,
    TeacherSettings,
)
from degan_cli.config.toml import read_config, to_toml
from degan_cli.errors import BadFile, UsageError

RESOLVED = [
    (TeacherSettings, {"output": 'a b/"quoted" \\ ü.safetensors', "max_minutes": 1.5, "lr": 1 / 3}),
    (TeacherSettings, {"optimiser": "sgd", "milestones": (1, 2), "weight_decay": 1e-12, "compiled": True}),
    (TeacherSettings, {"optimiser": "sgd", "milestones": ()}),
    (CondenseSettings, {}),
    (CondenseSettings, {"augment": False, "flip": False}),
    (CondenseSettings, {"matching": "gradient", "flip": True, "image_size": 16}),
    (EnrichSettings, {"proxy": "digits:2,3,8"}),
    (EnrichSettings, {"proxy": "digits", "epochs": 3, "lambda_e": 0.5, "graphs": True, "batch_size": 9}),
    (EnrichSettings, {"proxy": "digits", "tune": True}),
    (EnrichSettings, {"proxy": "digits", "method": "dcgan"}),
    (EnrichSettings, {"method": "dafl", "settings": {"one_hot_weight": 0.05}}),
    (EnrichSettings, {"method": "zskd", "number": 7}),
    (DistillSettings, {"samples": ("g.safetensors@0.8", "digits@0.2"), "loss": "l1"}),
    (DistillSettings, {"samples": ("digits",), "optimiser": "sgd", "augment": "heavy"}),
    (DistillSettings, {"method": "degan", "proxy": "digits"}),
    (DistillSettings, {"method": "pre-dfkd"}),
    (DistillSettings, {"method": "adi", "update_steps": 3}),
    (DistillSettings, {"method": "cde", "condensed": "c", "settings": {"flip": "yes"}}),
    (IncrementalSettings, {}),
    (IncrementalSettings, {"strategy": "lwf", "optimiser": "sgd", "settings": {"lambda_kd": "2"}}),
    (IncrementalSettings, {"strategy": "replay", "samples": ("digits",)}),
    (IncrementalSettings, {"strategy": "replay", "enrich": {}}),
    (
        IncrementalSettings,
        {"strategy": "replay", "enrich": {"steps": 3}, "settings": {"enrich.bn_weight": "1", "enrich.ema": "0.5"}},
    ),
    (
        IncrementalSettings,
        {"strategy": "replay", "enrich": {"steps": 3, "settings": {"bn_weight": 1}}},
    ),
]


@pytest.mark.parametrize(("kind", "own"), RESOLVED)
def test_what_is_written_gives_equal_settings(tmp_path, kind, own):
    settings = resolve(kind(**REQUIRED[kind] | own))
    text = to_toml(settings)
    (tmp_path / "c.toml").write_text(text)
    again = resolve(kind.read(read_config(tmp_path / "c.toml", kind)))
    assert in_use(again) == in_use(settings)
    assert to_toml(again) == text


def in_use(settings):
    """All that plays a part in a run; what files may not hold are copies of what they do hold."""
    return {name: getattr(settings, name) for name in settings.declared() if settings.has_use(name)}


@pytest.mark.parametrize(
    "settings",
    [
        SampleSettings(generator="g.safetensors", number=3, balanced=True, classes="a,b"),
        EvaluateSettings(model="-", dataset="digits", split="train"),
        ReproduceSettings(table="table2", only=("svhn/degan", "*/proxy, strong"), seeds=(0, 3), scale="tiny"),
        DemoSettings(quick=True, output="somewhere else"),
    ],
    ids=lambda settings: type(settings).__name__,
)
def test_so_do_those_without_a_method(tmp_path, settings):
    (tmp_path / "c.toml").write_text(to_toml(settings))
    assert type(settings).read(read_config(tmp_path / "c.toml", type(settings))) == settings


def test_the_file_is_short_and_names_what_has_a_use():
    written = tomllib.loads(to_toml(resolve(EnrichSettings(classifier="t", proxy="digits", lambda_e=2.0))))
    assert written["settings"] == {"lambda_e": 2.0, "lambda_d": 5.0, "bn_weight": 0.0}
    assert (written["proxy"], written["steps"], written["gan"]) == ("digits", 5000, "dcgan")
    left_out = {"number", "lambda_e", "lambda_d", "batch_size", "epochs", "output", "force", "resume", "dry_run"}
    assert not left_out & written.keys()
    written = tomllib.loads(to_toml(resolve(EnrichSettings(classifier="t", method="zskd"))))
    assert not {"gan", "latent", "width", "ema", "proxy", "graphs"} & written.keys()
    assert (written["number"], written["settings"]) == (40_000, {"temperature": 20.0})


def test_names_may_have_hyphens_or_underscores(tmp_path):
    (tmp_path / "a.toml").write_text('batch-size = 8\ndata_dir = "d"\nheld-out = 0.5\n')
    values = read_config(tmp_path / "a.toml", TeacherSettings).values
    assert values == {"batch_size": 8, "data_dir": Path("d"), "held_out": 0.5}


def test_names_in_the_table_of_enrich_too(tmp_path):
    text = 'new-data = "digits"\nclassifier = "t"\nstrategy = "replay"\n[enrich]\nbatch-size = 16\n'
    (tmp_path / "a.toml").write_text(text)
    settings = resolve(IncrementalSettings.read(read_config(tmp_path / "a.toml", IncrementalSettings)))
    assert settings.for_generator(Path("g.safetensors")).batch_size == 16


@pytest.mark.parametrize(
    ("text", "wanted"), [("enrich = true", {}), ("enrich = false", None), ("[enrich]\nsteps = 3", {"steps": 3})]
)
def test_enrich_is_a_table_or_a_switch(tmp_path, text, wanted):
    (tmp_path / "c.toml").write_text(text)
    assert read_config(tmp_path / "c.toml", IncrementalSettings).values == {"enrich": wanted}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "c.toml: epoch is no setting of this command that a file may hold"),
        ("force = true", "c.toml: force is no setting of this command that a file may hold"),
        ("resume = true", "resume is no setting of this command"),
        ("dry_run = true", "dry_run is no setting of this command"),
        ("json = true", "json is no setting of this command"),
        ('epochs = "3"', "c.toml: epochs: '3' is not a whole number"),
        ("epochs = 3.0", "c.toml: epochs: 3.0 is not a whole number"),
        ("epochs = true", "c.toml: epochs: True is not a whole number"),
        ("epochs = 0", "c.toml: epochs 0 is not at least 1"),
        ("lr = nan", "c.toml: lr nan is not a finite number"),
        ("lr = -0.1", "c.toml: lr -0.1 is not at least 0"),
        ("held_out = 0.95", "c.toml: held_out 0.95 is not between 0 and 0.9"),
        ('optimiser = "lion"', "c.toml: optimiser 'lion' is none of: adam, sgd"),
        ("dataset = 5", "c.toml: dataset: 5 is not text"),
        ("milestones = [1, 2.5]", "c.toml: milestones: 2.5 is not a whole number"),
        ("compiled = 1", "c.toml: compiled: 1 is not true or false"),
        ("data_dir = 1", "c.toml: data_dir: 1 is not a path"),
    ],
)
def test_mistakes_name_the_file_and_the_setting(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(text + "\n")
    with pytest.raises(UsageError) as caught:
        read_config(tmp_path / "c.toml", TeacherSettings)
    assert message in str(caught.value)
    assert str(caught.value).startswith("--config ")


def test_a_file_that_is_none_is_a_bad_file(tmp_path):
    with pytest.raises(BadFile, match=r"--config .*gone\.toml: cannot be read \(FileNotFoundError\); name a TOML file"):
        read_config(tmp_path / "gone.toml", TeacherSettings)
    with pytest.raises(BadFile, match=r"cannot be read \(IsADirectoryError\)"):
        read_config(tmp_path, TeacherSettings)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadFile, match=r"bytes\.toml: cannot be read \(UnicodeDecodeError\)"):
        read_config(tmp_path / "bytes.toml", TeacherSettings)
    (tmp_path / "broken.toml").write_text("epochs = \n")
    with pytest.raises(BadFile, match=r"broken\.toml: .*line 1.*; see --write-config for what such a file holds"):
        read_config(tmp_path / "broken.toml", TeacherSettings)


# The file of --write-config, read by the command.


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "t.safetensors"
    teacher = "teacher --dataset digits:0-4 --arch lenet --epochs 1 --optimiser sgd --held-out 0 -q -o"
    assert run([*teacher.split(), str(path)]) == 0
    return path


@pytest.fixture
def here(classifier, tmp_path, monkeypatch, capsys):
    shutil.copy(classifier, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEGAN_DATA_DIR", raising=False)
    capsys.readouterr()
    return tmp_path


SMALL = "--batch-size 8 --width 2 --latent 4"
TINY = f"--steps 3 {SMALL}"
STUDENT = "--student lenet-half --epochs 1 --steps-per-epoch 2 --batch-size 8 --held-out 16"
COMMANDS = [
    "teacher --dataset digits:0,1 --arch lenet --epochs 1 --batch-size 32 --lr 0.01",
    "teacher --dataset digits:0,1 --arch lenet --epochs 2 --optimiser sgd --held-out 0",
    "condense --dataset digits:0,1 --per-class 1 --steps 2",
    f"enrich --classifier t.safetensors --proxy digits:2,3,8 --lambda-e 2 --set bn_weight=0 {TINY}",
    f"enrich --classifier t.safetensors --proxy digits:0 --epochs 2 {SMALL}",
    f"enrich --classifier t.safetensors --method dafl {TINY} --set one_hot_weight=0.5",
    "enrich --classifier t.safetensors --method zskd -n 5 --steps 1 --batch-size 4",
    f"distill --teacher t.safetensors --samples digits:1@0.5 --samples digits:0@0.5 --augment heavy {STUDENT}",
    f"distill --teacher t.safetensors --samples digits:0 --recipe fast --mix both {STUDENT}",
    f"distill --teacher t.safetensors --method dafl --width 2 --latent 4 --update-batch 8 {STUDENT}",
    f"distill --teacher t.safetensors --method zskd --update-steps 1 --update-batch 8 {STUDENT}",
    "incremental --classifier t.safetensors --new-data digits:5,6 --strategy lwf --set lambda_kd=2 --epochs 1",
    "incremental --classifier t.safetensors --new-data digits:5,6 --epochs 1 --enrich --set strong=0.25 "
    "--impressions 8 --set enrich.steps=3 --set enrich.width=2 --set enrich.latent=4 --set enrich.batch_size=8",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_options_and_the_file_that_they_write_make_the_same_bytes(here, capsys, command):
    name, *options = command.split()
    assert run([name, *options, "--write-config"]) == 0
    written = capsys.readouterr()
    assert sorted(path.name for path in here.iterdir()) == ["t.safetensors"]
    (here / "run.toml").write_text(written.out)
    place = ["-q", "--force", "-o", "out.safetensors"]

    made = {}
    for way, arguments in (("options", options), ("file", ["--config", "run.toml"])):
        assert run([name, *arguments, *place]) == 0, capsys.readouterr().err
        made[way] = (here / "out.safetensors").read_bytes()
        capsys.readouterr()
    assert made["options"] == made["file"]
    assert run([name, "--config", "run.toml", "--write-config"]) == 0
    assert capsys.readouterr().out == written.out


def test_a_written_file_takes_options_on_top(here, capsys):
    assert run([*COMMANDS[0].split(), "--write-config"]) == 0
    (here / "run.toml").write_text(capsys.readouterr().out)
    more = ["--config", "run.toml", "--seed", "5", "--dataset", "digits:3,4", "-q", "-o", "out.safetensors"]
    assert run(["teacher", *more]) == 0
    header = read_header("out.safetensors")
    assert (header.run["seed"], header.run["dataset"], header.run["lr"]) == (5, "digits:3,4", 0.01)


def test_a_file_alone_can_name_what_is_required(here, capsys):
    (here / "run.toml").write_text('proxy = "digits"\n')
    assert run(["enrich", "--config", "run.toml"]) == 2
    assert "Missing option '--classifier'; see degan enrich --help" in capsys.readouterr().err
    (here / "run.toml").write_text('proxy = "digits"\nclassifier = "t.safetensors"\nsteps = 7\n')
    assert run(["enrich", "--config", "run.toml", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["steps"] == 7
    (here / "eval.toml").write_text('model = "t.safetensors"\ndataset = "digits:0-4"\n')
    assert run(["eval", "--config", "eval.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["artifact"] == "t.safetensors"


def test_an_option_beside_the_table_of_enrich_keeps_the_table(here, capsys):
    (here / "run.toml").write_text("[enrich]\nsteps = 7\n")
    command = ["incremental", "--classifier", "t.safetensors", "--new-data", "digits:5,6", "--config", "run.toml"]
    for more in ([], ["--enrich"], ["--set", "enrich.width=8"]):
        assert run([*command, *more, "--write-config"]) == 0
        assert tomllib.loads(capsys.readouterr().out)["enrich"]["steps"] == 7, more


@pytest.mark.parametrize("bad", ["c.toml", "gone.toml"])
def test_a_bad_file_ends_with_its_exit_code(here, capsys, bad):
    (here / "c.toml").write_text("speed = 1\n")
    assert run(["teacher", "--dataset", "digits", "--arch", "lenet", "--config", bad]) == (2 if bad == "c.toml" else 3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"degan: error: --config {bad}: ")
    assert captured.err.count("\n") == 1


def test_a_mistake_is_told_instead_of_being_written(here, capsys):
    assert run(["enrich", "--classifier", "t.safetensors", "--method", "zskd", "--latent", "5", "--write-config"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--latent has no use with --method zskd" in captured.err


def test_only_the_first_process_writes(here, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert run([*COMMANDS[0].split(), "--write-config"]) == 0
    assert capsys.readouterr().out == ""
