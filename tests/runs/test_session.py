"""The frame of a run: what a dry run says, what ``--resume`` takes as it is, and how much time is left."""

import hashlib
import json
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from degan_cli.artifact import Header, write_tensors
from degan_cli.config import EnrichSettings, Layer, TeacherSettings
from degan_cli.console import note
from degan_cli.errors import UsageError
from degan_cli.jobs import Session
from degan_cli.plugins import Plugins, load_plugins
from degan_cli.runs.output import CHECKPOINT

SESSION = Session(plugins=Plugins())
METRICS = {"updates": 7}
GIVEN = {"dataset": "d", "architecture": "a", "device": "cpu", "optimiser": "sgd", "milestones": (2, 3)}


@contextmanager
def opened(path, **given):
    settings = TeacherSettings(**GIVEN | {"output": path} | given).resolved()
    with SESSION.open("teacher", "classifier", settings, "n") as run:
        run.start_engine()
        run.use(settings)
        yield run


@pytest.fixture
def path(tmp_path):
    """Of a complete artifact, made with :data:`GIVEN`."""
    path = tmp_path / "x.safetensors"
    with opened(path) as run:
        header = Header(kind="classifier", class_names=("0",), run=run.stored, metrics=METRICS)
    write_tensors(path, {"w": torch.zeros(1)}, {"degan": json.dumps(header.to_json())})
    return path


def ends_early(path, **given):
    with opened(path, **given) as run:
        return run.ends_early()


def test_what_is_stored_is_what_is_used_with_what_is_known_only_now(tmp_path):
    settings = TeacherSettings(**GIVEN, output=tmp_path / "x.safetensors", epochs=9).resolved()
    with SESSION.open("teacher", "classifier", settings, "n") as run:
        run.start_engine()
        run.use(settings.replaced(epochs=10), {"outputs": "sigmoid"})
    assert {
        "epochs": 10,
        "lr": 0.1,
        "device": "cpu",
        "precision": "fp32",
        "outputs": "sigmoid",
    }.items() <= run.stored.items()
    assert run.settings.epochs == 10


def test_a_complete_artifact_is_taken_as_it_is(path):
    taken = ends_early(path, resume=True)
    assert (taken.reused, taken.artifact, taken.kind, taken.metrics) == (True, path, "classifier", METRICS)
    assert taken.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ends_early(path, resume=True, milestones=[2, 3], lr=0.1).reused  # as said by nobody before


def test_other_settings_are_named_with_both_values(path):
    with pytest.raises(
        UsageError,
        match=r"made with lr 0\.1, now 0\.2; repeat the settings, name another file with -o, or overwrite it with --fo",
    ):
        ends_early(path, lr=0.2, resume=True)


def test_what_is_not_finished_or_shall_be_made_anew_does_not_end_early(path, tmp_path):
    assert ends_early(path, force=True) is None
    assert ends_early(tmp_path / "y.safetensors", resume=True) is None
    (tmp_path / "x.run").mkdir()
    (tmp_path / "x.run" / CHECKPOINT).touch()
    assert ends_early(path, resume=True) is None


def test_a_dry_run_tells_settings_their_origins_and_sizes(tmp_path):
    path = tmp_path / "x.safetensors"
    layer = Layer("option", {"dataset": "d", "architecture": "a", "output": path, "dry_run": True, "seed": 3})
    settings = TeacherSettings.read(layer).resolved()
    trained, frozen = nn.Linear(2, 3), nn.Linear(4, 1).requires_grad_(False)
    images = torch.zeros(5, 1, 2, 2, dtype=torch.uint8)
    with SESSION.open("teacher", "classifier", settings, "n") as run:
        run.start_engine()
        run.use(settings.filled(Layer("the data", {"batch_size": 9})))
        plan = run.planned({"trained": trained, "frozen": frozen}, {"images": images}).plan
    assert plan["dry_run"] is True
    assert (plan["artifact"], plan["run_folder"]) == (str(path), str(path.with_suffix(".run")))
    assert plan["run"] == run.stored
    assert plan["parameters"] == {"trained": 9, "frozen": 5}
    assert plan["images"] == {"images": [5, 1, 2, 2]}
    assert plan["bytes"] == {"networks": 4 * (4 * 9 + 5), "images": 20}  # a gradient and two moments beside each weight
    assert plan["origins"]["seed"] == plan["origins"]["dataset"] == "option"
    assert (plan["origins"]["epochs"], plan["origins"]["batch_size"]) == ("default", "the data")
    assert "milestones" not in plan["origins"]  # of no use with adam
    assert list(tmp_path.iterdir()) == []


def test_minutes_count_from_the_opening_of_the_run(tmp_path):
    with opened(tmp_path / "x.safetensors") as run:
        assert run.minutes_left is None
        with run.training(1):
            assert run.watch.due() == 0
    with opened(tmp_path / "y.safetensors", max_minutes=2) as run:
        assert 1.9 < run.minutes_left <= 2
    with opened(tmp_path / "z.safetensors", max_minutes=0) as run:
        assert run.minutes_left == 0
        with run.training(1):
            assert run.watch.due() == 75


def test_a_finished_run_leaves_its_artifact_and_no_checkpoint(tmp_path):
    path = tmp_path / "x.safetensors"
    with opened(path) as run:
        with run.training(1):
            run.checkpoint.path.touch()
        made = run.finish(lambda where: where.write_text("w") and "abc", METRICS, summary="well", next_command="next")
    assert (made.artifact, made.kind, made.sha256, made.metrics) == (path, "classifier", "abc", METRICS)
    assert (made.summary, made.next_command, made.reused) == ("well", "next", False)
    assert made.seconds > 0
    assert path.read_text() == "w"
    assert not run.checkpoint.path.exists()


def test_a_silent_session_says_nothing_and_shares_its_plugins(capsys):
    plugins = load_plugins(enabled=False)
    session = Session(plugins=plugins)
    silent = session.silent()
    assert silent.plugins is plugins
    session.say("a")
    silent.say("b")
    note("c")
    assert capsys.readouterr() == ("", "a\nc\n")


def test_a_session_looks_for_data_where_the_settings_say(tmp_path):
    finder = SESSION.finder(EnrichSettings(classifier="t", data_dir=tmp_path, download=True))
    assert (finder.plugins, finder.data_dir, finder.download) == (SESSION.plugins, tmp_path, True)
