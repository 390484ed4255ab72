"""Writes the README's tables of results from the JSON files under ``benchmarks/results``.

    python benchmarks/tables.py            # rewrite the tables
    python benchmarks/tables.py --check    # exit 1 when they are stale

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``, and NAME is a result file.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from results_file import RESULTS

from degan_cli.paper.cells import markdown

README = RESULTS.parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- table (?P<name>[\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
DEMO_ROWS = {
    "teacher": "teacher",
    "true": "student, true data",
    "proxy": "student, proxy",
    "dcgan": "student, DCGAN",
    "degan": "student, DeGAN",
}


def render(name: str) -> str:
    """The Markdown table of one result file."""
    results = json.loads((RESULTS / f"{name}.json").read_text())
    if "loop" in results[0]:
        return _speed(results)
    return _demo(results) if results[0]["table"] == "demo" else _paper(results)


def _paper(results: list[dict[str, Any]]) -> str:
    """Measured means, the published numbers in brackets; the neighbours' columns are tables of their own."""
    columns = dict.fromkeys(result["column"] for result in results) if results[0]["table"] == "neighbours" else [None]
    parts = [[result for result in results if column in (None, result["column"])] for column in columns]
    return "\n\n".join(f"{markdown(part)}\n\n{_lengths(part)}" for part in parts) + f" {_where(results[0])}"


def _lengths(results: list[dict[str, Any]]) -> str:
    """How far the runs were shortened, and over how many seeds."""
    scales = "; ".join(dict.fromkeys(result["scale"] for result in results))
    seeds = sorted({len(result["seeds"]) for result in results})
    return f"{scales}. {'-'.join(map(str, seeds))} seed{'' if seeds == [1] else 's'} a cell."


def _demo(cells: list[dict[str, Any]]) -> str:
    lines = [_row(["classifier", "measured", "seeds"]), _row(["---", "---:", "---:"])]
    for cell in sorted(cells, key=lambda cell: list(DEMO_ROWS).index(cell["row"])):
        values = cell["measured"]
        lines.append(_row([DEMO_ROWS[cell["row"]], f"{mean(values):.2f} ± {stdev(values):.2f}", str(len(values))]))
    first = cells[0]
    return "\n".join([*lines, "", f"{first['column']}; {first['scale']}. {_where(first)}"])


def _where(result: dict[str, Any]) -> str:
    hardware = result["hardware"]
    machine = hardware["gpu"] or f"{hardware['cpu']}, {hardware['cores']} core(s)"
    return f"{machine}, torch {hardware['torch']}. `{result['command']}` at {result['commit'][:7]}"


def _speed(results: list[dict[str, Any]]) -> str:
    growth = "size" in results[0]
    head = ["loop", "precision", "batch", *(["side"] if growth else []), "images/s"]
    head += [] if growth else ["plain loop", "ratio"]
    head.append("share of the matrix rate")
    lines = [_row(head), _row(["---", "---", *["---:"] * (len(head) - 2)])]
    for result in results:
        row = [result["loop"], result["precision"], str(result["batch_size"])]
        row += [str(result["size"])] if growth else []
        row.append(f"{result['images_per_second']:,.0f}")
        row += [] if growth else [f"{result['plain_images_per_second']:,.0f}", f"{result['ratio']:.1f}"]
        lines.append(_row([*row, f"{result['share']:.0%}"]))
    networks = "ResNet-32" if growth else "AlexNet pair, 32 px"
    return "\n".join([*lines, "", f"{networks}. {_where(results[0])}"])


def _row(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def fill(text: str) -> str:
    """``text`` with every table made anew."""
    return BLOCK.sub(lambda block: f"{block[1]}{render(block['name'])}\n{block[3]}", text)


def main() -> None:
    """Rewrite or check the README."""
    old = README.read_text()
    new = fill(old)
    if "--check" in sys.argv[1:]:
        sys.exit(None if new == old else "README.md: tables are stale; run python benchmarks/tables.py")
    Path(README).write_text(new)


if __name__ == "__main__":
    main()
