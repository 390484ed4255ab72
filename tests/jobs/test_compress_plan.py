"""The plan of ``degan compress``, worked out by hand from facts."""

import json
from pathlib import Path

import pytest

from degan_cli.config import CompressSettings
from degan_cli.errors import UsageError
from degan_cli.jobs.compress_plan import Facts, Plan, make_plan
from degan_cli.metrics import Support


def facts(**changed):
    values = {
        "classifier": "classifier: lenet",
        "images": "photographs",
        "number": 5000,
        "support": Support(classes=10, seen=10, effective=9.5, confidence=0.9),
        "colour": False,
        "update_seconds": 0.01,
        "look_seconds": 0.44,
    }
    return Facts(**values | changed)


def test_the_time_is_filled_with_epochs_of_updates_and_a_look_each():
    plan = make_plan(facts(), budget=1000)  # 850 s, in epochs of 256 * 0.01 + 0.44 = 3 s
    assert (plan.epochs, plan.steps_per_epoch) == (283, 256)
    assert plan.seconds == pytest.approx(849)


def test_in_little_time_the_epochs_are_shorter_not_fewer():
    plan = make_plan(facts(), budget=20)  # 1.7 s for each of ten epochs, 0.44 s of them for the look
    assert (plan.epochs, plan.steps_per_epoch) == (10, 126)
    assert plan.seconds <= 17


@pytest.mark.parametrize(("confidence", "words"), [(0.89, "it is less sure of them"), (0.9, "the classifier is sure")])
def test_the_words_say_whether_the_classifier_is_sure_of_the_images(confidence, words):
    plan = make_plan(facts(support=Support(classes=10, seen=9, effective=5.0, confidence=confidence)), budget=100)
    assert plan.words[2].startswith(words)


def test_a_plan_that_is_longer_than_the_budget_says_so():
    plan = make_plan(facts(update_seconds=1.0), budget=60)  # ten epochs of 16 updates at least
    assert (plan.epochs, plan.steps_per_epoch) == (10, 16)
    assert "more than the 1.0 minutes left of the budget" in "\n".join(plan.words)
    assert "left of the budget" not in "\n".join(make_plan(facts(), budget=60).words)


def test_there_is_an_end_to_epochs():
    assert make_plan(facts(), budget=1e6).epochs == 400


def test_a_plan_comes_back_from_the_run_folder():
    plan = make_plan(facts(), budget=100)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_the_words_say_what_was_seen_and_how_long_it_takes():
    words = "\n".join(make_plan(facts(), budget=1000).words)
    assert "5,000 of photographs" in words
    assert "10 of 10 classes, 9.5 effective, confidence 0.90" in words
    assert "283 epochs of 256 updates" in words
    assert "about 14.2 minutes" in words  # 849 s


@pytest.mark.parametrize(
    ("colour", "number", "recipe", "augment", "words"),
    [
        (False, 5000, "fast", "outlined", "changed strongly anew each time, and some as their outlines"),
        (True, 5000, "photographs", "crop-flip", "moved and mirrored anew"),
        # 283 * 256 * 64 images are 40.0 passes over 115,916, and fewer over more
        (True, 115_916, "photographs", "crop-flip", "moved and mirrored anew"),
        (True, 115_917, "photographs", "none", "every image as it is"),
    ],
)
def test_a_student_of_grey_images_and_one_of_photographs_learn_in_their_own_way(colour, number, recipe, augment, words):
    plan = make_plan(facts(colour=colour, number=number), budget=1000)
    assert words in plan.words[-1]
    settings = CompressSettings(classifier="t.safetensors", student="lenet-half", images="digits")
    student = plan.distillation(settings, "digits", Path("s.safetensors")).resolved(None)
    assert (student.recipe, student.schedule, student.augment) == (recipe, "one-cycle", augment)
    assert (student.optimiser, student.temperature) == (("adam", 20.0) if colour else ("sgd", 1.0))
    assert (student.epochs, student.patience) == (283, 283)  # one way down, whose end is not to be missed


def test_what_the_student_shares_with_the_command_is_passed_on():
    settings = CompressSettings(
        classifier="t.safetensors",
        student="lenet-half",
        images="digits",
        arch="lenet",
        num_classes=3,
        device="cpu",
        seed=4,
    )
    plan = make_plan(facts(), budget=100)
    student = plan.distillation(settings, "digits", Path("s.safetensors"))
    assert (student.arch, student.num_classes, student.device, student.seed) == ("lenet", 3, "cpu", 4)
    assert student.output == Path("s.safetensors")
    assert (student.samples, student.recipe) == (("digits",), "fast")


@pytest.mark.parametrize(("budget", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_a_budget_is_a_time(budget, seconds):
    assert CompressSettings(classifier="t", student="s", budget=budget).seconds == seconds


@pytest.mark.parametrize("budget", ["", "10", "m", "0m", "-1m", "10 m", "1d", "nan"])
def test_anything_else_is_no_budget(budget):
    with pytest.raises(UsageError, match="is no time; write seconds, minutes or hours: 90s, 10m, 2h"):
        CompressSettings(classifier="t", student="s", budget=budget)
