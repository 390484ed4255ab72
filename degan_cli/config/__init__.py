"""Settings: each declared once, with its default, bounds, help and what it applies to. No torch here."""

from .base import Layer, Settings
from .compress import CompressSettings
from .condense import CondenseSettings
from .demo import DemoSettings
from .distill import DistillSettings
from .enrich import EnrichSettings
from .evaluate import EvaluateSettings
from .export import ExportSettings
from .importing import ImportSettings
from .incremental import IncrementalSettings
from .report import ReportSettings
from .reproduce import ReproduceSettings
from .rerun import RerunSettings
from .sample import SampleSettings
from .sweep import SweepSettings
from .teacher import TeacherSettings
from .verify import VerifySettings

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
    "Layer",
    "ReportSettings",
    "ReproduceSettings",
    "RerunSettings",
    "SampleSettings",
    "Settings",
    "SweepSettings",
    "TeacherSettings",
    "VerifySettings",
]
