"""The paper's Table 3: 20 old and 20 new classes of CIFAR-100, with a second increment of 20 more; also on digits.

    python benchmarks/increments.py cifar100 --data-dir data --work runs --orders 0,1,2
    python benchmarks/increments.py digits --orders 0,1,2,3,4 --rows old,finetune,fixed,lwf-mc,proxy,degan

Every row is a pipeline of plain ``degan`` commands, run as processes; finished files are not made again, and a stopped
run is taken up. The rows that the paper copies from iCaRL (finetune, fixed, lwf-mc) extend a classifier whose outputs
are sigmoids, as there; lwf, proxy and degan extend one with a softmax. The results go to
``benchmarks/results/NAME.json`` after each row. The rows ``degan-...`` replace the term that ties the scales of old and
new logits by one of its alternatives.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cells import degan
from results_file import provenance, write

ALTERNATIVES = ("full-width", "weight-align", "logits", "none")
ICARL = ("finetune", "fixed", "lwf-mc")
ROWS = ("old", "old-sigmoid", *ICARL, "proxy", "degan", "second", "lwf", *(f"degan-{x}" for x in ALTERNATIVES))


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A data set with its networks, and how long each part is trained."""

    column: str
    scale: str
    published: dict[str, float]
    data: str
    classes: tuple[int, ...]
    """How many classes there are, how many are old, new, and newest."""
    teacher: str
    incremental: str
    enrich: str

    def draws(self, order: int) -> list[str]:
        """Old, new and newest classes as data set expressions: numpy's shuffles, seeds 1993 (iCaRL's), 1994, ..."""
        import numpy

        count, *parts = self.classes
        numbers = numpy.arange(count)
        numpy.random.RandomState(1993 + order).shuffle(numbers)
        ends = [sum(parts[:i]) for i in range(len(parts) + 1)]
        return [f"{self.data}:{','.join(map(str, numbers[a:b]))}" for a, b in zip(ends[:-1], ends[1:], strict=True)]


TABLE3 = {"finetune": 41.6, "fixed": 46.8, "lwf-mc": 62.58, "proxy": 65.03, "degan": 68.65}
RESNET = "--arch resnet32 --optimiser sgd --augment crop-flip --held-out 0"
SETTINGS = {
    "cifar100": Setting(
        column="CIFAR-100, 20 old and 20 new classes, ResNet-32",
        scale="every setting the tool's default",
        published=TABLE3,
        data="cifar100",
        classes=(100, 20, 20, 20),
        teacher=RESNET,
        incremental="",
        enrich="",
    ),
    "cifar100-reduced": Setting(
        column="CIFAR-100, 20 old and 20 new classes, ResNet-32",
        scale="reduced: 300 of 500 training images a class; 50 epochs for the old classifier and 25 for each "
        "increment, instead of 250; GAN of width 32 instead of 64, 1,500 updates of 128 instead of 5,000 of 400",
        published=TABLE3,
        data="cifar100",
        classes=(100, 20, 20, 20),
        teacher=f"{RESNET} --epochs 50",
        incremental="--epochs 25",
        enrich="--steps 1500 --batch-size 128 --width 32",
    ),
    "digits": Setting(
        column="digits, 5 old and 5 new classes, LeNet",
        scale="15 epochs a stage for the old classifier, 30 for each increment; GAN of width 16, 600 updates of 64",
        published={},
        data="digits",
        classes=(10, 5, 5),
        teacher="--arch lenet --epochs 15 --patience 5",
        incremental="--epochs 30",
        enrich="--steps 600 --batch-size 64 --width 16 --lr 1e-3 --lambda-e 1 --lambda-d 10",
    ),
}


def results(setting: Setting, rows: list[str], order: int, work: Path, shared: list[str]) -> Iterator[dict[str, Any]]:
    """What the last command of each row printed, with ``test`` added: the row's accuracy in [0, 1]."""
    old, new, *newest = setting.draws(order)
    t, sigmoid, g, one = (str(work / f"{name}.safetensors") for name in ("t", "t-sigmoid", "g", "i-degan"))

    def extended(name: str, more: str, model: str = t, data: str = new) -> dict[str, Any]:
        made = work / f"i-{name}.safetensors"
        common = f"--test-data {setting.data} {setting.incremental} {more} -o {made}"
        return degan(f"incremental --classifier {model} --new-data {data} {common}", shared)

    def enriched(made: str, model: str = t, proxy: str = new) -> str:
        degan(f"enrich --classifier {model} --proxy {proxy} {setting.enrich} -o {made}", shared)
        return made

    def first(made: str, more: str = "") -> dict[str, Any]:
        return degan(f"teacher --dataset {old} {setting.teacher} {more} -o {made}", shared)

    for row in rows:
        if row in ("old", "old-sigmoid"):
            trained = first(t) if row == "old" else first(sigmoid, "--outputs sigmoid")
            yield trained | {"test": trained["metrics"]["test_accuracy"]}
            continue
        if row == "proxy":
            result = extended(row, f"--samples {new}")
        elif row == "second":
            extended("degan", f"--samples {enriched(g)}")
            second = enriched(str(work / "g-second.safetensors"), one, newest[0])
            result = extended(row, f"--samples {second}", one, newest[0])
        elif row.startswith("degan"):
            scaling = row.partition("-")[2] or "tie"
            result = extended(row, f"--samples {enriched(g)} --set scaling={scaling}")
        else:
            result = extended(row, f"--strategy {row}", sigmoid if row in ICARL else t)
        yield result | {"test": result["metrics"]["accuracy_all"]}


def main() -> None:
    """Run the wanted rows for each class order, and write their cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--work", type=Path, default=Path("runs"))
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--orders", default="0")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--name", help="of the result file; by default increments-SETTING")
    options = parser.parse_args()
    setting, rows = SETTINGS[options.setting], options.rows.split(",")
    shared = ["--data-dir", options.data_dir, "--precision", options.precision, "-q", "--resume"]

    cells: dict[str, dict[str, Any]] = {}
    for order in map(int, options.orders.split(",")):
        work = options.work / "increments" / options.setting / f"order{order}"
        for row, result in zip(rows, results(setting, rows, order, work, shared), strict=True):
            cell = cells.setdefault(
                row,
                provenance(shlex.join(["python", "benchmarks/increments.py", *sys.argv[1:]]))
                | {"table": "table3", "row": row, "column": setting.column, "published": setting.published.get(row)}
                | {"scale": setting.scale, "precision": options.precision, "seed": 0, "orders": [], "measured": []}
                | {"details": [], "updates": [], "images": [], "seconds": []},
            )
            cell["orders"].append(order)
            cell["measured"].append(round(100 * result["test"], 2))
            cell["details"].append(result["metrics"])
            cell["updates"].append(result["metrics"]["updates"])
            cell["images"].append(result["metrics"]["images"])
            # A part that was complete before has no time of its own in this run.
            cell["seconds"].append(None if "reused" in result else result["seconds"])
            write(options.name or f"increments-{options.setting}", list(cells.values()))
            print(f"{row} order {order}: {cell['measured'][-1]} (published {cell['published']})", flush=True)


if __name__ == "__main__":
    main()
