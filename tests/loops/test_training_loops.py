"""The three training loops on tiny networks: what they leave alone, what they return, and exact resumption."""

import copy
import json
import re

import pytest
import torch
from conftest import SHAPE, TinyDiscriminator, TinyGenerator, tiny_classifier

from degan_cli.checkpoint import Checkpoint
from degan_cli.engine import start
from degan_cli.errors import Diverged, Stopped, UsageError
from degan_cli.loops.distill import distill
from degan_cli.loops.enrich import enrich
from degan_cli.loops.teacher import train_teacher
from degan_cli.methods import DeganSettings
from degan_cli.methods.degan import Degan
from degan_cli.models import Generator
from degan_cli.report import Report
from degan_cli.runs import DistillRun, EnrichRun, TeacherRun
from degan_cli.samples import GeneratorSource, StoredSource
from degan_cli.specs import ImageSet, MethodParts
from degan_cli.stopping import StopWatch


class StopAfter(StopWatch):
    """Asks to stop at its n-th step, as SIGTERM at that moment would."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def due(self):
        self.left -= 1
        return 143 if self.left == 0 else 0


def noise(count, seed=0):
    return torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def striped(count, seed=0):
    """Images of three classes: noise with a bright band at a third of the height."""
    images, labels = noise(count, seed) // 2, torch.arange(count) % 3
    for image, label in zip(images, labels, strict=True):
        image[:, 3 * label : 3 * label + 2] = 255
    return ImageSet(images=images, labels=labels, class_names=("class 0", "class 1", "class 2"))


def run_teacher(folder, watch, epochs=3):
    engine = start("cpu", "fp32", seed=0)
    run = TeacherRun(
        dataset="striped", architecture="tiny", epochs=epochs, batch_size=16, lr=0.01, device="cpu", precision="fp32"
    )
    checkpoint = Checkpoint(folder, run.to_json(), engine)
    with Report("t", 1, folder, quiet=True) as report:
        best, metrics = train_teacher(engine, tiny_classifier(), striped(120), run, checkpoint, report, watch)
    return best.state_dict(), metrics


def run_distill(folder, watch, generator, lr=0.01):
    engine = start("cpu", "fp32", seed=0)
    run = DistillRun(
        teacher="t", student="tiny", samples=("g",), epochs=2, steps_per_epoch=7, batch_size=8, held_out=32, lr=lr,
        device="cpu", precision="fp32",
    )  # fmt: skip
    source = GeneratorSource(copy.deepcopy(generator), engine.device)
    checkpoint = Checkpoint(folder, run.to_json(), engine)
    with Report("d", 1, folder, quiet=True) as report:
        parts = (engine, tiny_classifier(seed=1), tiny_classifier(seed=2), source, run, checkpoint, report, watch)
        best, metrics = distill(*parts)
    return best.state_dict(), metrics


def run_enrich(folder, watch, steps=12, ema=0.9, lr=1e-3, classifier=None):
    engine = start("cpu", "fp32", seed=0)
    classifier = (classifier or tiny_classifier(seed=1)).freeze()
    run = EnrichRun(
        classifier="t", proxy="p", size=8, latent=4, width=2, steps=steps, batch_size=10, ema=ema, lr=lr,
        device="cpu", precision="fp32",
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
    checkpoint = Checkpoint(folder, run.to_json(), engine)
    with Report("e", steps, folder, quiet=True) as report:
        kept, metrics = enrich(engine, Degan(parts), classifier, noise(35), run, checkpoint, report, watch)
    return kept.state_dict(), metrics


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


@pytest.mark.parametrize("stop", [1, 7, 10, 20])
def test_a_resumed_student_equals_an_unbroken_one(tmp_path, tiny_generator, stop):
    whole, metrics = run_distill(tmp_path / "a", StopWatch(), tiny_generator)
    with pytest.raises(Stopped):
        run_distill(tmp_path / "b", StopAfter(stop), tiny_generator)
    resumed, again = run_distill(tmp_path / "b", StopWatch(), tiny_generator)
    assert_equal(whole, resumed)
    assert metrics == again


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_resumed_generator_equals_an_unbroken_one(tmp_path, stop):
    whole, metrics = run_enrich(tmp_path / "a", StopWatch())
    with pytest.raises(Stopped):
        run_enrich(tmp_path / "b", StopAfter(stop))
    resumed, again = run_enrich(tmp_path / "b", StopWatch())
    assert_equal(whole, resumed)
    assert metrics == again


def test_metrics_of_a_resumed_run_have_no_step_twice(tmp_path):
    with pytest.raises(Stopped):
        run_enrich(tmp_path, StopAfter(6))
    run_enrich(tmp_path, StopWatch())
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == 12


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
        classifier.network[-1].bias[2] = -1e4
    run_enrich(tmp_path, StopWatch(), classifier=classifier)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "no sample of" in line]
    assert len(warnings) == 1
    assert re.search(r"of 3 classes \(.*class 2\).*class counts: class 0 \d+", warnings[0])


def test_samples_that_could_be_any_class_are_warned_of(tmp_path, capsys):
    classifier = tiny_classifier(seed=1)
    with torch.no_grad():
        classifier.network[-1].weight.zero_()
        classifier.network[-1].bias.zero_()
    run_enrich(tmp_path, StopWatch(), classifier=classifier)
    assert "takes nearly all samples for any class; try a larger --lambda-e" in capsys.readouterr().err


def test_the_teacher_loop_learns_and_returns_its_best_epoch(tmp_path):
    _, metrics = run_teacher(tmp_path, StopWatch(), epochs=12)
    assert metrics["held_out_accuracy"] > 0.9
    assert metrics["images"] == metrics["updates"] * 16


def test_a_student_learns_its_teacher_from_stored_images(tmp_path):
    engine = start("cpu", "fp32", seed=0)
    run = DistillRun(
        teacher="t", student="tiny", samples=("p",), epochs=15, steps_per_epoch=30, batch_size=32, lr=0.01,
        device="cpu", precision="fp32",
    )  # fmt: skip
    source = StoredSource(noise(800), engine.device, 0, "p")
    teacher = tiny_classifier(seed=1)
    before = copy.deepcopy(teacher.state_dict())
    with Report("d", 1, None, quiet=True) as report:
        checkpoint = Checkpoint(tmp_path, run.to_json(), engine)
        parts = (engine, teacher, tiny_classifier(seed=2), source, run, checkpoint, report, StopWatch())
        _, metrics = distill(*parts)
    assert metrics["agreement"] > 0.7  # two random networks of three classes agree on a third
    assert_equal(before, teacher.state_dict())
