"""Which cells of a table are wanted, and what was measured in each: from parts to results and a Markdown table."""

from __future__ import annotations

import fnmatch
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UnknownName
from .columns import Column
from .neighbours import NEIGHBOURS, needs
from .parts import Maker, Part
from .scales import Scale
from .tables import TABLES as PAPER_TABLES

TABLES: Mapping[str, tuple[Column, ...]] = {**PAPER_TABLES, "neighbours": NEIGHBOURS}
MISSED_BY = 1.5
"""Points below the published number from which a cell is marked as a miss."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell for one seed."""

    table: str
    column: Column
    row: str
    seed: int
    part: Part
    """Whose artifact is measured."""

    @property
    def name(self) -> str:
        """As ``--only`` names it."""
        return f"{self.column.name}/{self.row}"

    @property
    def test_data(self) -> str:
        """Whose test images it is measured on."""
        return self.column.test_data(self.row, self.seed)


def choose(table: str, only: Sequence[str], makers: Sequence[Maker], scale: str) -> list[Cell]:
    """The wanted cells of a table, for each maker's seed.

    :param only: names such as ``svhn/degan``, or patterns such as ``svhn`` and ``*/degan``; all cells without any.
    :raises UnknownName: for a pattern that no cell matches.
    """
    columns = TABLES[table]
    known = [f"{column.name}/{row}" for column in columns for row in column.published]
    for pattern in only:
        if not any(_matches(name, pattern) for name in known):
            raise UnknownName(f"--only {pattern}: no cell of {table} is called so; there are {', '.join(known)}")
    chosen = []
    for maker in makers:
        for column in columns:
            for row in column.published:
                if not only or any(_matches(f"{column.name}/{row}", pattern) for pattern in only):
                    part = column.last_part(row, column.scale(scale), maker)
                    chosen.append(Cell(table=table, column=column, row=row, seed=maker.seed, part=part))
    return chosen


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.partition("/")[0], pattern)


RENAMED_ROWS = (", heavy", ", strong")
"""In results that were made before the augmentation got its name of today."""
PER_PART = ("updates", "images", "seconds", "peak_memory_bytes")
OF_LAST = ("stored_bytes", "curve")
PER_SEED = ("seeds", "measured", *PER_PART, *OF_LAST, "artifacts", "commits")
"""Fields of a result that are lists with an entry for each seed."""


def with_measurement(
    results: Sequence[Mapping[str, Any]],
    cell: Cell,
    scale: Scale,
    measured: float,
    parts: Mapping[str, Mapping[str, Any]],
    about: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The results, one object a cell, with one more measurement; an earlier one of the same seed is replaced.

    :param measured: accuracy in [0, 1].
    :param parts: what is known of each finished part by name, see ``Ledger.about``.
    :param about: command, commit, date and hardware of this measurement.
    :returns: in the order of the table.
    """
    own = list(dict.fromkeys(part.name for part in cell.part.in_order()))
    run: dict[str, Any] = {name: [parts.get(part, {}).get(name) for part in own] for name in PER_PART}
    run |= {name: parts.get(cell.part.name, {}).get(name) for name in OF_LAST}
    run |= {"seeds": cell.seed, "measured": round(100 * measured, 2)}
    run |= {"artifacts": cell.part.name, "commits": about["commit"]}
    place = {"table": cell.table, "column": cell.column.title, "row": cell.row}
    mine = _find(results, cell)
    others = [dict(result) for result in results if result is not mine]
    runs = (
        {}
        if mine is None
        else {seed: {n: mine[n][i] if n in mine else None for n in PER_SEED} for i, seed in enumerate(mine["seeds"])}
    )
    runs = dict(sorted((runs | {cell.seed: run}).items()))
    entry = dict(about) | place | {"published": cell.column.published[cell.row]}
    entry |= {"scale": f"reduced: {scale.reduced}" if scale.reduced else "paper"}
    entry |= {name: [run[name] for run in runs.values()] for name in PER_SEED}
    columns = [column.title for column in TABLES[cell.table]]
    rows = _rows(cell.table)
    return sorted([*others, entry], key=lambda result: (columns.index(result["column"]), rows.index(result["row"])))


def renamed(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Results with rows under their names of today."""
    return [{**result, "row": result["row"].replace(*RENAMED_ROWS)} for result in results]


def _rows(table: str) -> list[str]:
    """All rows of a table in its order."""
    return [row for column in TABLES[table] for row in column.published]


def is_measured(results: Sequence[Mapping[str, Any]], cell: Cell) -> bool:
    """Whether the results hold this cell, measured on the same artifact."""
    mine = _find(results, cell)
    return mine is not None and cell.part.name in mine["artifacts"]


def _find(results: Sequence[Mapping[str, Any]], cell: Cell) -> Mapping[str, Any] | None:
    place = (cell.column.title, cell.row)
    return next((result for result in results if (result["column"], result["row"]) == place), None)


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """A table of measured means with the published numbers in brackets; a miss of 1.5 points and more is marked.

    Where a column has a row ``joint``, the others are also given as a share of it.

    That of the neighbours has a line for each method instead, with what it needs and costs, for each column.
    """
    results = renamed(results)
    if results[0]["table"] == "neighbours":
        return "\n\n".join(_methods(results, column) for column in dict.fromkeys(r["column"] for r in results))
    rows = sorted({result["row"] for result in results}, key=_rows(results[0]["table"]).index)
    columns = list(dict.fromkeys(result["column"] for result in results))
    by_place = {(result["row"], result["column"]): result for result in results}
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for row in rows:
        cells = [_cell(by_place.get((row, column)), by_place.get(("joint", column))) for column in columns]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _methods(results: Sequence[Mapping[str, Any]], column: str) -> str:
    """A line for each method: what it needs, its student, how that went, and what it cost."""
    head = (column, "needs", "student", "over its epochs: mean ± spread, peak", "seconds", "memory", "samples")
    lines = [f"| {' | '.join(head)} |", "|---|---|---:|---:|---:|---:|---:|"]
    for result in (result for result in results if result["column"] == column):
        curves = [curve for curve in result["curve"] if curve]
        mean, variance, peak = (_mean(curve[name] for curve in curves) for name in ("mean", "variance", "peak"))
        course = f"{100 * mean:.2f} ± {100 * variance**0.5:.2f}, {100 * peak:.2f}" if curves else ""
        own = [seconds[1:] if len(seconds) > 1 else seconds for seconds in result["seconds"]]  # without the teacher
        seconds = _mean(sum(filter(None, each)) for each in own)
        memory = max(max((m or {}).values(), default=0) for each in result["peak_memory_bytes"] for m in each)
        stored = f"{_mean(filter(None, result['stored_bytes'])) / 2**20:.1f} MiB" if curves else ""
        cells = (result["row"], needs(result["row"]), _cell(result), course)
        costs = (f"{seconds:.0f}", f"{memory / 2**20:.0f} MiB") if memory else ("", "")
        lines.append(f"| {' | '.join((*cells, *costs))} | {stored} |")
    return "\n".join(lines)


def _mean(values: Iterable[float]) -> float:
    each = list(values)
    return statistics.fmean(each) if each else 0.0


def _cell(result: Mapping[str, Any] | None, joint: Mapping[str, Any] | None = None) -> str:
    if result is None:
        return ""
    if joint is not None and not (result["row"] == "joint" or result["row"].startswith("old")):
        share = statistics.mean(result["measured"]) / statistics.mean(joint["measured"])
        return f"{_cell(result)}, {share:.0%} of joint"
    mean, published = statistics.mean(result["measured"]), result["published"]
    text = f"{mean:.2f}"
    if len(result["measured"]) > 1:
        text += f" ± {statistics.stdev(result['measured']):.2f}"
    if published is None:
        return text
    missed = " ✗" if mean <= published - MISSED_BY else ""
    return f"{text} ({published:.2f}){missed}"
