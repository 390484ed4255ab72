"""Teaching new classes on tiny networks: exact resumption, what is measured, the rates, and samples of any size."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import SHAPE, StopAfter, TinyGenerator, tiny_classifier
from torch import Tensor, nn

from degan_cli.config import IncrementalSettings
from degan_cli.config.methods import RdfcilSettings, ReplaySettings
from degan_cli.config.stored import stored_run
from degan_cli.engine import start
from degan_cli.errors import Diverged, Stopped
from degan_cli.images import augment
from degan_cli.loops import incremental
from degan_cli.loops.incremental import teach_new_classes
from degan_cli.methods import degan_methods
from degan_cli.methods.replay import ReplayStrategy
from degan_cli.models import Classifier, Generator, widen
from degan_cli.runs.checkpoint import Checkpoint
from degan_cli.runs.report import Report
from degan_cli.runs.stopping import StopWatch
from degan_cli.samples.sources import GeneratorSource, Mixture, Source, StoredSource
from degan_cli.specs import ArchitectureSpec, StrategyParts, StrategySpec

SPECS = {spec.name: spec for spec in degan_methods() if isinstance(spec, StrategySpec)}
TINY = ArchitectureSpec(name="tiny", build=lambda classes, input: tiny_classifier(classes, seed=2).network, min_size=8)
CPU = torch.device("cpu")
OLD, NEW = 3, 2
STEPS = 3
"""In an epoch: 48 images in batches of 16."""


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def striped(count: int) -> tuple[Tensor, Tensor]:
    """Images of two new classes: noise with a bright band on the left or on the right."""
    images, labels = noise(count) // 2, torch.arange(count) % NEW
    for image, label in zip(images, labels, strict=True):
        image[:, :, 6 * label : 6 * label + 2] = 255
    return images, labels + OLD


def generated() -> Source:
    torch.manual_seed(3)
    return GeneratorSource(Generator(TinyGenerator(), "tiny", SHAPE), CPU)


def stored() -> Source:
    return StoredSource(noise(25, seed=1), CPU, 0, "stored")  # a pass of 20 ends within an epoch


def mixed() -> Source:
    return Mixture([generated(), stored()], [1, 2])


def nothing() -> None:
    """What a strategy gets that wants no samples."""


def run_increment(
    folder: Path,
    watch: StopWatch | None = None,
    strategy: str = "replay",
    source: Callable[[], Source | None] = generated,
    epochs: int = 4,
    optimiser: str = "sgd",
    lr: float = 0.02,
    augment: str = "crop-flip",
    milestones: tuple[int, ...] = (2, 3),
    settings: object = None,
    old: Classifier | None = None,
    samples: tuple[str, ...] = (),
) -> tuple[dict[str, Tensor], dict[str, object]]:
    engine = start("cpu", "fp32", seed=0)
    settings = settings or SPECS[strategy].settings()
    run = IncrementalSettings(
        classifier="t", new_data="n", strategy=strategy, optimiser=optimiser, epochs=epochs, batch_size=16, lr=lr,
        weight_decay=1e-3, milestones=milestones, augment=augment, device="cpu", precision="fp32", samples=samples,
    )  # fmt: skip
    old = (old or tiny_classifier(OLD, seed=1)).freeze()
    before = copy.deepcopy(old.state_dict())
    model, head = widen(old, TINY, ("new 0", "new 1"))
    parts = StrategyParts(engine=engine, model=model, old=old, head=head, settings=settings)
    drawn = source()
    torch.manual_seed(11)
    checkpoint = Checkpoint(folder, stored_run(run, {}), engine)
    with Report("i", 1, folder, quiet=True) as report:
        taught = SPECS[strategy].build(parts)
        images, labels = striped(16 * STEPS)
        extended, metrics = teach_new_classes(
            engine, taught, old, images, labels, drawn, run, checkpoint, report, watch or StopWatch()
        )
    assert all(torch.equal(before[key], value) for key, value in old.state_dict().items())
    return extended.state_dict(), metrics


def rows(folder: Path) -> list[dict[str, object]]:
    """What was recorded of each epoch, without what depends on the clock."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    clock = ("time", "images_per_second")
    return [{key: value for key, value in json.loads(line).items() if key not in clock} for line in lines]


def assert_equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert torch.equal(value, right[key]), key


WAYS = {
    "a generator": {"source": generated},
    "stored samples": {"source": stored},
    "a mixture": {"source": mixed},
    "weight-align": {"source": stored, "settings": ReplaySettings(scaling="weight-align")},
    "adam": {"source": generated, "optimiser": "adam", "lr": 0.003},
    "abd": {"source": stored, "strategy": "abd"},
    "r-dfcil, into its last part": {"strategy": "r-dfcil", "settings": RdfcilSettings(projection=4, head_part=0.5)},
    "finetune": {"source": nothing, "strategy": "finetune"},
    "fixed": {"source": nothing, "strategy": "fixed"},
}


@pytest.mark.parametrize("way", ["weight-align", "r-dfcil, into its last part"])
def test_a_kill_in_the_closing_look_costs_no_step(tmp_path, way):
    whole, metrics = run_increment(tmp_path, **WAYS[way])
    again, measured = run_increment(tmp_path, StopAfter(1), **WAYS[way])
    assert_equal(whole, again)
    assert measured == metrics


@pytest.mark.parametrize("stop", [1, STEPS, 2 * STEPS + 1, 4 * STEPS])
@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_increment_equals_an_unbroken_one(tmp_path, way, stop):
    whole, metrics = run_increment(tmp_path / "a", **WAYS[way])
    with pytest.raises(Stopped, match="SIGTERM.*--resume") as stopped:
        run_increment(tmp_path / "b", StopAfter(stop), **WAYS[way])
    assert stopped.value.exit_code == 143
    resumed, again = run_increment(tmp_path / "b", **WAYS[way])
    assert_equal(whole, resumed)
    assert metrics == again


@pytest.mark.parametrize(("scale", "warned"), [(0.0, True), (300.0, False)], ids=["useless", "useful"])
def test_samples_that_cannot_stand_for_the_old_classes_are_named(tmp_path, capsys, scale, warned):
    old = tiny_classifier(OLD, seed=1).eval()
    with torch.no_grad():
        head = old.network[-1]
        head.weight.mul_(scale)  # all classes alike, or sure of itself
        logits = old(generated().held_out(500).float() / 255)  # (500, old classes)
        head.bias -= logits.median(dim=0).values  # and no class preferred
    run_increment(tmp_path, old=old, epochs=1, milestones=(), samples=("g.safetensors", "d@2"))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == warned
    if warned:
        assert "--samples g.safetensors, d@2: useless as they are (1 of 3 classes, 1.0 effective, conf" in said[0]


@pytest.mark.parametrize("stop", [2, STEPS + 1, 2 * STEPS])
def test_the_rows_of_a_resumed_increment_are_those_of_an_unbroken_one(tmp_path, stop):
    run_increment(tmp_path / "a")
    with pytest.raises(Stopped):
        run_increment(tmp_path / "b", StopAfter(stop))
    run_increment(tmp_path / "b")
    assert rows(tmp_path / "b") == rows(tmp_path / "a")


def test_an_increment_that_stopped_twice_equals_an_unbroken_one(tmp_path):
    whole, _ = run_increment(tmp_path / "a", source=mixed)
    for stop in (2, 5):
        with pytest.raises(Stopped):
            run_increment(tmp_path / "b", StopAfter(stop), source=mixed)
    resumed, _ = run_increment(tmp_path / "b", source=mixed)
    assert_equal(whole, resumed)
    assert [row["step"] for row in rows(tmp_path / "b")] == [3, 6, 9, 12]


def test_each_epoch_has_a_row_with_the_losses_and_what_is_remembered(tmp_path):
    run_increment(tmp_path)
    found = rows(tmp_path)
    assert [row["epoch"] for row in found] == [1, 2, 3, 4]
    losses = {"cross_entropy", "distillation", "scale_difference"}
    assert all(
        set(row) == losses | {"schema", "step", "epoch", "old_agreement", "samples_taken_for_new"} for row in found
    )


def test_without_samples_nothing_is_said_of_the_old_classes(tmp_path):
    _, metrics = run_increment(tmp_path, source=nothing, strategy="finetune")
    assert metrics == {"updates": 12, "images": 192}
    assert all(set(row) == {"schema", "step", "epoch", "label_loss"} for row in rows(tmp_path))


def test_what_is_remembered_is_counted_on_held_out_samples(tmp_path):
    state, metrics = run_increment(tmp_path, source=stored)
    images = stored().held_out(1000).float() / 255
    old, extended = tiny_classifier(OLD, seed=1).eval(), tiny_classifier(OLD + NEW).eval()
    extended.load_state_dict(state)
    before, now = old(images).argmax(dim=1), extended(images).argmax(dim=1)
    assert len(images) == 5
    assert metrics["old_agreement"] == pytest.approx(float((before == now).float().mean()))
    assert metrics["samples_taken_for_new"] == pytest.approx(float((now >= OLD).float().mean()))
    assert metrics["updates"] == 12
    assert metrics["images"] == 192


def test_what_is_remembered_is_measured_after_the_strategy_has_finished(tmp_path, monkeypatch):
    class Silenced(ReplayStrategy):
        def finish(self) -> None:
            """Nothing is taken for a new class any more."""
            with torch.no_grad():
                self.model.network[-1].bias[OLD:] = -1e6

    silenced = StrategySpec(name="silenced", build=Silenced, uses_samples=True, settings=ReplaySettings)
    monkeypatch.setitem(SPECS, "silenced", silenced)
    _, metrics = run_increment(tmp_path, strategy="silenced", settings=ReplaySettings(lambda_kd=0.0), epochs=8)
    assert rows(tmp_path)[-1]["samples_taken_for_new"] > 0
    assert metrics["samples_taken_for_new"] == 0


def test_replay_remembers_what_finetuning_forgets(tmp_path):
    """The old classes have a bright band at a third of the height, the new ones on one side."""
    images, labels = noise(150, seed=2) // 2, torch.arange(150) % OLD
    for image, label in zip(images, labels, strict=True):
        image[:, 3 * label : 3 * label + 2] = 255
    old = tiny_classifier(OLD, seed=1)
    adam = torch.optim.Adam(old.parameters(), lr=0.01)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(old(images.float() / 255), labels)
        loss.backward()
        adam.step()
        adam.zero_grad()
    assert _accuracy(old.eval(), images, labels) > 0.95

    def true_data() -> Source:
        return StoredSource(images, CPU, 0, "old images")

    knows: dict[str, float] = {}
    for strategy, source in (("finetune", nothing), ("replay", true_data)):
        way = {"epochs": 15, "milestones": (10,), "augment": "none", "old": old}
        state, metrics = run_increment(tmp_path / strategy, strategy=strategy, source=source, **way)
        extended = tiny_classifier(OLD + NEW).eval()
        extended.load_state_dict(state)
        assert _accuracy(extended, *striped(48)) > 0.95
        knows[strategy] = _accuracy(extended, images, labels)
    assert knows["finetune"] < 0.1
    assert knows["replay"] > 0.8
    assert metrics["old_agreement"] > 0.8
    assert metrics["samples_taken_for_new"] < 0.2


def _accuracy(classifier: Classifier, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((classifier(images.float() / 255).argmax(dim=1) == labels).float().mean())


@pytest.mark.parametrize(("optimiser", "lr"), [("sgd", 0.5), ("adam", 0.25)])
def test_the_rate_falls_to_a_tenth_after_each_milestone(tmp_path, monkeypatch, optimiser, lr):
    used = []
    set_rate = incremental.set_rate

    def spy(chosen: torch.optim.Optimizer, rate: float) -> None:
        set_rate(chosen, rate)
        used.extend(group["lr"] for group in chosen.param_groups)

    monkeypatch.setattr(incremental, "set_rate", spy)
    run_increment(tmp_path, optimiser=optimiser, lr=lr, epochs=5, milestones=(2, 4), source=nothing, strategy="fixed")
    assert used == pytest.approx([lr * factor for factor in (1, 1, 0.1, 0.1, 0.01)])


def test_a_rate_of_nothing_after_a_milestone_leaves_the_weights(tmp_path):
    """Twenty milestones at once make the rate too small to move a float32 weight by."""
    early, _ = run_increment(tmp_path / "a", epochs=2, milestones=(), source=nothing, strategy="fixed")
    late, _ = run_increment(tmp_path / "b", epochs=4, milestones=(2,) * 20, source=nothing, strategy="fixed")
    other, _ = run_increment(tmp_path / "c", epochs=4, milestones=(), source=nothing, strategy="fixed")
    assert_equal(early, late)
    assert not torch.equal(early["network.6.weight"], other["network.6.weight"])


@pytest.mark.parametrize("kind", ["none", "flip", "crop-flip"])
def test_new_images_and_samples_are_augmented_alike_but_not_the_watched_ones(tmp_path, monkeypatch, kind):
    seen = []

    def spy(images: Tensor, kind: str) -> Tensor:
        seen.append((images.dtype, len(images), kind))
        return augment(images, kind)

    monkeypatch.setattr("degan_cli.images.augmentations.augment", spy)
    run_increment(tmp_path, source=stored, augment=kind, epochs=1)
    assert seen == [(torch.float32, 16, kind)] * 2 * STEPS


class LargeGenerator(nn.Sequential):
    """z (batch, 4) -> images (batch, 1, 16, 16)."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 256), nn.Sigmoid(), nn.Unflatten(1, (1, 16, 16)))


def test_samples_are_fitted_to_the_classifier(tmp_path):
    """A generator's side is a power of two, the classifier's need not be."""

    def large() -> Source:
        torch.manual_seed(3)
        return GeneratorSource(Generator(LargeGenerator(), "tiny", SHAPE), CPU)

    _, metrics = run_increment(tmp_path, source=large)
    assert 0 <= metrics["old_agreement"] <= 1


@pytest.mark.parametrize(("strategy", "source"), [("replay", generated), ("finetune", nothing)])
def test_a_rate_that_is_too_large_ends_the_run(tmp_path, strategy, source):
    with pytest.raises(
        Diverged, match=r"the loss.* is (nan|inf) after epoch 1, step \d+ of \d+; try a smaller --lr"
    ) as diverged:
        run_increment(tmp_path, lr=1e30, strategy=strategy, source=source, milestones=())
    assert diverged.value.exit_code == 5
