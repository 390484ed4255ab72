"""Settings as their job will use them, without running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..config import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    ExportSettings,
    IncrementalSettings,
    Settings,
    TeacherSettings,
)
from ..runs.session import Session
from .condense import resolve_condense
from .distill import resolve_distill
from .enrich import resolve_enrich
from .evaluate import resolve_evaluate
from .export import resolve_export
from .incremental import resolve_incremental
from .teacher import resolve_teacher

RESOLVE: Mapping[type[Settings], Callable[[Any, Session], Settings]] = {
    TeacherSettings: resolve_teacher,
    EnrichSettings: resolve_enrich,
    EvaluateSettings: resolve_evaluate,
    ExportSettings: resolve_export,
    DistillSettings: resolve_distill,
    IncrementalSettings: resolve_incremental,
    CondenseSettings: resolve_condense,
}
"""For settings whose values depend on a method, a recipe or a file: how they become what the job will use."""


def resolved(settings: Settings, session: Session) -> Settings:
    """Every value as the job will use it, without running it.

    :raises UsageError: for settings that contradict each other or have no use in the run.
    """
    resolve = RESOLVE.get(type(settings))
    return settings if resolve is None else resolve(settings, session)
