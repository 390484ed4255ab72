"""Settings of ``degan sweep``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .fields import DATA, RUN, setting
from .groups import DataSettings


@dataclass(frozen=True, kw_only=True)
class SweepSettings(DataSettings):
    """Which pipelines are run, where, and what becomes of them; the rest stands in the file."""

    file: Path = setting(argument=True, panel=DATA, help="A TOML file of steps and of the values to try.")
    output: Path | None = setting(
        None,
        flags=("-o", "--output"),
        metavar="DIR",
        help="Parts and results.",
        shown_default="FILE.sweep beside the file",
        panel=DATA,
    )
    executor: str = setting(
        "local",
        choices=("local", "ray", "slurm"),
        help="Processes here, tasks of a Ray cluster (RAY_ADDRESS, or a local one), or scripts for Slurm, which are "
        "written and not submitted.",
        panel=RUN,
    )
    jobs: int | None = setting(
        None, min=1, help="Commands at a time.", shown_default="as many as cores and memory allow", panel=RUN
    )
    max_minutes: float | None = setting(
        None, min=0, metavar="M", help="Then stop all commands and exit with 75; the same command goes on.", panel=RUN
    )
    dry_run: bool = setting(
        False, help="Say what there is to make, and measure what it will take.", panel=RUN, in_file=False
    )
