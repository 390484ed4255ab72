"""The ``run`` of an artifact: names that stay, what belongs there, and how two of them are compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from resolving import REQUIRED, resolve

from degan_cli.config import DistillSettings, EnrichSettings, IncrementalSettings, SampleSettings, TeacherSettings
from degan_cli.config.stored import difference, stored_run

USED = {"device": "cpu", "precision": "fp32", "compiled": False}


def stored(kind, derived=USED, **own):
    run = stored_run(resolve(kind(**REQUIRED[kind] | own)), derived)
    assert json.loads(json.dumps(run)).keys() == run.keys()
    return run


def test_a_teachers_run_by_hand():
    run = stored(TeacherSettings, optimiser="sgd", epochs=10, seed=3, output="o.safetensors", max_minutes=5, force=True)
    assert json.loads(json.dumps(run)) == {
        "dataset": "digits",
        "architecture": "lenet",
        "optimiser": "sgd",
        "epochs": 10,
        "batch_size": 128,
        "lr": 0.1,
        "patience": 100,
        "milestones": [4, 6, 8],
        "weight_decay": 2e-4,
        "augment": "none",
        "outputs": "softmax",
        "held_out": 0.2,
        "device": "cpu",
        "precision": "fp32",
        "seed": 3,
        "compiled": False,
    }


def test_where_and_when_it_ran_is_not_how_it_was_made():
    run = stored(EnrichSettings, proxy="d", data_dir="x", download=True, resume=True, dry_run=True, epochs=3, tune=True)
    left_out = {"output", "max_minutes", "resume", "force", "dry_run", "data_dir", "download", "epochs", "tune"}
    assert not left_out & run.keys()
    assert not {"lambda_e", "lambda_d"} & run.keys()  # they are among the settings of the method's own
    assert run["classifier"] == "t.safetensors"  # text, not a path


def test_what_is_only_for_other_methods_is_left_out():
    generator = {"gan", "latent", "width", "ema", "graphs", "proxy"}
    assert generator <= stored(EnrichSettings, method="dafl").keys()
    assert "number" not in stored(EnrichSettings, method="dafl")
    images = stored(EnrichSettings, method="zskd")
    assert not generator & images.keys()
    assert images["number"] == 40_000


def test_a_newer_setting_is_left_out_at_its_default_so_that_earlier_artifacts_compare_equal():
    newer = {"recipe", "schedule", "ema", "mix"}
    run = stored(DistillSettings, samples=("d",))
    assert not newer & run.keys()
    fast = stored(DistillSettings, samples=("d",), recipe="fast", mix="mixup")
    assert newer <= fast.keys()
    assert difference(run, stored(DistillSettings, samples=("d",), mix="mixup")) == ("mix", None, "mixup")


def test_a_share_of_the_proxy_is_stored_where_there_is_one():
    """Runs from before the setting was there are the same as those that do not use it."""
    degan = {"method": "degan", "proxy": "d"}
    before = stored(DistillSettings, **degan)
    assert "proxy_share" not in before["live"]
    assert difference(before, stored(DistillSettings, **degan, proxy_share=0.0)) is None
    now = stored(DistillSettings, **degan, proxy_share=0.5)
    assert now["live"]["proxy_share"] == 0.5
    assert difference(before, now) is not None
    mosaickd = {"method": "mosaickd", "proxy": "d"}
    assert stored(DistillSettings, **mosaickd)["live"]["proxy_share"] == 0.5
    assert "proxy_share" not in stored(DistillSettings, **mosaickd, proxy_share=0.0)["live"]


def test_a_selection_is_stored_only_where_there_is_one():
    for kind, images in ((EnrichSettings, {"proxy": "d"}), (DistillSettings, {"samples": ("d",)})):
        without, chosen = stored(kind, **images), stored(kind, **images, select=9, balanced=True)
        assert chosen == without | {"select": 9, "select_balanced": True}
        assert difference(without, chosen) == ("select", None, 9)


def test_samples_that_are_made_meanwhile_are_an_object_of_their_own():
    run = stored(DistillSettings, USED | {"live.size": 32}, method="dafl", update_every=3)
    assert run["live"] == {
        "method": "dafl",
        "proxy": None,
        "condensed": None,
        "gan": "dafl",
        "every": 3,
        "batch_size": 512,
        "steps": None,
        "lr": 0.02,
        "latent": 100,
        "width": 64,
        "replay": "none",
        "replay_share": 0.125,
        "settings": {"one_hot_weight": 1.0, "information_weight": 5.0, "activation_weight": 0.1},
        "size": 32,
    }
    live = stored(DistillSettings, method="zskd")["live"]
    assert (live["gan"], live["latent"], live["width"], live["steps"], live["method"]) == (
        None,
        None,
        None,
        1500,
        "zskd",
    )


def test_what_is_known_later_replaces_what_was_given():
    run = stored(DistillSettings, USED | {"device": "cuda", "live": None, "outputs": "x"}, samples=("digits",))
    assert (run["device"], run["live"], run["outputs"]) == ("cuda", None, "x")
    sample = stored_run(SampleSettings(generator="g", classes="a,b"), {"classes": ["a", "b"], "classifier": Path("t")})
    assert sample == {
        "generator": "g",
        "number": 1000,
        "balanced": False,
        "classes": ["a", "b"],
        "classifier": "t",
        "device": "auto",
        "precision": "auto",
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("before", "now", "differs"),
    [
        ({"a": 1, "b": (1, 2)}, {"b": [1, 2], "a": 1}, None),
        ({"a": 1}, {"a": 2}, ("a", 1, 2)),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, ("a", 1, 2)),
        ({"a": None}, {}, None),
        ({}, {"a": 0}, ("a", None, 0)),
        ({"live": {"x": 1}}, {"live": {"x": 2}}, ("live", {"x": 1}, {"x": 2})),
        ({"augment": "heavy"}, {"augment": "strong"}, None),
        ({"augment": "strong"}, {"augment": "heavy"}, None),
        ({"augment": "heavy"}, {"augment": "crop"}, ("augment", "strong", "crop")),
        ({"other": "heavy"}, {"other": "strong"}, ("other", "heavy", "strong")),
    ],
)
def test_runs_are_equal_or_the_first_difference_is_told(before, now, differs):
    assert difference(before, now) == differs


def test_the_run_of_an_old_file_equals_that_of_the_same_settings_today():
    now = stored(DistillSettings, samples=("digits",), augment="heavy")
    assert now["augment"] == "strong"
    assert difference(json.loads(json.dumps(now)) | {"augment": "heavy"}, now) is None


def test_a_drop_factor_of_10_is_not_stored_and_equals_the_runs_that_had_no_other():
    required = {"classifier": "t", "new_data": "d", "strategy": "lwf"}
    tenth, half = (stored_run(IncrementalSettings(**required, drop_factor=by), {}) for by in (10.0, 2.0))
    assert "drop_factor" not in tenth
    assert half == tenth | {"drop_factor": 2.0}
    assert difference(tenth, half) == ("drop_factor", None, 2.0)
    assert difference(half, half) is None
