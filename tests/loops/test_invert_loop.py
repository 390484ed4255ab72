"""Images by optimisation: what the loop asks of an inversion, and that a stopped run ends as an unbroken one."""

from __future__ import annotations

import json

import pytest
import torch
from conftest import StopAfter, tiny_classifier

from degan_cli.config import EnrichSettings
from degan_cli.config.methods import CdeSettings, InversionSettings
from degan_cli.config.stored import stored_run
from degan_cli.engine import start
from degan_cli.errors import Diverged, Stopped
from degan_cli.loops.invert import make_images
from degan_cli.methods.cde import CondensedExpansion
from degan_cli.methods.deepinversion import DeepInversion
from degan_cli.runs.checkpoint import Checkpoint
from degan_cli.runs.report import Report
from degan_cli.runs.stopping import StopWatch
from degan_cli.samples.inversion import invert
from degan_cli.specs import ImageSet, InversionParts


class Towards:
    """The nearest way to a grey of 0.5, from black; notes what it is asked for."""

    def __init__(self):
        self.calls = []

    def begin(self, count, noise):
        self.calls.append("begin")
        return torch.zeros(count, 1, 8, 8), torch.arange(count)

    def loss(self, values, targets, noise):
        self.calls.append("loss")
        return (values - 0.5).abs().sum(), {"loss": torch.ones(())}

    def pixels(self, values):
        self.calls.append("pixels")
        with torch.no_grad():
            values.clamp_(0, 0.3)
        return values

    def learn(self, images, targets):
        self.calls.append("learn")
        self.given = images, targets
        return {"learned": torch.tensor(2.0)}

    def state(self):
        return {}


def test_a_batch_by_hand():
    inversion = Towards()
    images, targets, row = invert(start("cpu", "fp32", seed=0), inversion, 3, steps=2, lr=0.1, seed=0)
    assert inversion.calls == ["begin", "loss", "pixels", "loss", "pixels", "pixels", "learn"]
    # Adam's steps against a constant gradient are as long as its rate.
    assert images.dtype == torch.uint8
    assert images.unique().tolist() == [round(0.2 * 255)]
    assert targets.tolist() == [0, 1, 2]
    assert {name: float(value) for name, value in row.items()} == {"loss": 1, "learned": 2}
    given, its_targets = inversion.given
    torch.testing.assert_close(given, images / 255)
    assert its_targets is targets


def test_values_are_put_in_order_after_each_step():
    images, _, _ = invert(start("cpu", "fp32", seed=0), Towards(), 2, steps=9, lr=0.1, seed=0)
    assert images.unique().tolist() == [round(0.3 * 255)]


def test_an_interrupted_batch_is_dropped():
    inversion = Towards()
    codes = iter((0, 0, 130))
    assert invert(start("cpu", "fp32", seed=0), inversion, 2, 9, 0.1, 0, lambda: next(codes)) is None
    assert inversion.calls.count("loss") == 3
    assert "learn" not in inversion.calls


def make(folder, watch, kind=DeepInversion, seed=0, bn_weight=10.0, number=11):
    engine = start("cpu", "fp32", seed=0)
    classifier = tiny_classifier(seed=1).freeze()
    images = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = ImageSet(images=images, labels=torch.arange(3), class_names=classifier.class_names)
    settings = {DeepInversion: InversionSettings, CondensedExpansion: CdeSettings}[kind](bn_weight=bn_weight)
    inversion = kind(InversionParts(engine=engine, classifier=classifier, condensed=data, settings=settings))
    run = EnrichSettings(
        classifier="t", method="m", number=number, batch_size=4, steps=5, lr=0.05, seed=seed, device="cpu",
        precision="fp32",
    )  # fmt: skip
    checkpoint = Checkpoint(folder, stored_run(run, {}), engine)
    with Report("i", 1, folder, quiet=True) as report:
        return make_images(engine, inversion, classifier, run, checkpoint, report, watch)


def test_images_logits_and_metrics(run_folder):
    images, logits, metrics = make(run_folder, StopWatch())
    assert images.shape == (11, 1, 8, 8)
    assert images.dtype == torch.uint8
    torch.testing.assert_close(logits, tiny_classifier(seed=1).freeze()(images / 255), rtol=1e-4, atol=1e-5)
    assert metrics["images"] == 11
    assert metrics["updates"] == 15
    assert list(metrics["class_counts"].values()) == logits.argmax(dim=1).bincount(minlength=3).tolist()
    assert metrics["confidence"] == pytest.approx(float(logits.softmax(dim=1).amax(dim=1).mean()))
    rows = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["batch"] for row in rows] == [1, 2, 3]
    assert rows[0].keys() >= {"cross_entropy", "bn_distance"}


def test_batches_differ_and_the_seed_decides(run_folder):
    images, _, _ = make(run_folder / "a", StopWatch(), number=8)
    again, _, _ = make(run_folder / "b", StopWatch(), number=8)
    other, _, _ = make(run_folder / "c", StopWatch(), number=8, seed=1)
    assert torch.equal(images, again)
    assert not torch.equal(images[:4], images[4:])
    assert not torch.equal(images, other)


def test_a_kill_in_the_closing_look_costs_no_step(run_folder):
    images, _, metrics = make(run_folder, StopWatch())
    again, _, measured = make(run_folder, StopAfter(1))
    assert torch.equal(again, images)
    assert measured == metrics


@pytest.mark.parametrize("kind", [DeepInversion, CondensedExpansion])
@pytest.mark.parametrize(("asked", "batch"), [(3, 1), (5, 1), (6, 1), (13, 3)])  # five times in a batch, once after it
def test_a_stopped_run_ends_as_an_unbroken_one(run_folder, kind, asked, batch):
    unbroken, _, _ = make(run_folder / "a", StopWatch(), kind)
    with pytest.raises(Stopped, match=rf"batch {batch} of 3") as stopped:
        make(run_folder / "b", StopAfter(asked), kind)
    assert stopped.value.exit_code == 143
    resumed, _, _ = make(run_folder / "b", StopWatch(), kind)
    assert torch.equal(resumed, unbroken)


def test_a_loss_that_is_not_finite_ends_the_run(run_folder):
    with pytest.raises(Diverged, match="batch 1"):
        make(run_folder, StopWatch(), bn_weight=float("nan"))
