"""Settings of every command as its job resolves them, with the built-in methods and strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from degan_cli import config
from degan_cli.config import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    ExportSettings,
    IncrementalSettings,
    Settings,
    TeacherSettings,
)
from degan_cli.plugins import load_plugins

PLUGINS = load_plugins(enabled=False)
KINDS = [
    kind
    for kind in vars(config).values()
    if isinstance(kind, type) and issubclass(kind, Settings) and kind is not Settings
]
"""The settings of each command."""
REQUIRED: Mapping[type[Settings], Mapping[str, Any]] = {
    TeacherSettings: {"dataset": "digits", "architecture": "lenet"},
    CondenseSettings: {"dataset": "digits"},
    EnrichSettings: {"classifier": "t.safetensors"},
    EvaluateSettings: {"model": "t.safetensors"},
    DistillSettings: {"teacher": "t.safetensors", "student": "lenet-half"},
    ExportSettings: {"model": "t.safetensors"},
    IncrementalSettings: {"classifier": "t.safetensors", "new_data": "digits:5-9", "strategy": "finetune"},
}
"""What nobody can leave out, and a strategy that needs no samples."""


def resolve(settings: Any, trained: Mapping[str, Any] | None = None) -> Any:
    """Every value as it will be used; ``trained`` is the run of an old classifier."""
    if isinstance(settings, EnrichSettings):
        return settings.resolved(PLUGINS.methods.get(settings.method))
    if isinstance(settings, DistillSettings):
        return settings.resolved(None if settings.method is None else PLUGINS.methods.get(settings.method))
    if isinstance(settings, IncrementalSettings):
        settings = settings.decided(colour=False, trained=trained or {})
        return settings.resolved(PLUGINS.strategies.get(settings.strategy or ""), trained or {})
    return settings.resolved()
