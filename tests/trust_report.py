"""What a long run of the tests of faults has tried, and what came of it, kept for the table in docs/trust.md."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from degan_cli.paper.provenance import provenance

COMMAND = "make test-long"


def record(row: str, outcomes: Mapping[str, int]) -> None:
    """Put ``row`` into the JSON file that DEGAN_TRUST_REPORT names, in its old place; do nothing where it is not set.

    :param outcomes: how often each was the end of a trial.
    """
    if not (path := os.environ.get("DEGAN_TRUST_REPORT")):
        return
    file = Path(path)
    known = {one["row"]: one for one in json.loads(file.read_text())} if file.exists() else {}
    made = {"table": "trust", "row": row, "trials": sum(outcomes.values()), "outcomes": dict(outcomes), "seed": 0}
    known[row] = made | provenance(COMMAND)
    file.write_text(json.dumps(list(known.values()), indent=1) + "\n")
