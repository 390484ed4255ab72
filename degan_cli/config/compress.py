"""Settings of ``degan compress``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .fields import DATA, MODELS, RUN, setting
from .groups import ForeignSettings, ImageSettings, RunSettings

UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class CompressSettings(RunSettings, ImageSettings, ForeignSettings):
    """What to make smaller, from which images, and how long it may take; all else follows from a look at both."""

    classifier: Path = setting(help="What to compress: an artifact or a safetensors state dict.", panel=MODELS)
    student: str = setting(help="Architecture of the smaller classifier.", panel=MODELS)
    images: str | None = setting(
        None,
        help="Images at hand, the nearer to the classifier's the better: a folder, a file, a name, name:classes.",
        shown_default="crops of photographs that come with the tool",
        panel=DATA,
    )
    test_data: str | None = setting(
        None, help="Labelled images on which the student is measured at the end; they decide nothing.", panel=DATA
    )
    budget: str = setting("30m", metavar="TIME", help="How long it may take: 90s, 10m, 2h.", panel=RUN)

    def __post_init__(self) -> None:
        """Check each value, and that the budget is a time."""
        super().__post_init__()
        _ = self.seconds

    @property
    def seconds(self) -> float:
        """The budget; raises UsageError where it is no time."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", self.budget)
        if found is None or not float(found[1]):
            raise UsageError(f"--budget {self.budget!r} is no time; write seconds, minutes or hours: 90s, 10m, 2h")
        return float(found[1]) * UNITS[found[2]]
