"""``degan incremental``: teach a classifier new classes without the data of the old ones."""

from __future__ import annotations

from ..config import IncrementalSettings
from .declare import command, shown

incremental = command(
    IncrementalSettings,
    shown("incremental"),
    """Teach a classifier new classes; the old ones keep their places and names, and their data are not needed.""",
)
