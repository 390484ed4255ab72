"""``degan reproduce``: the cells of the paper's tables, from real data to numbers beside the published ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..config import ReproduceSettings
from .declare import command
from .failures import tell_failures

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: ReproduceSettings, session: Session, as_json: bool) -> None:
    from ..jobs import reproduce as make_cells

    table = make_cells(settings, session)
    print(json.dumps(table.to_json()) if as_json and not table.commands else table.to_text())
    tell_failures(table.outcome)
    if table.outcome.error is not None:
        raise table.outcome.error


reproduce = command(
    ReproduceSettings,
    _run,
    """Make cells of a table, each a chain of plain degan commands; finished parts are not made again.

    Results go to DIR/TABLE-SCALE.json and .md after each cell. A part that fails is listed with its exit code and log;
    all that does not need it is made. --dry-run prints the commands, to be run by hand or by a scheduler. A stopped
    table goes on with the same command.
    """,
)
