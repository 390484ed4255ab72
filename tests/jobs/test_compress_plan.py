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
    # 17,000 s: two fifths are enough for 68,000 steps of 0.1 s, of which 10,000 are taken; 16,000 s are left.
    plan = make_plan(facts(support=UNSURE, update_seconds=0.1), budget=20_000)
    assert plan.generator_steps == 10_000
    assert (plan.epochs, plan.steps_per_epoch) == (400, 256)  # of 26.04 s each
    assert "is not sure of them: a generator learns for 10,000 steps" in "\n".join(plan.words)


def test_a_generator_that_the_time_does_not_allow_is_left_out():
    # 850 s: two fifths are 3,400 steps of 0.1 s, more than 3,000; in half the time they are less.
    assert make_plan(facts(support=UNSURE), budget=1000).generator_steps == 3400
    plan = make_plan(facts(support=UNSURE), budget=500)
    assert plan.generator_steps == 0
    assert "for a generator the time is too short (about 15 minutes would do)" in "\n".join(plan.words)


def test_a_generators_samples_are_mixed_with_the_images(tmp_path):
    settings = CompressSettings(classifier="t", student="s", images="cifar10")
    output = choose_output(tmp_path / "s.safetensors", "s", force=False, resume=False)
    plan = make_plan(facts(support=UNSURE), budget=1000)
    generator, student = plan.generator(settings, "cifar10", output), plan.distillation(settings, "cifar10", output)
    assert (generator.proxy, generator.steps, generator.batch_size) == ("cifar10", 3400, 64)
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
