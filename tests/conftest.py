"""Small parts that many tests are built from."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from degan_cli.app import run
from degan_cli.config import DistillSettings
from degan_cli.config.stored import stored_run
from degan_cli.engine import Engine, start
from degan_cli.loops.distill import distill
from degan_cli.models import Classifier, Generator
from degan_cli.runs.checkpoint import Checkpoint
from degan_cli.runs.report import Report
from degan_cli.runs.stopping import StopWatch
from degan_cli.samples.sources import GeneratorSource
from degan_cli.specs import GanShape, InputSpec, MethodParts

INPUT = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
SHAPE = GanShape(channels=1, size=8, latent=4, width=2)


class TinyGenerator(nn.Sequential):
    """z (batch, 4) -> images (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 64, bias=False), nn.BatchNorm1d(64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))


class TinyDiscriminator(nn.Sequential):
    """Images (batch, 1, 8, 8) -> logits (batch,)."""

    def __init__(self) -> None:
        # No bias before BatchNorm: its gradient is rounding noise, which Adam would magnify to full steps.
        hidden = (nn.Conv2d(1, 4, 4, 2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3))
        super().__init__(*hidden, nn.Flatten(), nn.Linear(5, 1), nn.Flatten(0))


def tiny_classifier(classes: int = 3, seed: int = 0) -> Classifier:
    """Normalised images (batch, 1, 8, 8) -> logits (batch, classes)."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, classes),
    )
    return Classifier(network, "tiny", tuple(f"class {k}" for k in range(classes)), INPUT)


def sure(classifier: Classifier) -> Classifier:
    """Give it large logits, as those of a trained one."""
    with torch.no_grad():
        classifier.network[-1].weight.mul_(10)
    return classifier


def make_method(
    kind: Callable[[MethodParts], Any],
    settings: Any,
    classifier: Classifier,
    student: Classifier | None = None,
    lr: float = 2e-3,
) -> Any:
    """A method on tiny networks; the classifier is frozen."""
    engine = start("cpu", "fp32", seed=0)
    torch.manual_seed(2)
    return kind(
        MethodParts(
            engine=engine,
            generator=Generator(TinyGenerator(), "tiny", SHAPE),
            discriminator=TinyDiscriminator(),
            classifier=classifier.freeze(),
            student=student,
            latent=4,
            lr=lr,
            settings=settings,
        )
    )


class StopAfter(StopWatch):
    """Asks to stop from its n-th step on, as SIGTERM at that moment would; or with another exit code."""

    def __init__(self, steps: int, code: int = 143) -> None:
        super().__init__()
        self.left, self.code = steps, code

    def due(self) -> int:
        self.left -= 1
        return self.code if self.left <= 0 else 0


def run_distill(
    folder: Path, generator: Generator, watch: StopWatch | None = None, engine: Engine | None = None, **settings: Any
) -> tuple[Classifier, dict[str, Any]]:
    """A tiny student of a tiny teacher after its two stages of two epochs, of 7 steps each."""
    engine = engine or start("cpu", "fp32", seed=0)
    settings = {"epochs": 2, "steps_per_epoch": 7, "batch_size": 8, "held_out": 32, "lr": 0.01} | settings
    run = DistillSettings(
        teacher="t", student="tiny", samples=("g",), graphs=engine.graphs, compiled=engine.compiled,
        device=engine.device.type, precision=engine.precision, **settings,
    )  # fmt: skip
    source = GeneratorSource(copy.deepcopy(generator).to(engine.device), engine.device)
    networks = tiny_classifier(seed=1), tiny_classifier(seed=2)
    torch.manual_seed(6)
    checkpoint = Checkpoint(folder, stored_run(run, {}), engine)
    with Report("d", 1, folder, quiet=True) as report:
        return distill(engine, *networks, source, run, checkpoint, report, watch or StopWatch())


@pytest.fixture
def degan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Any]:
    """Runs a command line in a folder of its own; what it measured."""
    monkeypatch.chdir(tmp_path)

    def call(arguments: str) -> Any:
        assert run([*arguments.split(), "--json", "-q"]) == 0
        return json.loads(capsys.readouterr().out)["metrics"]

    return call


@pytest.fixture
def engine() -> Engine:
    return start("cpu", "fp32", seed=0)


@pytest.fixture
def tiny_generator() -> Generator:
    torch.manual_seed(3)
    return Generator(TinyGenerator(), "tiny", SHAPE)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "x.run"
