"""The curves of several runs, one kind each: what ``metrics.jsonl`` holds, by measure and by run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .charts import Points
from .content import Subject

TITLES = {
    "agreement": "Agreement with the teacher, held-out samples",
    "accuracy": "Accuracy, test data",
    "held_out_accuracy": "Accuracy, held-out images",
    "old_agreement": "Agreement with the old classifier, samples",
    "samples_taken_for_new": "Samples taken for new classes",
    "confidence": "Mean confidence of the samples",
    "confident_fraction": "Samples with confidence above 0.9",
    "effective_classes": "Classes that the samples show (effective)",
    "prediction_entropy": "Entropy of the predictions",
    "image_spread": "Spread of the samples' pixels",
    "loss": "Loss",
    "g_loss": "Loss of the generator",
    "d_loss": "Loss of the discriminator",
}
"""What people read for a measure; they come in this order, others after them under their own names."""
NO_CURVE = frozenset(("schema", "step", "time", "epoch", "batch", "images_per_second", "classes_seen"))


def curves_by_measure(subjects: Sequence[Subject]) -> dict[str, dict[str, Points]]:
    """Measure -> subject -> (updates, value), for each number that a run wrote down."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for subject in subjects:
        for row in subject.rows:
            for name, value in row.items():
                if name not in NO_CURVE and is_number(value):
                    found.setdefault(name, {}).setdefault(subject.name, []).append((row["step"], value))
    known = [name for name in TITLES if name in found]
    return {name: dict(found[name]) for name in [*known, *(name for name in found if name not in TITLES)]}


def title(measure: str) -> str:
    """What people read."""
    return TITLES.get(measure, measure.replace("_", " ").capitalize())


def shares_over_time(subject: Subject) -> tuple[list[float], dict[str, list[float]]] | None:
    """Updates, and of each class the share of the samples at each look, in units of an even share; None without."""
    rows = [row for row in subject.rows if _counts(row)]
    if not rows:
        return None
    names = list(rows[0]["class_counts"])
    rows = [row for row in rows if list(row["class_counts"]) == names]
    totals = [sum(row["class_counts"].values()) for row in rows]
    shares = {
        name: [len(names) * row["class_counts"][name] / (total or 1) for row, total in zip(rows, totals, strict=True)]
        for name in names
    }
    return [row["step"] for row in rows], shares


def is_number(value: Any) -> bool:
    """Whether it can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _counts(row: Mapping[str, Any]) -> bool:
    counts = row.get("class_counts")
    return isinstance(counts, dict) and bool(counts) and all(map(is_number, counts.values()))
