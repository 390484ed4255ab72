"""The score that chooses loss weights, by hand, and the choice of ``enrich --tune`` end to end."""

import json
import math
from pathlib import Path

import pytest

from degan_cli.app import run
from degan_cli.artifact import read_header
from degan_cli.loops import tune
from degan_cli.loops.tune import evenness, score


def test_evenness_is_the_effective_share_of_the_classes():
    assert evenness({"a": 5, "b": 5, "c": 5, "d": 5}) == pytest.approx(1)
    assert evenness({"a": 20, "b": 0, "c": 0, "d": 0}) == pytest.approx(1 / 4)
    assert evenness({"a": 10, "b": 10, "c": 0, "d": 0}) == pytest.approx(2 / 4)
    three_to_one = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert evenness({"a": 15, "b": 5}) == pytest.approx(three_to_one / 2)
    assert evenness({"a": 0, "b": 0}) == 0


def test_a_generator_of_no_class_scores_no_better_than_one_of_a_single_class():
    unsure = {"class_counts": {"a": 5, "b": 5}, "confidence": 0.5}
    collapsed = {"class_counts": {"a": 10, "b": 0}, "confidence": 1.0}
    good = {"class_counts": {"a": 5, "b": 5}, "confidence": 0.9}
    assert score(unsure) == pytest.approx(score(collapsed)) == pytest.approx(0.5)
    assert score(good) == pytest.approx(0.9)


@pytest.fixture
def teacher(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune, "LAMBDA_E", (0.0, 2.0))
    monkeypatch.setattr(tune, "LAMBDA_D", (1.0,))
    monkeypatch.setattr("degan_cli.jobs.tune.LEAST_TUNE_STEPS", 2)
    arguments = ["teacher", "--dataset", "digits:0-2", "--arch", "lenet", "--epochs", "1", "-o", "t.safetensors", "-q"]
    assert run(arguments) == 0


GAN = ["--proxy", "digits:3,4", "--steps", "4", "--width", "8", "--batch-size", "16"]


def test_the_weights_of_the_best_short_run_are_used(teacher, capsys, monkeypatch):
    scores = iter((0.0, 1.0))
    monkeypatch.setattr("degan_cli.jobs.tune.score", lambda seen: next(scores))
    assert run(["enrich", "--classifier", "t.safetensors", *GAN, "--tune", "-o", "g.safetensors", "--json"]) == 0
    captured = capsys.readouterr()
    header = read_header("g.safetensors")
    chosen = header.run["settings"]
    assert (chosen["lambda_e"], chosen["lambda_d"]) == (2.0, 1.0)
    assert header.run["steps"] == 4
    assert [(row["lambda_e"], row["score"]) for row in header.metrics["tried_weights"]] == [(0.0, 0.0), (2.0, 1.0)]
    assert "chosen: --lambda-e 2 --lambda-d 1" in captured.err
    assert json.loads(captured.out.splitlines()[-1])["kind"] == "generator"


def test_the_chosen_weights_make_the_very_generator_that_they_make_when_given(teacher, capsys):
    assert run(["enrich", "--classifier", "t.safetensors", *GAN, "--tune", "-o", "a.safetensors", "-q"]) == 0
    chosen = read_header("a.safetensors").run["settings"]
    given = ["--lambda-e", str(chosen["lambda_e"]), "--lambda-d", str(chosen["lambda_d"])]
    assert run(["enrich", "--classifier", "t.safetensors", *GAN, *given, "-o", "b.safetensors", "-q"]) == 0
    from safetensors.torch import load_file

    one, other = load_file("a.safetensors"), load_file("b.safetensors")
    assert one.keys() == other.keys()
    assert all(one[key].equal(other[key]) for key in one)


def test_a_tuned_run_that_was_stopped_goes_on_to_the_bytes_of_an_unbroken_one(teacher, capsys):
    arguments = ["enrich", "--classifier", "t.safetensors", *GAN, "--tune", "-q"]
    assert run([*arguments, "-o", "a.safetensors"]) == 0
    assert run([*arguments, "-o", "b.safetensors", "--max-minutes", "0"]) == 75
    assert run([*arguments, "-o", "b.safetensors", "--resume"]) == 0
    whole, resumed = (Path(name).read_bytes() for name in ("a.safetensors", "b.safetensors"))
    assert whole == resumed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--lambda-d", "3"], "--tune chooses both weights; leave --lambda-d out"),
        (["--method", "dcgan"], "--tune has no use with --method dcgan"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(teacher, capsys, more, message):
    assert run(["enrich", "--classifier", "t.safetensors", *GAN, "--tune", *more]) == 2
    assert message in capsys.readouterr().err
