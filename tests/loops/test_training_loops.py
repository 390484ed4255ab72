"""The three training loops on tiny networks: what they leave alone, what they return, and exact resumption."""

import copy
import json

import pytest
import torch
from conftest import SHAPE, StopAfter, TinyDiscriminator, TinyGenerator, run_distill, tiny_classifier

from degan_cli.config import DistillSettings, EnrichSettings, TeacherSettings
from degan_cli.config.methods import DeganSettings
from degan_cli.config.stored import stored_run
from degan_cli.engine import start
from degan_cli.errors import Diverged, Stopped, UsageError
from degan_cli.loops.distill import distill
from degan_cli.loops.enrich import enrich
from degan_cli.loops.stages import set_rate
from degan_cli.loops.teacher import train_teacher
from degan_cli.methods.degan import Degan
from degan_cli.methods.seen_changed import with_augmented_discriminator
from degan_cli.models import Generator
from degan_cli.runs.checkpoint import Checkpoint
from degan_cli.runs.report import Report
from degan_cli.runs.stopping import StopWatch
from degan_cli.samples.sources import StoredSource
from degan_cli.specs import ImageSet, MethodParts, MethodSpec


def noise(count, seed=0):
    return torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def striped(count, seed=0):
    """Images of three classes: noise with a bright band at a third of the height."""
    images, labels = noise(count, seed) // 2, torch.arange(count) % 3
    for image, label in zip(images, labels, strict=True):
        image[:, 3 * label : 3 * label + 2] = 255
    return ImageSet(images=images, labels=labels, class_names=("class 0", "class 1", "class 2"))


def run_teacher(folder, watch, epochs=3, classifier=None, **settings):
    engine = start("cpu", "fp32", seed=0)
    settings = {"batch_size": 16, "lr": 0.01, **settings}
    run = TeacherSettings(
        dataset="striped", architecture="tiny", epochs=epochs, device="cpu", precision="fp32", **settings
    )
    checkpoint = Checkpoint(folder, stored_run(run, {}), engine)
    classifier = classifier or tiny_classifier()
    with Report("t", 1, folder, quiet=True) as report:
        best, metrics = train_teacher(engine, classifier, striped(120), run, checkpoint, report, watch)
    return best.state_dict(), metrics


def run_enrich(folder, watch, steps=12, ema=0.9, lr=1e-3, classifier=None, augment=False):
    engine = start("cpu", "fp32", seed=0)
    classifier = (classifier or tiny_classifier(seed=1)).freeze()
    run = EnrichSettings(
        classifier="t", proxy="p", latent=4, width=2, steps=steps, batch_size=10, ema=ema, lr=lr,
        device="cpu", precision="fp32", recipe="paper", settings={"lambda_e": 0.5, "lambda_d": 5.0},
    )  # fmt: skip
    torch.manual_seed(5)
    generator, discriminator = Generator(TinyGenerator(), "tiny", SHAPE), TinyDiscriminator()
    parts = MethodParts(
        engine=engine,
        generator=generator,
        discriminator=discriminator,
        classifier=classifier,
        latent=4,
        lr=lr,
        settings=DeganSettings(lambda_e=0.5),
    )
    spec = MethodSpec(name="degan", build=Degan)
    method = (with_augmented_discriminator(spec) if augment else spec).build(parts)
    checkpoint = Checkpoint(folder, stored_run(run, {}), engine)
    with Report("e", steps, folder, quiet=True) as report:
        kept, metrics = enrich(engine, method, classifier, noise(35), run, checkpoint, report, watch)
    return kept.state_dict(), metrics


def rows(folder):
    """What was recorded of each epoch, without what depends on the clock."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    clock = ("time", "images_per_second")
    return [{key: value for key, value in json.loads(line).items() if key not in clock} for line in lines]


def assert_equal(left, right):
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert torch.equal(value, right[key]), key


@pytest.mark.parametrize("stop", [1, 4, 7, 9])
def test_a_resumed_teacher_equals_an_unbroken_one(tmp_path, stop):
    whole, metrics = run_teacher(tmp_path / "a", StopWatch())
    with pytest.raises(Stopped, match="SIGTERM.*--resume") as stopped:
        run_teacher(tmp_path / "b", StopAfter(stop))
    assert stopped.value.exit_code == 143
    resumed, again = run_teacher(tmp_path / "b", StopWatch())
    assert_equal(whole, resumed)
    assert metrics == again


SGD = {"optimiser": "sgd", "lr": 0.05, "weight_decay": 1e-3, "milestones": (1, 2), "augment": "crop-flip"}


@pytest.mark.parametrize("stop", [1, 8, 13, 18])
@pytest.mark.parametrize("held_out", [0.0, 0.2])
def test_a_resumed_teacher_of_sgd_equals_an_unbroken_one(tmp_path, held_out, stop):
    whole, metrics = run_teacher(tmp_path / "a", StopWatch(), held_out=held_out, **SGD)
    with pytest.raises(Stopped, match="SIGTERM.*--resume"):
        run_teacher(tmp_path / "b", StopAfter(stop), held_out=held_out, **SGD)
    resumed, again = run_teacher(tmp_path / "b", StopWatch(), held_out=held_out, **SGD)
    assert_equal(whole, resumed)
    assert metrics == again


@pytest.mark.parametrize("stop", [4, 6, 8])
@pytest.mark.parametrize("settings", [{}, SGD], ids=["adam", "sgd"])
def test_the_rows_of_a_resumed_teacher_are_those_of_an_unbroken_one(tmp_path, settings, stop):
    run_teacher(tmp_path / "a", StopWatch(), **settings)  # 6 steps an epoch
    with pytest.raises(Stopped):
        run_teacher(tmp_path / "b", StopAfter(stop), **settings)
    run_teacher(tmp_path / "b", StopWatch(), **settings)
    assert rows(tmp_path / "b") == rows(tmp_path / "a")


@pytest.mark.parametrize("stop", [1, 7, 10, 20])
def test_a_resumed_student_equals_an_unbroken_one(tmp_path, tiny_generator, stop):
    whole, metrics = run_distill(tmp_path / "a", tiny_generator)
    with pytest.raises(Stopped):
        run_distill(tmp_path / "b", tiny_generator, StopAfter(stop))
    resumed, again = run_distill(tmp_path / "b", tiny_generator)
    assert_equal(whole.state_dict(), resumed.state_dict())
    assert metrics == again


ANNEALED = {
    "schedule": "one-cycle",
    "ema": 0.9,
    "augment": "resized-crop",
    "mix": "both",
    "logit_weight": 3.0,
    "clip": 1.0,
    "epochs": 4,
}


@pytest.mark.parametrize("stop", [1, 7, 10, 20])
def test_a_resumed_student_of_other_schedules_equals_an_unbroken_one(tmp_path, tiny_generator, stop):
    whole, metrics = run_distill(tmp_path / "a", tiny_generator, **ANNEALED)
    with pytest.raises(Stopped):
        run_distill(tmp_path / "b", tiny_generator, StopAfter(stop), **ANNEALED)
    resumed, again = run_distill(tmp_path / "b", tiny_generator, **ANNEALED)
    assert_equal(whole.state_dict(), resumed.state_dict())
    assert metrics == again
    assert metrics["updates"] == 4 * 7


def test_the_distance_of_the_logits_is_weighed_in_units_of_the_teachers_spread(tmp_path, tiny_generator, monkeypatch):
    monkeypatch.setattr("degan_cli.loops.distill.logit_spread", lambda logits: torch.tensor(4.0))
    one, found = {"epochs": 1, "steps_per_epoch": 1, "schedule": "cosine"}, {}
    for name, own in {"l1": {"loss": "l1"}, "kd": {}, "both": {"logit_weight": 2.0}}.items():
        run_distill(tmp_path / name, tiny_generator, **one, **own)
        (row,) = rows(tmp_path / name)
        found[name] = row["loss"]
    assert found["both"] == pytest.approx(found["kd"] + 2 / 4 * found["l1"])
    assert found["l1"] > 1e-3


def test_a_long_gradient_is_shortened_and_a_short_one_is_not(tmp_path, tiny_generator):
    one = {"epochs": 1, "steps_per_epoch": 1, "schedule": "cosine", "optimiser": "sgd", "lr": 2.0}  # at half of it
    start_of_all, moved = dict(tiny_classifier(seed=2).named_parameters()), {}
    for clip in (0.0, 1e-3, 1e6):
        student, _ = run_distill(tmp_path / str(clip), tiny_generator, **one, clip=clip)
        steps = [(value - start_of_all[name]).detach() for name, value in student.named_parameters()]
        moved[clip] = torch.cat([step.flatten() for step in steps])
    assert moved[0.0].norm() > 0.01
    assert moved[1e-3].norm() == pytest.approx(1e-3, rel=1e-2)
    torch.testing.assert_close(moved[1e-3] / moved[1e-3].norm(), moved[0.0] / moved[0.0].norm(), rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(moved[1e6], moved[0.0])


def test_a_students_moving_average_is_what_is_kept(tmp_path, tiny_generator):
    """Of one update: a tenth of the start and nine tenths of the updated student stay, since early ones count more."""
    one = {"epochs": 1, "steps_per_epoch": 1, "schedule": "cosine"}
    start_of_all = tiny_classifier(seed=2).state_dict()
    updated, _ = run_distill(tmp_path / "a", tiny_generator, **one)
    average, _ = run_distill(tmp_path / "b", tiny_generator, **one, ema=0.99)
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            expected = 0.1 * start_of_all[name] + 0.9 * updated.state_dict()[name]
            torch.testing.assert_close(value, expected, msg=name)


def test_the_moving_average_goes_back_to_the_best_network_too_when_a_stage_ends(tmp_path, tiny_generator, monkeypatch):
    """With a rate of 0 in the second stage its average stays the best one, that of the first epoch, and forgets the
    second epoch at once."""
    monkeypatch.setattr("degan_cli.loops.stages.RATE_FACTORS", (1.0, 0.0))
    kept = []
    for third in (0.0, 0.9):
        scores = iter((0.5, 0.4, third, 0.0))
        monkeypatch.setattr("degan_cli.loops.distill.accuracy", lambda *_, scores=scores: next(scores))
        best, metrics = run_distill(tmp_path / str(third), tiny_generator, epochs=2, patience=9, ema=0.5)
        kept.append((metrics["best_epoch"], dict(best.named_parameters())))
    (first, before), (later, after) = kept
    assert (first, later) == (1, 3)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, msg=name)


def test_teacher_and_student_see_the_same_mixed_images(tmp_path, tiny_generator, monkeypatch):
    mixed = []

    def spy(images, kind):
        mixed.append(kind)
        return torch.full_like(images, 0.25)

    seen = []
    monkeypatch.setattr("degan_cli.loops.distill.mix", spy)
    learn = torch.nn.Sequential.forward

    def watch(self, images):
        if self.training or images.shape[0] == 8:
            seen.append(images.unique().tolist())
        return learn(self, images)

    monkeypatch.setattr(torch.nn.Sequential, "forward", watch)
    run_distill(tmp_path, tiny_generator, mix="cutmix", epochs=1, steps_per_epoch=2, schedule="cosine")
    assert mixed == ["cutmix"] * 2
    level = (0.25 - 0.5) / 0.5  # as the networks' own input layer takes it
    assert [values for values in seen if values == [level]] == [[level]] * 4  # two steps, two networks


@pytest.mark.parametrize("stop", [5, 7, 9])
def test_the_rows_of_a_resumed_student_are_those_of_an_unbroken_one(tmp_path, tiny_generator, stop):
    run_distill(tmp_path / "a", tiny_generator)  # 7 steps an epoch
    with pytest.raises(Stopped):
        run_distill(tmp_path / "b", tiny_generator, StopAfter(stop))
    run_distill(tmp_path / "b", tiny_generator)
    assert rows(tmp_path / "b") == rows(tmp_path / "a")


@pytest.mark.parametrize("augment", [False, True], ids=["plain", "augmented"])
@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_resumed_generator_equals_an_unbroken_one(tmp_path, stop, augment):
    whole, metrics = run_enrich(tmp_path / "a", StopWatch(), augment=augment)
    with pytest.raises(Stopped):
        run_enrich(tmp_path / "b", StopAfter(stop), augment=augment)
    resumed, again = run_enrich(tmp_path / "b", StopWatch(), augment=augment)
    assert_equal(whole, resumed)
    assert metrics == again


def test_metrics_of_a_resumed_run_have_no_step_twice(tmp_path):
    with pytest.raises(Stopped):
        run_enrich(tmp_path, StopAfter(6))
    run_enrich(tmp_path, StopWatch())
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == 12


def run_student(folder, watch):
    torch.manual_seed(3)
    student, metrics = run_distill(folder, Generator(TinyGenerator(), "tiny", SHAPE), watch)
    return student.state_dict(), metrics


@pytest.mark.parametrize("run", [run_teacher, run_enrich, run_student])
def test_a_kill_in_the_closing_look_costs_no_step(tmp_path, run):
    """The loops leave their last checkpoint, which the frame of a run removes once the artifact is written."""
    whole, metrics = run(tmp_path, StopWatch())
    before = rows(tmp_path)
    again, measured = run(tmp_path, StopAfter(1))  # it would stop at the first step
    assert_equal(whole, again)
    assert measured == metrics
    assert rows(tmp_path) == before


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    with pytest.raises(Stopped):
        run_enrich(tmp_path, StopAfter(2), lr=1e-3)
    with pytest.raises(UsageError, match=r"made with lr 0.001, now 0.002"):
        run_enrich(tmp_path, StopWatch(), lr=2e-3)


def test_enrich_leaves_the_classifier_untouched_and_without_gradients(tmp_path):
    classifier = tiny_classifier(seed=1)
    before = copy.deepcopy(classifier.state_dict())
    run_enrich(tmp_path, StopWatch(), classifier=classifier)
    assert_equal(before, classifier.state_dict())
    assert all(parameter.grad is None for parameter in classifier.parameters())


def test_enrich_reports_counts_that_add_up_and_draws_the_samples(tmp_path):
    _, metrics = run_enrich(tmp_path, StopWatch())
    assert list(metrics["class_counts"]) == ["class 0", "class 1", "class 2"]
    assert sum(metrics["class_counts"].values()) == 1000
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_the_moving_average_is_what_is_kept(tmp_path):
    live, _ = run_enrich(tmp_path / "a", StopWatch(), ema=0.0)
    slow, _ = run_enrich(tmp_path / "b", StopWatch(), ema=0.999)
    torch.manual_seed(5)
    start_weights = Generator(TinyGenerator(), "tiny", SHAPE).state_dict()
    key = "network.0.weight"
    moved = (live[key] - start_weights[key]).norm()
    assert 0 < (slow[key] - start_weights[key]).norm() < 0.02 * moved


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path):
    with pytest.raises(Diverged, match=r"nan.*--lr"):
        run_enrich(tmp_path, StopWatch(), lr=1e30)


def test_a_class_that_never_appears_is_warned_of_once(tmp_path, capsys):
    classifier = tiny_classifier(seed=1)
    with torch.no_grad():
        head = classifier.network[-1]
        head.weight.mul_(100)  # sure of itself
        head.bias.copy_(torch.tensor([0.0, 0.0, -1e4]))
    _, metrics = run_enrich(tmp_path, StopWatch(), steps=120, classifier=classifier)
    assert metrics["classes_seen"] == 2  # else this test is of another trouble
    (warning,) = capsys.readouterr().err.splitlines()
    assert "no sample of 1 of 3 classes (class 2); try --recipe few; class counts: class " in warning


def test_samples_that_could_be_any_class_are_warned_of_and_of_nothing_else(tmp_path, capsys):
    classifier = tiny_classifier(seed=1)
    with torch.no_grad():
        classifier.network[-1].weight.zero_()
        classifier.network[-1].bias.zero_()
    _, metrics = run_enrich(tmp_path, StopWatch(), classifier=classifier)
    assert metrics["effective_classes"] == 1  # of equal probabilities the first counts: it would be "one class" too
    (warning,) = capsys.readouterr().err.splitlines()
    assert "takes nearly all samples for any class; try --recipe few" in warning


def test_the_teacher_loop_learns_and_returns_its_best_epoch(tmp_path):
    _, metrics = run_teacher(tmp_path, StopWatch(), epochs=12)
    assert metrics["held_out_accuracy"] > 0.9
    assert metrics["images"] == metrics["updates"] * 16


def test_sgd_keeps_the_last_epoch_however_good_another_was(tmp_path):
    classifier = tiny_classifier()
    wild = SGD | {"lr": 0.3, "milestones": ()}
    kept, metrics = run_teacher(tmp_path, StopWatch(), classifier=classifier, epochs=6, **wild)
    scores = [row["held_out_accuracy"] for row in rows(tmp_path)]
    assert scores[-1] < max(scores) - 0.2  # else this test could not tell
    assert metrics["held_out_accuracy"] == scores[-1]
    assert (metrics["best_epoch"], metrics["epochs"]) == (6, 6)
    assert_equal(kept, classifier.state_dict())


def test_without_held_out_images_all_are_trained_on(tmp_path):
    _, metrics = run_teacher(tmp_path, StopWatch(), epochs=2, held_out=0.0, **SGD)
    assert metrics == {"best_epoch": 2, "epochs": 2, "updates": 16, "images": 256}  # 120 / 16 is 8 steps an epoch
    assert all("held_out_accuracy" not in row for row in rows(tmp_path))
    _, metrics = run_teacher(tmp_path / "part", StopWatch(), epochs=2, held_out=0.2, **SGD)
    assert metrics["updates"] == 12  # 96 / 16


@pytest.mark.parametrize(
    ("settings", "factors"),
    [
        ({"optimiser": "sgd", "epochs": 5, "milestones": (1, 4)}, [1, 0.1, 0.1, 0.1, 0.01]),
        ({"optimiser": "sgd", "epochs": 3, "milestones": ()}, [1, 1, 1]),
        ({"optimiser": "adam", "epochs": 2}, [1, 1, 0.1, 0.1]),
    ],
)
def test_the_rates_of_a_teacher_follow_its_schedule(tmp_path, monkeypatch, settings, factors):
    used = []

    def spy(optimiser, rate):
        set_rate(optimiser, rate)
        used.extend(group["lr"] for group in optimiser.param_groups)

    monkeypatch.setattr("degan_cli.loops.teacher.set_rate", spy)
    run_teacher(tmp_path, StopWatch(), **settings | {"lr": 0.02})
    assert used == pytest.approx([0.02 * factor for factor in factors])


def test_the_rate_of_a_resumed_teacher_is_that_of_its_epoch(tmp_path, monkeypatch):
    with pytest.raises(Stopped):
        run_teacher(tmp_path, StopAfter(9), **SGD)  # in the second of three epochs
    used = []
    monkeypatch.setattr("degan_cli.loops.teacher.set_rate", lambda optimiser, rate: used.append(rate))
    run_teacher(tmp_path, StopWatch(), **SGD)
    assert used == pytest.approx([0.005, 0.0005])


def test_a_teachers_images_are_augmented_as_its_run_says(tmp_path, monkeypatch):
    seen = []

    def spy(images, kind):
        seen.append((images.dtype, len(images), kind))
        return images

    monkeypatch.setattr("degan_cli.images.augmentations.augment", spy)
    run_teacher(tmp_path, StopWatch(), epochs=1, optimiser="sgd", augment="crop")
    assert seen == [(torch.float32, 16, "crop")] * 6  # the held-out images are left as they are


@pytest.mark.parametrize(
    ("kind", "changes", "given"),
    [
        ("strong", "augment_strongly", {}),
        ("heavy", "augment_strongly", {}),
        ("flip", "augment", {"kind": "flip"}),
        ("resized-crop", "resized_crop", {"flip": False}),
        ("resized-crop-flip", "resized_crop", {"flip": True}),
    ],
)
def test_a_students_images_are_changed_as_its_run_says_but_not_the_held_out_ones(
    tmp_path, monkeypatch, kind, changes, given
):
    seen = []

    def spy(images, **arguments):
        seen.append((images.dtype, len(images), arguments))
        return images

    monkeypatch.setattr(f"degan_cli.images.augmentations.{changes}", spy)
    run_distill(tmp_path, Generator(TinyGenerator(), "tiny", SHAPE), augment=kind)
    assert seen == [(torch.float32, 8, given)] * len(seen)
    assert len(seen) == 2 * 2 * 7  # stages, epochs, steps


@pytest.mark.parametrize("outputs", ["softmax", "sigmoid"])
def test_a_teachers_outputs_are_one_softmax_or_a_sigmoid_for_each_class(tmp_path, outputs):
    still = {"epochs": 1, "batch_size": 120, "lr": 0.0, "held_out": 0.0, "optimiser": "sgd"}  # all images, in one step
    run_teacher(tmp_path, StopWatch(), outputs=outputs, **still)
    data = striped(120)
    logits = tiny_classifier().train()(data.images.float() / 255)
    right = torch.nn.functional.one_hot(data.labels).bool()
    if outputs == "softmax":
        expected = -logits.softmax(dim=1)[right].log().mean()
    else:
        expected = -torch.where(right, logits.sigmoid(), 1 - logits.sigmoid()).log().sum(dim=1).mean()
    assert rows(tmp_path)[0]["loss"] == pytest.approx(float(expected.detach()), rel=1e-5)


def test_a_teacher_of_sgd_whose_rate_is_too_large_ends(tmp_path):
    with pytest.raises(Diverged, match=r"the loss is (nan|inf) after epoch 1, step \d+ of \d+; try a smaller --lr"):
        run_teacher(tmp_path, StopWatch(), **SGD | {"lr": 1e30})


def test_a_student_learns_its_teacher_from_stored_images(tmp_path):
    engine = start("cpu", "fp32", seed=0)
    run = DistillSettings(
        teacher="t", student="tiny", samples=("p",), epochs=15, steps_per_epoch=30, batch_size=32, lr=0.01,
        device="cpu", precision="fp32",
    )  # fmt: skip
    source = StoredSource(noise(800), engine.device, 0, "p")
    teacher = tiny_classifier(seed=1)
    before = copy.deepcopy(teacher.state_dict())
    with Report("d", 1, None, quiet=True) as report:
        checkpoint = Checkpoint(tmp_path, stored_run(run, {}), engine)
        parts = (engine, teacher, tiny_classifier(seed=2), source, run, checkpoint, report, StopWatch())
        _, metrics = distill(*parts)
    assert metrics["agreement"] > 0.7  # two random networks of three classes agree on a third
    assert_equal(before, teacher.state_dict())
