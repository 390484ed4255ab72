"""Settings as arguments of the command line: the command reads the same settings out of them again."""

from __future__ import annotations

from pathlib import Path

import pytest
from resolving import PLUGINS, REQUIRED, resolve

from degan_cli import app
from degan_cli.commands.declare import command
from degan_cli.config import (
    CondenseSettings,
    DemoSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    IncrementalSettings,
    ReportSettings,
    ReproduceSettings,
    SampleSettings,
    TeacherSettings,
)
from degan_cli.config.arguments import arguments


@pytest.fixture
def parse(monkeypatch, capsys):
    """The settings that a command line gives, without a run."""
    monkeypatch.delenv("DEGAN_DATA_DIR", raising=False)

    def go(kind, argv):
        seen = []
        reading = command(kind, lambda settings, session, as_json: seen.append(settings), "help")
        monkeypatch.setattr(app, "COMMANDS", {"read": reading, "other": reading})
        assert app.run(["--no-plugins", "read", *argv]) == 0, capsys.readouterr().err
        (settings,) = seen
        return settings

    return go


CASES = [
    TeacherSettings(dataset="digits:0-3", architecture="lenet"),
    TeacherSettings(
        dataset="a folder/with spaces",
        architecture="lenet",
        optimiser="sgd",
        lr=1 / 3,
        weight_decay=2e-4,
        milestones=(5, 10),
        held_out=0.0,
        output="o.safetensors",
        max_minutes=1.5,
        resume=True,
        compiled=True,
        download=True,
        data_dir="here",
        image_size=32,
    ),
    TeacherSettings(dataset="d", architecture="a", optimiser="sgd", milestones=(), log="csv"),
    TeacherSettings(dataset="d", architecture="a", resume=False, force=False, download=False),
    CondenseSettings(dataset="d", augment=False, init="noise"),
    CondenseSettings(dataset="d", augment=True, flip=False),
    CondenseSettings(dataset="d", flip=True, seed=2**40),
    EnrichSettings(classifier="t", proxy="digits", lambda_e=0.5, epochs=3, ema=0.999, graphs=True, tune=False),
    EnrichSettings(classifier="t", method="zskd", number=5, lr=1e-12, settings={"temperature": 2.5}),
    EnrichSettings(classifier="t", settings={"a": 1, "b": "x y=z", "c": True, "d": 0.1 + 0.2}),
    DistillSettings(teacher="t", student="s", samples=("g.safetensors@0.8", "digits@0.2"), beta1=0.9, augment="heavy"),
    DistillSettings(teacher="t", student="s", method="dafl", milestones=(3,), update_every=2, replay="bank"),
    IncrementalSettings(classifier="t", new_data="n", enrich={}, strategy="replay"),
    IncrementalSettings(
        classifier="t",
        new_data="n",
        enrich={"steps": 3, "lambda_e": 0.5, "method": "degan", "tune": True},
        settings={"scaling": "none"},
    ),
    IncrementalSettings(classifier="t", new_data="n", enrich=None, arch="lenet", num_classes=3),
    SampleSettings(generator="g.safetensors", number=3, balanced=True, classes="a,b", output="-"),
    EvaluateSettings(model="-", dataset="digits", split="train", classifier="t"),
    EvaluateSettings(model="m", dataset="digits", predictions="p.csv", probabilities=True, force=True),
    ReportSettings(runs=("a.run", "b.safetensors"), proxy="digits", number=9, plots="curves"),
    ReproduceSettings(table="table2", only=("svhn/degan", "*/proxy, strong"), seeds=(0, 3), jobs=2, scale="tiny"),
    DemoSettings(quick=True, output="somewhere else"),
]


@pytest.mark.parametrize("settings", CASES, ids=lambda settings: type(settings).__name__)
def test_what_was_given_is_read_again(parse, settings):
    again = parse(type(settings), arguments(settings))
    assert as_texts(again) == as_texts(settings)


def as_texts(settings):
    """All values; those inside tables as the texts that a command line has, for their types are not known there."""
    values = {name: getattr(settings, name) for name in settings.declared()}
    nested = {f"enrich.{name}": value for name, value in (values.pop("enrich", None) or {}).items()}
    own = {**values.pop("settings", {}), **nested}
    return values | {"settings": {name: str(value) for name, value in own.items()}}


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (EnrichSettings, {"proxy": "d", "settings": {"bn_weight": 0.25}, "lambda_d": 2.0}),
        (EnrichSettings, {"method": "zskd", "settings": {"temperature": 2}}),
        (DistillSettings, {"method": "cde", "condensed": "c", "settings": {"flip": True, "judge_steps": 3}}),
        (DistillSettings, {"samples": "digits", "augment": "heavy"}),
        (
            IncrementalSettings,
            {
                "strategy": "replay",
                "settings": {"scaling": "none", "lambda_s": 0.5},
                "enrich": {"steps": 3, "lambda_e": 0.5, "bn_weight": 1, "ema": 0.9, "proxy": "digits"},
            },
        ),
    ],
)
def test_resolved_they_are_equal_types_and_all(parse, kind, own):
    settings = kind(**REQUIRED[kind] | own)
    again, settings = resolve(parse(kind, arguments(settings))), resolve(settings)
    if kind is IncrementalSettings:  # whose nested table is typed when the generator's method reads it
        place = Path("g.safetensors")
        assert resolve(again.for_generator(place)) == resolve(settings.for_generator(place))
        again, settings = again.replaced(enrich=None), settings.replaced(enrich=None)
    assert again == settings


def test_a_nested_table_of_own_settings_is_read_again(parse):
    given = IncrementalSettings(classifier="t", new_data="n", enrich={"steps": 3, "settings": {"bn_weight": 1}})
    again = parse(IncrementalSettings, arguments(given))
    place = Path("g.safetensors")
    assert resolve(resolve(again).for_generator(place)) == resolve(resolve(given).for_generator(place))


def test_only_what_was_given_is_written_and_positional_arguments_come_first():
    assert arguments(TeacherSettings(dataset="d", architecture="a")) == ["--arch", "a", "--dataset", "d"]
    assert arguments(SampleSettings(number=3, generator="g")) == ["g", "--number", "3"]
    filled = EnrichSettings(classifier="t", method="zskd").resolved(PLUGINS.methods.get("zskd"))
    assert arguments(filled) == ["--classifier", "t", "--method", "zskd"]


def test_numbers_are_short_where_that_loses_nothing():
    def rate(value):
        return arguments(TeacherSettings(dataset="d", architecture="a", lr=value))[-1]

    assert [rate(value) for value in (1e-3, 0.1, 2.0, 2e-4)] == ["0.001", "0.1", "2", "0.0002"]
    assert float(rate(1 / 3)) == 1 / 3
    assert float(rate(1e-12)) == 1e-12


def test_switches_are_said_as_they_are():
    condense = {"dataset": "d"}
    assert arguments(CondenseSettings(**condense, augment=False, flip=True))[2:] == ["--no-augment", "--flip"]
    assert arguments(CondenseSettings(**condense, flip=False))[2:] == ["--no-flip"]
    assert arguments(CondenseSettings(**condense, force=False)) == ["--dataset", "d"]
