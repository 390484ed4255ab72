"""Choose a method's loss weights by short runs on a grid, each a run of its own, and their scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..artifact import read_header
from ..config import EnrichSettings
from ..errors import Diverged
from ..loops.tune import evenness, score, weight_grid
from ..runs.result import Result
from ..runs.session import Run, Session

TUNE_PART = 10
"""A short run has this part of the updates,"""
LEAST_TUNE_STEPS = 100
"""but no fewer than so many."""

Job = Callable[[EnrichSettings, Session], Result]


def tune(
    settings: EnrichSettings, session: Session, run: Run, enrich: Job
) -> tuple[EnrichSettings, list[dict[str, Any]]]:
    """The settings with the best weights, and the score of each pair that was tried.

    :param settings: with the batch size and the updates of the whole run.
    :param run: the short runs are made inside its folder.
    :param enrich: the job that trains a generator.
    """
    steps = max(LEAST_TUNE_STEPS, settings.steps // TUNE_PART)
    tried: list[dict[str, Any]] = []
    for lambda_e, lambda_d in weight_grid():
        weights = {"lambda_e": lambda_e, "lambda_d": lambda_d}
        # A short run is not to follow its own size.
        recipe = {"recipe": settings.recipe} if settings.has_use("recipe") else {}
        values = settings.replaced(
            **recipe,
            tune=False,
            # Compiling would take longer than these runs.
            compiled=False,
            ema=0.0,
            steps=steps,
            epochs=None,
            settings={**settings.settings, **weights},
            output=run.output.folder / "tune" / f"{lambda_e:g}-{lambda_d:g}.safetensors",
        )
        short = run.inside(values)
        session.announce("enrich", short)
        try:
            made = enrich(short, session.silent())
        except Diverged as error:
            raise Diverged(f"--tune, at --lambda-e {lambda_e:g} --lambda-d {lambda_d:g}: {error}") from error
        seen = read_header(made.artifact).metrics
        row = weights | {"score": score(seen), "evenness": evenness(seen["class_counts"])}
        tried.append(row | {"confidence": seen["confidence"]})
    best = max(tried, key=lambda row: float(row["score"]))
    _print_scores(session, tried, best)
    chosen = {name: best[name] for name in ("lambda_e", "lambda_d")}
    return settings.replaced(settings={**settings.settings, **chosen}, **chosen), tried


def _print_scores(session: Session, tried: list[dict[str, Any]], best: dict[str, Any]) -> None:
    for row in tried:
        session.say(
            f"--lambda-e {row['lambda_e']:g} --lambda-d {row['lambda_d']:g}: score {row['score']:.3f} "
            f"(evenness of classes {row['evenness']:.2f}, confidence {row['confidence']:.2f})"
        )
    session.say(f"chosen: --lambda-e {best['lambda_e']:g} --lambda-d {best['lambda_d']:g}")
