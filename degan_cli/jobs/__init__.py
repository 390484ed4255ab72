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

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from ..config import (
    CompressSettings,
    CondenseSettings,
    DemoSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    ExportSettings,
    ImportSettings,
    IncrementalSettings,
    ReportSettings,
    ReproduceSettings,
    RerunSettings,
    SampleSettings,
    SweepSettings,
    TeacherSettings,
    VerifySettings,
)
from ..runs.result import Result
from ..runs.session import Session
from .compress import compress as _compress
from .condense import condense as _condense
from .demo import demo as _demo
from .distill import distill as _distill
from .enrich import enrich as _enrich
from .evaluate import evaluate as _evaluate
from .export import export as _export
from .importing import import_model as _import_model
from .incremental import incremental as _incremental
from .report import report as _report
from .reproduce import reproduce as _reproduce
from .rerun import rerun as _rerun
from .resolve import resolved
from .sample import sample as _sample
from .sweep import sweep as _sweep
from .teacher import teacher as _teacher
from .verify import verify as _verify

__all__ = [
    "CompressSettings",
    "CondenseSettings",
    "DemoSettings",
    "DistillSettings",
    "EnrichSettings",
    "EvaluateSettings",
    "ExportSettings",
    "ImportSettings",
    "IncrementalSettings",
    "ReportSettings",
    "ReproduceSettings",
    "RerunSettings",
    "Result",
    "SampleSettings",
    "Session",
    "SweepSettings",
    "TeacherSettings",
    "VerifySettings",
    "compress",
    "condense",
    "demo",
    "distill",
    "enrich",
    "evaluate",
    "export",
    "import_model",
    "incremental",
    "report",
    "reproduce",
    "rerun",
    "resolved",
    "sample",
    "sweep",
    "teacher",
    "verify",
]

Given = TypeVar("Given")
Found = TypeVar("Found")


def _alone(job: Callable[[Given, Session], Found]) -> Callable[[Given, Session], Found]:
    """The job, of which a result tells what it met itself, and where what a plugin's code raises is a PluginError.

    Inside another one, a job goes without: it tells the one around it.
    """

    @wraps(job)
    def run(settings: Given, session: Session) -> Found:
        with session.plugins.at_work():
            return job(settings, replace(session, warnings=[], skipped={}))

    return run


compress = _alone(_compress)
condense = _alone(_condense)
demo = _alone(_demo)
distill = _alone(_distill)
enrich = _alone(_enrich)
evaluate = _alone(_evaluate)
export = _alone(_export)
import_model = _alone(_import_model)
incremental = _alone(_incremental)
report = _alone(_report)
reproduce = _alone(_reproduce)
rerun = _alone(_rerun)
sample = _alone(_sample)
sweep = _alone(_sweep)
teacher = _alone(_teacher)
verify = _alone(_verify)
