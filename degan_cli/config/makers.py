"""The commands that make artifacts from settings alone, by name."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Settings
from .condense import CondenseSettings
from .distill import DistillSettings
from .enrich import EnrichSettings
from .incremental import IncrementalSettings
from .sample import SampleSettings
from .teacher import TeacherSettings

MAKERS: Mapping[str, type[Settings]] = {
    "teacher": TeacherSettings,
    "enrich": EnrichSettings,
    "distill": DistillSettings,
    "incremental": IncrementalSettings,
    "condense": CondenseSettings,
    "sample": SampleSettings,
}
"""Command -> its settings."""
