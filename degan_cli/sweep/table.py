"""What a sweep has measured so far: a row for each combination of values, with mean and spread over its seeds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact import read_header
from ..paper.parts import Part
from .cases import Case

if TYPE_CHECKING:
    from rich.table import Table


def metrics_of(part: Part, folder: Path) -> dict[str, float] | None:
    """The plain numbers that a part measured; None where it is not made."""
    path = part.path(folder)
    if not path.exists():
        return None
    metrics = json.loads(path.read_text())["metrics"] if part.prints else read_header(path).metrics
    return {n: v for n, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def rows_of(cases: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """A row for the cases that differ in seeds alone.

    Each has ``values``, ``cases`` with their seeds, artifact and metrics (None where that is missing), ``mean`` and
    ``spread``, the standard deviation, by metric, of those that are there; there is no spread of a single one.
    """
    grouped: dict[str, list[Case]] = {}
    for case in cases:
        grouped.setdefault(json.dumps(case.values, default=str), []).append(case)
    rows = []
    for group in grouped.values():
        found = [metrics_of(case.part, folder) for case in group]
        there = [metrics for metrics in found if metrics is not None]
        common = [name for name in (there[0] if there else {}) if all(name in metrics for metrics in there)]
        columns = {name: [metrics[name] for metrics in there] for name in common}
        rows.append(
            {
                "values": dict(group[0].values),
                "cases": [
                    {"seeds": dict(case.seeds), "artifact": case.part.path(folder).name, "metrics": metrics}
                    for case, metrics in zip(group, found, strict=True)
                ],
                "mean": {name: statistics.fmean(values) for name, values in columns.items()},
                "spread": {n: statistics.stdev(values) for n, values in columns.items() if len(values) > 1},
            }
        )
    return rows


def rich_table(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> Table:
    """The rows for people.

    :param metrics: names of those to show; all where there are none.
    """
    from rich.table import Table

    table = Table()
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    shown = metrics or list(dict.fromkeys(name for row in rows for name in row["mean"]))
    for key in keys:
        table.add_column(key)
    for name in [*shown, "made"]:
        table.add_column(name, justify="right")
    for row in rows:
        made = sum(case["metrics"] is not None for case in row["cases"])
        whole = len(row["cases"])
        told = str(made) if made == whole else f"{made} of {whole}, the rest is missing"
        table.add_row(*(_text(row["values"].get(key, "")) for key in keys), *(_cell(row, n) for n in shown), told)
    return table


def _cell(row: Mapping[str, Any], name: str) -> str:
    if name not in row["mean"]:
        return "missing"
    return f"{row['mean'][name]:.4g}" + (f" ± {row['spread'][name]:.2g}" if name in row["spread"] else "")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
