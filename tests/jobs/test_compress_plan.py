"""The plan of ``degan compress``, worked out by hand from facts."""

import json

import pytest

from degan_cli.config import CompressSettings
from degan_cli.errors import UsageError
from degan_cli.jobs.compress_plan import Facts, Plan, make_plan
from degan_cli.metrics import Support
from degan_cli.runs.output import choose_output


def facts(**changed):
    values = {
        "classifier": "classifier: lenet",
        "images": "photographs",
        "number": 5000,
        "support": Support(classes=10, seen=10, effective=9.5, confidence=0.9),
        "update_seconds": 0.01,
        "look_seconds": 0.44,
        "generator_seconds": 0.1,
    }
    return Facts(**values | changed)


def test_the_time_is_filled_with_epochs_of_updates_and_a_look_each():
    plan = make_plan(facts(), budget=1000)  # 850 s, in epochs of 256 * 0.01 + 0.44 = 3 s
    assert (plan.epochs, plan.steps_per_epoch, plan.generator_steps) == (283, 256, 0)
    assert plan.seconds == pytest.approx(849)


def test_in_little_time_the_epochs_are_shorter_not_fewer():
    plan = make_plan(facts(), budget=20)  # 1.7 s for each of ten epochs, 0.44 s of them for the look
    assert (plan.epochs, plan.steps_per_epoch) == (10, 126)
    assert plan.seconds <= 17


UNSURE = Support(classes=10, seen=9, effective=5.0, confidence=0.8)


def test_for_images_of_which_the_classifier_is_not_sure_a_generator_comes_first():
    # 2,550 s: two fifths are enough for 5,000 steps of 0.1 s; 2,050 s are left, in epochs of 3 s.
    plan = make_plan(facts(support=UNSURE), budget=3000)
    assert plan.generator_steps == 5000
    assert (plan.epochs, plan.steps_per_epoch) == (400, 256)
    assert make_plan(facts(support=UNSURE), budget=2000).epochs == 400  # 1,200 s are left
    assert "is not sure of them: a generator learns for 5,000 steps" in "\n".join(plan.words)


def test_a_generator_that_the_time_does_not_allow_is_left_out():
    # 500 s are two fifths of 1,250, which are 85 % of 1,471 s.
    assert make_plan(facts(support=UNSURE), budget=1472).generator_steps == 5000
    plan = make_plan(facts(support=UNSURE), budget=1470)
    assert plan.generator_steps == 0
    assert "too short for a generator (about 25 minutes would do)" in "\n".join(plan.words)


def test_a_plan_that_is_longer_than_the_budget_says_so():
    plan = make_plan(facts(update_seconds=1.0), budget=60)  # ten epochs of 16 updates at least
    assert (plan.epochs, plan.steps_per_epoch) == (10, 16)
    assert "more than the budget of 1.0 minutes" in "\n".join(plan.words)
    assert "more than the budget" not in "\n".join(make_plan(facts(), budget=60).words)


def test_a_generators_samples_are_mixed_with_the_images(tmp_path):
    settings = CompressSettings(classifier="t", student="s", images="cifar10")
    output = choose_output(tmp_path / "s.safetensors", "s", force=False, resume=False)
    plan = make_plan(facts(support=UNSURE), budget=3000)
    generator, student = plan.generator(settings, "cifar10", output), plan.distillation(settings, "cifar10", output)
    assert (generator.proxy, generator.steps, generator.batch_size) == ("cifar10", 5000, 256)
    assert student.samples == (f"{generator.output}@1", "cifar10@1")


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


def test_what_all_parts_share_is_passed_on(tmp_path):
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
    output = choose_output(tmp_path / "s.safetensors", "s", force=False, resume=False)
    student = plan.distillation(settings, "digits", output)
    assert (student.arch, student.num_classes, student.device, student.seed) == ("lenet", 3, "cpu", 4)
    assert student.output == tmp_path / "s.run" / "student.safetensors"
    assert (student.samples, student.recipe) == (("digits",), "patient")


@pytest.mark.parametrize(("budget", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_a_budget_is_a_time(budget, seconds):
    assert CompressSettings(classifier="t", student="s", budget=budget).seconds == seconds


@pytest.mark.parametrize("budget", ["", "10", "m", "0m", "-1m", "10 m", "1d", "nan"])
def test_anything_else_is_no_budget(budget):
    with pytest.raises(UsageError, match="is no time; write seconds, minutes or hours: 90s, 10m, 2h"):
        CompressSettings(classifier="t", student="s", budget=budget)
