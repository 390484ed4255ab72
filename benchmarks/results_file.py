"""Where measured results lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def known(name: str) -> list[dict[str, Any]]:
    """What ``results/NAME.json`` holds so far."""
    path = RESULTS / f"{name}.json"
    results: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return results


def write(name: str, results: dict[str, Any] | list[dict[str, Any]]) -> Path:
    """Write ``results/NAME.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path
