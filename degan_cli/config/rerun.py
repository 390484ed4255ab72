"""Settings of ``degan rerun``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .fields import MODELS, setting
from .groups import DataSettings, OutputSettings


@dataclass(frozen=True, kw_only=True)
class RerunSettings(OutputSettings, DataSettings):
    """Which artifact is made again, and where."""

    artifact: Path = setting(argument=True, panel=MODELS, help="An artifact that degan made.")
    output: Path | None = setting(
        None,
        flags=("-o", "--output"),
        metavar="FILE",
        help="Where to write, - for stdout.",
        shown_default="NAME-again.safetensors",
        key=None,
    )
