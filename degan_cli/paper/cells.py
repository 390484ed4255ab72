"""Which cells of a table are wanted, and what was measured in each: from parts to results and a Markdown table."""

from __future__ import annotations

import fnmatch
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UnknownName
from .parts import Maker, Part
from .tables import TABLES, Column, Scale

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


PER_PART = ("updates", "images", "seconds")
PER_SEED = ("seeds", "measured", *PER_PART, "artifacts", "commits")
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
    :param parts: what is known of each finished part by name: ``updates``, ``images``, ``seconds``.
    :param about: command, commit, date and hardware of this measurement.
    :returns: in the order of the table.
    """
    own = list(dict.fromkeys(part.name for part in cell.part.in_order()))
    run: dict[str, Any] = {name: [parts.get(part, {}).get(name) for part in own] for name in PER_PART}
    run |= {"seeds": cell.seed, "measured": round(100 * measured, 2)}
    run |= {"artifacts": cell.part.name, "commits": about["commit"]}
    place = {"table": cell.table, "column": cell.column.title, "row": cell.row}
    mine = _find(results, cell)
    others = [dict(result) for result in results if result is not mine]
    runs = {} if mine is None else {seed: {n: mine[n][i] for n in PER_SEED} for i, seed in enumerate(mine["seeds"])}
    runs = dict(sorted((runs | {cell.seed: run}).items()))
    entry = dict(about) | place | {"published": cell.column.published[cell.row]}
    entry |= {"scale": f"reduced: {scale.reduced}" if scale.reduced else "paper"}
    entry |= {name: [run[name] for run in runs.values()] for name in PER_SEED}
    columns = [column.title for column in TABLES[cell.table]]
    rows = _rows(cell.table)
    return sorted([*others, entry], key=lambda result: (columns.index(result["column"]), rows.index(result["row"])))


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
    """A table of measured means with the published numbers in brackets; a miss of 1.5 points and more is marked."""
    rows = sorted({result["row"] for result in results}, key=_rows(results[0]["table"]).index)
    columns = list(dict.fromkeys(result["column"] for result in results))
    by_place = {(result["row"], result["column"]): result for result in results}
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for row in rows:
        cells = [_cell(by_place.get((row, column))) for column in columns]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return ""
    mean, published = statistics.mean(result["measured"]), result["published"]
    text = f"{mean:.2f}"
    if len(result["measured"]) > 1:
        text += f" ± {statistics.stdev(result['measured']):.2f}"
    if published is None:
        return text
    missed = " ✗" if mean <= published - MISSED_BY else ""
    return f"{text} ({published:.2f}){missed}"
