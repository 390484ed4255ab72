"""``degan rerun``: an artifact made again, as its header says."""

from __future__ import annotations

from ..config import RerunSettings
from .declare import command, shown

rerun = command(
    RerunSettings,
    shown("rerun"),
    """Make an artifact again, by the command and settings in its header, and say whether it is the same.

    Start it where the first run was started: paths are those of then. --dry-run prints the command and stops.
    """,
)
