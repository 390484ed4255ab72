"""Settings of ``degan verify``."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Settings
from .fields import MODELS, setting


@dataclass(frozen=True, kw_only=True)
class VerifySettings(Settings):
    """Which artifacts are looked at."""

    artifacts: tuple[str, ...] = setting(argument=True, panel=MODELS, help="Artifacts that degan made.")
