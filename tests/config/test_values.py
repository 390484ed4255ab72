"""One check of a value, wherever it comes from: Python, a file, ``--set``, an option."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from resolving import KINDS, PLUGINS, resolve

from degan_cli.app import run
from degan_cli.config import (
    DistillSettings,
    EnrichSettings,
    IncrementalSettings,
    ReproduceSettings,
    TeacherSettings,
)
from degan_cli.config.fields import PANELS
from degan_cli.config.method_settings import read_settings
from degan_cli.config.toml import read_config
from degan_cli.config.values import NUMBERS, checked, parsed
from degan_cli.errors import UsageError


def teacher(**values):
    return TeacherSettings(**{"dataset": "d", "architecture": "a"} | values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "--epochs 0 is not at least 1"),
        ({"epochs": 2.5}, "--epochs: 2.5 is not a whole number"),
        ({"epochs": "3"}, "--epochs: '3' is not a whole number"),
        ({"epochs": True}, "--epochs: True is not a whole number"),
        ({"epochs": None}, "--epochs: None is not a whole number"),
        ({"batch_size": 1}, "--batch-size 1 is not at least 2"),
        ({"lr": -1}, "--lr -1.0 is not at least 0"),
        ({"lr": float("nan")}, "--lr nan is not a finite number"),
        ({"lr": float("inf")}, "--lr inf is not a finite number"),
        ({"lr": "fast"}, "--lr: 'fast' is not a number"),
        ({"held_out": 1}, "--held-out 1.0 is not between 0 and 0.9"),
        ({"optimiser": "lion"}, "--optimiser 'lion' is none of: adam, sgd"),
        ({"dataset": 3}, "--dataset: 3 is not text"),
        ({"compiled": 1}, "--compile: 1 is not true or false"),
        ({"architecture": None}, "--arch: None is not text"),
        ({"output": 3}, "--output: 3 is not a path"),
        ({"milestones": "1,x"}, "--milestones: '1,x' is not whole numbers, such as 0,1,2"),
        ({"milestones": [1, "2"]}, "--milestones: '2' is not a whole number"),
        ({"milestones": 5}, "--milestones: 5 is not whole numbers, such as 0,1,2"),
        ({"seed": -1}, "--seed -1 is not between 0 and 8796093022207"),
        ({"max_minutes": -1}, "--max-minutes -1.0 is not at least 0"),
    ],
)
def test_python_says_what_is_wrong_as_the_command_line_does(values, message):
    with pytest.raises(UsageError) as caught:
        teacher(**values)
    assert str(caught.value) == message


def test_values_take_their_own_type():
    settings = teacher(lr=1, output="o.safetensors", milestones=[3, 5], dataset=Path("folder"), max_minutes=2)
    assert (settings.lr, settings.output, settings.milestones) == (1.0, Path("o.safetensors"), (3, 5))
    assert isinstance(settings.lr, float)
    assert isinstance(settings.max_minutes, float)
    assert settings.dataset == "folder"
    assert teacher(milestones="3,5").milestones == teacher(milestones=" 3, 5,").milestones == (3, 5)
    assert DistillSettings(teacher="t", student="s", samples="g").samples == ("g",)
    assert DistillSettings(teacher="t", student="s", samples=Path("g")).samples == ("g",)
    assert DistillSettings(teacher="t", student="s", samples=[Path("g"), "h"]).samples == ("g", "h")


def test_a_value_beside_its_range_stands_for_work_it_out():
    assert EnrichSettings(classifier="t").batch_size == EnrichSettings(classifier="t", batch_size=0).batch_size == 0
    for bad in (1, -1):
        with pytest.raises(UsageError, match="is not at least 2"):
            EnrichSettings(classifier="t", batch_size=bad)


def test_the_old_word_of_a_value_is_read_as_the_new_one(tmp_path):
    (tmp_path / "c.toml").write_text('augment = "heavy"\n')
    assert read_config(tmp_path / "c.toml", DistillSettings).values == {"augment": "strong"}
    assert DistillSettings(teacher="t", student="s", augment="heavy").augment == "strong"
    assert DistillSettings(teacher="t", student="s", augment="strong").augment == "strong"
    with pytest.raises(UsageError, match="'heavy' is none of: none, crop, flip, crop-flip"):
        teacher(augment="heavy")  # a teacher never had it


def test_settings_are_frozen_keyword_only_and_know_no_other_names():
    settings = EnrichSettings(classifier="t", settings={"a": 1})
    with pytest.raises(FrozenInstanceError):
        settings.lr = 1.0
    with pytest.raises(TypeError):
        TeacherSettings("d", "a")
    with pytest.raises(TypeError):
        teacher(epoch=3)


def test_a_mapping_that_is_changed_later_changes_no_settings():
    own = {"a": 1}
    settings = EnrichSettings(classifier="t", settings=own)
    own["a"] = 2
    assert settings.settings == {"a": 1}
    EnrichSettings(classifier="t").settings["b"] = 3
    assert EnrichSettings(classifier="t").settings == {}


def test_a_bound_holds_for_options_files_set_and_python_alike(tmp_path, capsys):
    """A generator's steps and an own weight; the words differ only in how the value was named."""
    (tmp_path / "c.toml").write_text("steps = 0\n")
    method = PLUGINS.methods.get("degan")
    base = ["enrich", "--classifier", "t", "--proxy", "digits"]
    increment = IncrementalSettings(classifier="t", new_data="d", enrich={}, settings={"enrich.steps": "0"})
    ways = [
        lambda: EnrichSettings(classifier="t", steps=0),
        lambda: read_config(tmp_path / "c.toml", EnrichSettings),
        lambda: resolve(increment).for_generator(Path("g.safetensors")),
    ]
    for way in ways:
        with pytest.raises(UsageError, match=r"steps 0 is not at least 1"):
            way()
    for arguments in (["--steps", "0"], ["--config", str(tmp_path / "c.toml")]):
        assert run([*base, *arguments]) == 2
        assert "steps" in capsys.readouterr().err

    for way in (
        lambda: read_settings(method, {"lambda_d": "-1"}),
        lambda: read_settings(method, {"lambda_d": -1}),
        lambda: read_settings(method, {}, {"lambda_d": -1}),
        lambda: EnrichSettings(classifier="t", lambda_d=-1),
    ):
        with pytest.raises(UsageError, match=r"-1\.0 is not at least 0"):
            way()


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("yes", bool, True),
        ("OFF", bool, False),
        ("0", bool, False),
        ("1e-3", float, 1e-3),
        ("12", int, 12),
        ("1,2,,", tuple[int, ...], (1, 2)),
        ("", tuple[int, ...], ()),
        ("a,b", tuple[str, ...], ("a,b",)),
        ("x/y", Path, Path("x/y")),
        ("x", str, "x"),
    ],
)
def test_texts_stand_for_values(text, kind, value):
    assert parsed(text, kind, "--x") == value


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("maybe", bool, "true or false"),
        ("1.5", int, "a whole number"),
        ("x", float, "a number"),
        ("1;2", tuple[int, ...], "whole numbers, such as 0,1,2"),
        ("x", Mapping, "a table of names and values"),
    ],
)
def test_other_texts_are_named(text, kind, words):
    with pytest.raises(UsageError) as caught:
        parsed(text, kind, "--x")
    assert str(caught.value) == f"--x: {text!r} is not {words}"


def test_bounds_may_be_missing():
    assert checked(-5, int, {}, "x") == -5
    assert checked(9, int, {"min": 1}, "x") == 9
    with pytest.raises(UsageError, match="x 10 is not between -inf and 9"):
        checked(10, int, {"max": 9}, "x")


def test_what_no_table_has_is_refused():
    with pytest.raises(UsageError, match="--cuda-graphs is not for the neighbours"):
        ReproduceSettings(table="neighbours", graphs=True)
    with pytest.raises(UsageError, match="TABLE 'table4' is none of: table1, table2, table3, tasks, neighbours"):
        ReproduceSettings(table="table4")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_declaration_is_whole(kind):
    for name, declared in kind.declared().items():
        assert declared.metadata["help"].endswith((".", "?")), name
        assert declared.panel in PANELS, name
        least, most = declared.metadata["min"], declared.metadata["max"]
        if declared.kind in (int, float):
            assert least is not None, f"{name} takes any number"
            assert most is None or least < most
        elif declared.kind not in NUMBERS:
            assert least is most is None, name
        if declared.kind is bool and declared.metadata["panel"] == "Run":
            assert declared.default is False, name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_flag_and_no_stored_name_is_taken_twice(kind):
    flags = [flag for declared in kind.declared().values() for flag in declared.metadata["flags"] or (declared.flag,)]
    keys = [declared.key for declared in kind.declared().values() if declared.key is not None]
    assert len(flags) == len(set(flags))
    assert len(keys) == len(set(keys))


def test_settings_import_no_torch():
    script = (
        "import sys, degan_cli.config, degan_cli.config.arguments, degan_cli.config.stored, degan_cli.config.toml\n"
        "import degan_cli.commands.declare, degan_cli.commands.reference\n"
        "degan_cli.config.EnrichSettings(classifier='t', proxy='digits')\n"
        "heavy = {'torch', 'torchvision', 'timm', 'accelerate', 'safetensors', 'sklearn', 'numpy', 'PIL'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
