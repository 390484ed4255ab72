"""Settings of ``degan demo``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .fields import RUN, setting
from .groups import ComputeSettings


@dataclass(frozen=True, kw_only=True)
class DemoSettings(ComputeSettings):
    """How the pipeline on digits runs."""

    output: Path = setting(Path("degan-demo"), flags=("-o", "--output"), help="Folder for all files.", panel=RUN)
    quick: bool = setting(False, help="A few updates only: shows that all works, the numbers mean nothing.", panel=RUN)
    max_minutes: float | None = setting(
        None, min=0, metavar="M", help="Then write a checkpoint and exit with 75; see --resume.", panel=RUN
    )
    force: bool = setting(False, help="Overwrite an existing result.", panel=RUN, in_file=False)
    resume: bool = setting(False, help="Go on with a stopped demo, or make what is missing.", panel=RUN, in_file=False)
