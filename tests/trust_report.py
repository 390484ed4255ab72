"""Numbers of a long test run, kept for the table in docs/trust.md."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def record(name: str, values: Mapping[str, Any]) -> None:
    """Put ``values`` under ``name`` in the JSON file that DEGAN_TRUST_REPORT names; do nothing where it is not set."""
    if not (path := os.environ.get("DEGAN_TRUST_REPORT")):
        return
    file = Path(path)
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | {name: dict(values)}, indent=2, sort_keys=True) + "\n")
