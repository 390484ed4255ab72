"""The whole pipeline on scikit-learn's handwritten digits, offline, in a few minutes on a laptop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..config import (
    DemoSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    Settings,
    TeacherSettings,
)
from ..runs.session import Session
from .distill import distill
from .enrich import enrich
from .evaluate import evaluate
from .teacher import teacher

TRUE_DATA = "digits"
PROXY = "digits:2,3,8"
"""Three digits of ten; their labels are never used."""

TEACHER: dict[str, Any] = {"architecture": "lenet", "epochs": 30, "patience": 5}
GAN: dict[str, Any] = {"recipe": "paper", "batch_size": 64, "width": 16, "lr": 1e-3, "steps": 800}
WEIGHTS: dict[str, Any] = {"lambda_e": 5.0, "lambda_d": 20.0}
"""Chosen by the class counts of the samples, as the paper advises, and on training digits."""
STUDENT: dict[str, Any] = {"student": "lenet-half", "epochs": 20, "steps_per_epoch": 64, "patience": 20}
"""All four get the same number of updates: their held-out sets differ too much in size to stop early by."""
QUICK: dict[str, dict[str, Any]] = {
    "teacher": {"epochs": 2},
    "enrich": {"steps": 4},
    "distill": {"epochs": 1, "steps_per_epoch": 4, "held_out": 64},
}
"""What ``--quick`` shortens."""
ROWS = ("true data", "proxy", "DCGAN", "DeGAN")

Given = TypeVar("Given", bound=Settings)
Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """What the demo came to."""

    folder: Path
    accuracies: Mapping[str, float]
    """Of the teacher and of the student in each of ``ROWS``, in [0, 1]."""
    pictures: tuple[Path, ...]
    """Of the samples."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        about = {"artifact": str(self.folder), "kind": "demo", "metrics": dict(self.accuracies)}
        return about | {"seconds": round(self.seconds, 1)}


def demo(settings: DemoSettings, session: Session) -> Demonstration:
    """A teacher, then four students taught by four kinds of samples; every command is shown before it runs.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    compute = {"device": settings.device, "precision": settings.precision, "seed": settings.seed}
    again = {"force": True} if settings.force else {}
    folder = settings.output

    def run(command: str, kind: type[Given], job: Callable[[Given, Session], Made], **values: Any) -> Made:
        shorter = QUICK.get(command, {}) if settings.quick else {}
        given = kind(**values | shorter)
        session.announce(command, given)
        return job(given, session.silent())

    def accuracy(model: Path) -> float:
        return run("eval", EvaluateSettings, evaluate, model=model, dataset=TRUE_DATA).metrics["accuracy"]

    shared = compute | again
    made = run(
        "teacher",
        TeacherSettings,
        teacher,
        dataset=TRUE_DATA,
        **TEACHER,
        **shared,
        output=folder / "teacher.safetensors",
    ).artifact
    generators = []
    for method, weights in (("dcgan", {}), ("degan", WEIGHTS)):
        own = {"classifier": made, "proxy": PROXY, "method": method, **GAN, **weights, **shared}
        path = folder / f"{method}.safetensors"
        generators.append(run("enrich", EnrichSettings, enrich, **own, output=path).artifact)

    accuracies = {"teacher": accuracy(made)}
    for row, samples in zip(ROWS, (TRUE_DATA, PROXY, *map(str, generators)), strict=True):
        path = folder / f"student-{row.replace(' ', '-').lower()}.safetensors"
        own = {"teacher": made, **STUDENT, "samples": (samples,), **shared}
        accuracies[row] = accuracy(run("distill", DistillSettings, distill, **own, output=path).artifact)
    pictures = tuple(path.with_suffix(".run") / "samples.png" for path in generators)
    seconds = time.monotonic() - began
    return Demonstration(folder=folder, accuracies=accuracies, pictures=pictures, seconds=seconds)
