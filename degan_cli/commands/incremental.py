"""``degan incremental``: teach a classifier new classes without the data of the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import IncrementalSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: IncrementalSettings, session: Session, as_json: bool) -> None:
    from ..jobs import incremental

    incremental(settings, session).show(as_json, session.quiet)


incremental = command(
    IncrementalSettings,
    _run,
    """Teach a classifier new classes; the old ones keep their places and names, and their data are not needed.""",
)
