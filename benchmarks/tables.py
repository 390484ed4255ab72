"""Writes the README's tables of results from the JSON files under ``benchmarks/results``.

    python benchmarks/tables.py            # rewrite the tables
    python benchmarks/tables.py --check    # exit 1 when they are stale

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``, and NAME is a result file.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from results_file import RESULTS

README = RESULTS.parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- table (?P<name>[\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
ROWS = {
    "teacher": "teacher",
    "true": "student, true data",
    "proxy": "student, proxy",
    "dcgan": "student, DCGAN",
    "degan": "student, DeGAN",
}


def render(name: str) -> str:
    """The Markdown table of one result file."""
    results = json.loads((RESULTS / f"{name}.json").read_text())
    return _speed(results) if "loop" in results[0] else _cells(results)


def _cells(cells: list[dict[str, Any]]) -> str:
    first = cells[0]
    published = any(cell["published"] is not None for cell in cells)
    head = ["classifier", *(["published"] if published else []), "measured", "seeds"]
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    for cell in sorted(cells, key=lambda cell: list(ROWS).index(cell["row"])):
        values = cell["measured"]
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        row = [ROWS[cell["row"]], *([f"{cell['published']:.2f}"] if published else [])]
        lines.append(_row([*row, f"{statistics.mean(values):.2f}{spread}", str(len(values))]))
    hardware = first["hardware"]
    where = hardware["gpu"] or f"{hardware['cpu']}, {hardware['cores']} core(s)"
    lines += ["", f"{first['column']}; {first['scale']}. {where}, torch {hardware['torch']}. `{first['command']}`"]
    return "\n".join(lines)


def _speed(results: list[dict[str, Any]]) -> str:
    lines = [_row(["loop", "precision", "batch", "images/s", "share of the matrix rate"])]
    lines.append(_row(["---", "---", "---:", "---:", "---:"]))
    for result in results:
        rate, share = f"{result['images_per_second']:,.0f}", f"{result['share']:.0%}"
        lines.append(_row([result["loop"], result["precision"], str(result["batch_size"]), rate, share]))
    hardware = results[0]["hardware"]
    where = hardware["gpu"] or f"{hardware['cpu']}, {hardware['cores']} core(s)"
    lines += ["", f"AlexNet pair, 32 px. {where}, torch {hardware['torch']}. `{results[0]['command']}`"]
    return "\n".join(lines)


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
