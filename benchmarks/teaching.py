"""What several benchmarks do for a cell: the one teacher of its pair, and a student taught and measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from degan_cli.config import DistillSettings, EvaluateSettings, TeacherSettings
from degan_cli.jobs import Session, distill, evaluate, teacher

BEFORE: dict[str, Any] = {"logit_weight": 0.0, "clip": 0.0}
"""What came to the recipes ``patient`` and ``fast`` after the first rows; a row that has it names it."""


def teacher_in(folder: Path, dataset: str, session: Session, **values: Any) -> Path:
    """The teacher of a folder, made where it is missing."""
    path = folder / "teacher.safetensors"
    if not path.exists():
        teacher(TeacherSettings(dataset=dataset, output=path, resume=True, **values), session)
    return path


def taught(settings: DistillSettings, dataset: str, session: Session, split: str = "test") -> dict[str, Any]:
    """A student's accuracy on true images in per cent, its agreement, updates, and seconds of the clock and the CPU."""
    wall, cpu = time.monotonic(), time.process_time()
    made = distill(settings, session)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    shared: dict[str, Any] = {"data_dir": settings.data_dir, "device": settings.device}
    seen = evaluate(EvaluateSettings(model=settings.output, dataset=dataset, split=split, **shared), session)
    return {
        "measured": round(100 * seen.metrics["accuracy"], 2),
        "agreement": round(100 * made.metrics["agreement"], 2),
        "updates": made.metrics["updates"],
        "seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
    }
