"""Settings: each declared once, with its default, bounds, help and what it applies to. No torch here."""

from .base import Layer, Settings
from .compress import CompressSettings
from .condense import CondenseSettings
from .demo import DemoSettings
from .distill import DistillSettings
from .enrich import EnrichSettings
from .evaluate import EvaluateSettings
from .incremental import IncrementalSettings
from .report import ReportSettings
from .reproduce import ReproduceSettings
from .sample import SampleSettings
from .teacher import TeacherSettings

__all__ = [
    "CompressSettings",
    "CondenseSettings",
    "DemoSettings",
    "DistillSettings",
    "EnrichSettings",
    "EvaluateSettings",
    "IncrementalSettings",
    "Layer",
    "ReportSettings",
    "ReproduceSettings",
    "SampleSettings",
    "Settings",
    "TeacherSettings",
]
