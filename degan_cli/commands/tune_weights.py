"""``degan enrich --tune``: short runs on a grid of loss weights, each a command of its own, and their scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..outputs import Output
from ..report import note
from ..stopping import minutes_left
from .chain import run_command

TUNE_PART = 10
"""A run of ``--tune`` has this part of the updates,"""
LEAST_TUNE_STEPS = 100
"""but no fewer than so many."""


def try_weights(
    out: Output, arguments: list[str], steps: int, max_minutes: float | None, resume: bool
) -> list[tuple[float, float, Path]]:
    """Short runs on a grid of weights, in the run folder: (lambda_e, lambda_d, the generator they made)."""
    from ..loops.tune import grid

    began = time.monotonic()
    tried = []
    for lambda_e, lambda_d in grid():
        weights = ["--lambda-e", f"{lambda_e:g}", "--lambda-d", f"{lambda_d:g}"]
        path = out.folder / "tune" / f"{lambda_e:g}-{lambda_d:g}.safetensors"
        length = ["--steps", str(max(LEAST_TUNE_STEPS, steps // TUNE_PART)), "-o", str(path), "-q"]
        left = minutes_left(max_minutes, began)
        limit = [] if left is None else ["--max-minutes", f"{left:.3f}"]
        run_command(["enrich", *arguments, *weights, *length], [*limit, "--resume" if resume else "--force"], out.quiet)
        tried.append((lambda_e, lambda_d, path))
    return tried


def scored(tried: list[tuple[float, float, Path]]) -> list[dict[str, Any]]:
    """Each pair of weights with its score, and what that is made of."""
    from ..artifact import read_header
    from ..loops.tune import evenness, score

    rows = []
    for lambda_e, lambda_d, path in tried:
        look = read_header(path).metrics
        row = {"lambda_e": lambda_e, "lambda_d": lambda_d, "score": score(look)}
        rows.append(row | {"evenness": evenness(look["class_counts"]), "confidence": look["confidence"]})
    return rows


def tell(tried: list[dict[str, Any]], best: dict[str, Any]) -> None:
    """Show the scores of all pairs, and which one is taken."""
    for row in tried:
        note(
            f"--lambda-e {row['lambda_e']:g} --lambda-d {row['lambda_d']:g}: score {row['score']:.3f} "
            f"(evenness of classes {row['evenness']:.2f}, confidence {row['confidence']:.2f})"
        )
    note(f"chosen: --lambda-e {best['lambda_e']:g} --lambda-d {best['lambda_d']:g}")
