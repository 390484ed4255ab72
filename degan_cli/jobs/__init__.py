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
)
from ..runs.result import Result
from ..runs.session import Session
from .compress import compress
from .condense import condense
from .demo import demo
from .distill import distill
from .enrich import enrich
from .evaluate import evaluate
from .export import export
from .importing import import_model
from .incremental import incremental
from .report import report
from .reproduce import reproduce
from .rerun import rerun
from .resolve import resolved
from .sample import sample
from .sweep import sweep
from .teacher import teacher
from .verify import verify

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
