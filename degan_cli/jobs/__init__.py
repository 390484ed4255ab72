"""The Python interface: one function per command, ``job(settings, session) -> result``, without the command line.

::

    from degan_cli.config import EnrichSettings, TeacherSettings
    from degan_cli.jobs import Session, enrich, teacher

    session = Session()
    made = teacher(TeacherSettings(dataset="digits", architecture="lenet", epochs=20), session)
    enrich(EnrichSettings(classifier=made.artifact, proxy="digits:2,3,8", steps=800), session)

Settings are those of the command line, in :mod:`degan_cli.config`. What nobody gives is filled in as there: by the
method, the optimiser's recipe, or the run of an old classifier. Mistakes are raised as :mod:`degan_cli.errors`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..config import (
    CompressSettings,
    CondenseSettings,
    DemoSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    IncrementalSettings,
    ReportSettings,
    ReproduceSettings,
    SampleSettings,
    Settings,
    TeacherSettings,
)
from ..runs.result import Result
from ..runs.session import Session
from .compress import compress
from .condense import condense, resolve_condense
from .demo import demo
from .distill import distill, resolve_distill
from .enrich import enrich, resolve_enrich
from .evaluate import evaluate, resolve_evaluate
from .incremental import incremental, resolve_incremental
from .report import report
from .reproduce import reproduce
from .sample import sample
from .teacher import resolve_teacher, teacher

RESOLVE: Mapping[type[Settings], Callable[[Any, Session], Settings]] = {
    TeacherSettings: resolve_teacher,
    EnrichSettings: resolve_enrich,
    DistillSettings: resolve_distill,
    IncrementalSettings: resolve_incremental,
    CondenseSettings: resolve_condense,
    EvaluateSettings: resolve_evaluate,
}
"""For settings whose values depend on a method, a recipe or a file: how they become what the job will use."""


def resolved(settings: Settings, session: Session) -> Settings:
    """Every value as the job will use it, without running it.

    :raises UsageError: for settings that contradict each other or have no use in the run.
    """
    resolve = RESOLVE.get(type(settings))
    return settings if resolve is None else resolve(settings, session)


__all__ = [
    "CompressSettings",
    "CondenseSettings",
    "DemoSettings",
    "DistillSettings",
    "EnrichSettings",
    "EvaluateSettings",
    "IncrementalSettings",
    "ReportSettings",
    "ReproduceSettings",
    "Result",
    "SampleSettings",
    "Session",
    "TeacherSettings",
    "compress",
    "condense",
    "demo",
    "distill",
    "enrich",
    "evaluate",
    "incremental",
    "report",
    "reproduce",
    "resolved",
    "sample",
    "teacher",
]
