"""Draw the pictures of docs/results.md from the measured results; `make docs` does it. Needs matplotlib.

python benchmarks/plots.py
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from results_file import RESULTS

IMAGES = Path(__file__).parent.parent / "docs" / "images"


def few_images(target: Path) -> None:
    """Accuracy over the number of images at hand: each seed a dot, a line through the means of equal updates."""
    cells = [
        one for one in json.loads((RESULTS / "few-images.json").read_text()) if one["part"] in ("number", "longer")
    ]
    updates = min(one["updates"] for one in cells)
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for row, colour in (("images, strong", "tab:blue"), ("degan + images, strong", "tab:orange")):
        found: dict[int, list[float]] = defaultdict(list)
        for one in cells:
            if (one["row"], one["updates"], one["images"]) == (row, updates, "ten classes"):
                found[one["number"]].append(one["measured"])
        numbers = sorted(found)
        axes.plot(numbers, [mean(found[n]) for n in numbers], color=colour, label=f"{row}: {updates:,} updates")
        for number in numbers:
            axes.plot([number] * len(found[number]), found[number], "o", color=colour, markersize=4)
        for one in cells:
            if one["row"] == row and one["updates"] > updates:
                label = f"{row}: {one['updates']:,} updates"
                axes.plot(one["number"], one["measured"], "*", color=colour, markersize=10, label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.set(xlabel="grey CIFAR-10 images at hand", ylabel="student's accuracy on Fashion-MNIST, %")
    axes.legend(fontsize=8)
    figure.savefig(target, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    few_images(IMAGES / "few-images.png")
