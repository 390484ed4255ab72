"""The whole pipeline on scikit-learn's handwritten digits, offline, in a few minutes on a laptop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..config import (
    CompressSettings,
    DemoSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    Settings,
    TeacherSettings,
)
from ..runs.session import Session
from .compress import compress
from .distill import distill
from .enrich import enrich
from .evaluate import evaluate
from .teacher import teacher

TRUE_DATA = "digits"
PROXY = "digits:2,3,8"
"""Three digits of ten; their labels are never used."""

TEACHER: dict[str, Any] = {"architecture": "lenet", "epochs": 30, "patience": 5}
GAN: dict[str, Any] = {"recipe": "few", "batch_size": 64, "width": 16, "steps": 800}
"""``few`` changes at random what the discriminator sees and averages the generator over its last steps: with the values
of ``paper`` the samples are speckled to the eye. Chosen by looking at them, never by test images."""
ARCHITECTURE = "lenet-half"
STUDENT: dict[str, Any] = {"student": ARCHITECTURE, "epochs": 20, "steps_per_epoch": 64, "patience": 20}
"""All five get the same number of updates: their held-out sets differ too much in size to stop early by."""
BUDGET = "1m"
"""Of ``degan compress``: on two cores about what a generator and its student take. What it plans follows the machine's
pace, so its student is the only one that the seed does not settle."""
QUICK: dict[str, dict[str, Any]] = {
    "teacher": {"epochs": 2},
    "enrich": {"steps": 4},
    "distill": {"epochs": 1, "steps_per_epoch": 4, "held_out": 64},
    "compress": {"budget": "1s"},
}
"""What ``--quick`` shortens."""
STRONG = "proxy, strong"
ROWS = ("true data", "proxy", STRONG, "DCGAN", "DeGAN", "compress")
"""The students: five of ``degan distill``, then the one of ``degan compress``, which gets teacher and proxy alone."""

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
    """A teacher, five students of samples and one of ``compress``; every command is shown before it runs.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    compute = {"device": settings.device, "precision": settings.precision, "seed": settings.seed}
    again = {name: True for name in ("force", "resume") if getattr(settings, name)}
    folder = settings.output

    def run(command: str, kind: type[Given], job: Callable[[Given, Session], Made], **values: Any) -> Made:
        shorter = QUICK.get(command, {}) if settings.quick else {}
        given = kind(**values | shorter)
        session.announce(command, given)
        if settings.max_minutes is not None and "max_minutes" in kind.declared():
            left = max(0.0, settings.max_minutes - (time.monotonic() - began) / 60)
            given = given.replaced(max_minutes=left)
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
    for method in ("dcgan", "degan"):
        own = {"classifier": made, "proxy": PROXY, "method": method, **GAN, **shared}
        path = folder / f"{method}.safetensors"
        generators.append(run("enrich", EnrichSettings, enrich, **own, output=path).artifact)

    accuracies = {"teacher": accuracy(made)}
    *distilled, compressed = ROWS
    for row, samples in zip(distilled, (TRUE_DATA, PROXY, PROXY, *map(str, generators)), strict=True):
        own = {"teacher": made, **STUDENT, "samples": (samples,), **({"augment": "strong"} if row == STRONG else {})}
        path = folder / _file_name(row)
        accuracies[row] = accuracy(run("distill", DistillSettings, distill, **own, **shared, output=path).artifact)
    own = {"classifier": made, "images": PROXY, "student": ARCHITECTURE, "budget": BUDGET}
    path = folder / _file_name(compressed)
    student = run("compress", CompressSettings, compress, **own, **shared, output=path).artifact
    accuracies[compressed] = accuracy(student)
    pictures = tuple(path.with_suffix(".run") / "samples.png" for path in generators)
    seconds = time.monotonic() - began
    return Demonstration(folder=folder, accuracies=accuracies, pictures=pictures, seconds=seconds)


def _file_name(row: str) -> str:
    return f"student-{row.replace(',', '').replace(' ', '-').lower()}.safetensors"
