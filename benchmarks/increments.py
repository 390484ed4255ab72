"""The paper's Table 3: 20 old and 20 new classes of CIFAR-100, and a second increment of 20 more.

    python benchmarks/increments.py --data-dir data --work runs --scale cpu

Every row is a pipeline of plain ``degan`` commands, run as processes; finished files are not made again, and a stopped
run is taken up. The results go to ``benchmarks/results/NAME.json`` after each row. The rows ``degan-...`` replace the
term that ties the scales of old and new logits by one of its alternatives.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
from pathlib import Path
from typing import Any

from cells import degan
from results_file import provenance, write

PUBLISHED = {"finetune": 41.6, "fixed": 46.8, "lwf-mc": 62.58, "proxy": 65.03, "degan": 68.65}
ALTERNATIVES = ("full-width", "weight-align", "logits", "none")
ROWS = ("old", *PUBLISHED, "second", "lwf", *(f"degan-{name}" for name in ALTERNATIVES))
SCALES = {
    "paper": ("every setting the tool's default", "", "", ""),
    "cpu": (
        "reduced: 300 of 500 training images a class; 50 epochs for the old classifier and 25 for each increment, "
        "instead of 250; GAN of width 32 instead of 64, 1,500 updates of 128 instead of 5,000 of 400",
        "--epochs 50",
        "--epochs 25",
        "--steps 1500 --batch-size 128 --width 32",
    ),
}
"""Name -> what is reduced, and options of teacher, incremental and enrich."""


def classes(order: int) -> list[str]:
    """Three draws of 20 classes, as data set expressions: numpy's shuffle of 0..99, seeds 1993 (iCaRL's), 1994, ..."""
    import numpy

    numbers = numpy.arange(100)
    numpy.random.RandomState(1993 + order).shuffle(numbers)
    return ["cifar100:" + ",".join(map(str, numbers[first : first + 20])) for first in (0, 20, 40)]


def main() -> None:
    """Run the wanted rows for each class order, and write their cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--work", type=Path, default=Path("runs"))
    parser.add_argument("--scale", choices=SCALES, default="cpu")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--orders", default="0")
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    scale, teacher, increment, gan = SCALES[options.scale]

    cells: dict[str, dict[str, Any]] = {}
    for order in map(int, options.orders.split(",")):
        old, new, newest = classes(order)
        work = options.work / "table3" / options.scale / f"order{order}"
        shared = ["--data-dir", options.data_dir, "--precision", options.precision, "-q", "--resume"]
        t, g, one = (str(work / f"{name}.safetensors") for name in ("t", "g", "i-degan"))

        def extend(name: str, more: str, model: str = t, data: str = new) -> dict[str, Any]:
            made = work / f"i-{name}.safetensors"
            arguments = f"--classifier {model} --new-data {data} --test-data cifar100 {increment} {more} -o {made}"
            return degan(f"incremental {arguments}", shared)

        def enriched(made: str, model: str = t, proxy: str = new) -> str:
            degan(f"enrich --classifier {model} --proxy {proxy} {gan} -o {made}", shared)
            return made

        recipe = "--arch resnet32 --optimiser sgd --augment crop-flip --held-out 0"
        trained = degan(f"teacher --dataset {old} {recipe} {teacher} -o {t}", shared)
        for row in options.rows.split(","):
            if row == "old":
                result, accuracy = trained, trained["metrics"]["test_accuracy"]
            elif row == "second":
                extend("degan", f"--samples {enriched(g)}")
                second = enriched(str(work / "g-second.safetensors"), one, newest)
                result = extend("second", f"--samples {second}", one, newest)
                accuracy = result["metrics"]["accuracy_all"]
            else:
                strategy, scaling = ("replay", row.partition("-")[2]) if row.startswith("degan") else (row, "")
                more = f"--strategy {'replay' if row == 'proxy' else strategy}"
                if row == "proxy":
                    more += f" --samples {new}"
                elif strategy == "replay":
                    more += f" --samples {enriched(g)}" + (f" --set scaling={scaling}" if scaling else "")
                result = extend(row, more)
                accuracy = result["metrics"]["accuracy_all"]
            cell = cells.setdefault(
                row,
                provenance(shlex.join(["python", "benchmarks/increments.py", *sys.argv[1:]]))
                | {"table": "table3", "row": row, "column": "CIFAR-100, 20 old and 20 new classes"}
                | {"published": PUBLISHED.get(row), "scale": scale, "precision": options.precision, "orders": []}
                | {"seed": 0, "measured": [], "details": [], "updates": [], "images": [], "seconds": []},
            )
            cell["orders"].append(order)
            cell["measured"].append(round(100 * accuracy, 2))
            cell["details"].append(result["metrics"])
            cell["updates"].append(result["metrics"]["updates"])
            cell["images"].append(result["metrics"]["images"])
            cell["seconds"].append(None if "reused" in result else result["seconds"])
            write(f"table3-{options.scale}", list(cells.values()))
            print(f"{row} order {order}: {cell['measured'][-1]} (published {cell['published']})", flush=True)
    for row, cell in cells.items():
        print(row, round(statistics.mean(cell["measured"]), 2), cell["measured"])


if __name__ == "__main__":
    main()
