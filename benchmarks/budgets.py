"""What `degan compress` makes of its budget: students from images of another data set, some seeds a budget.

    python benchmarks/budgets.py --work runs/compress --pair mnist --budgets 2m:0,1,2 10m:0,1,2 30m:0

The result of each run lies beside its artifact, and what is there is not run again; the rows of
``results/budgets.json`` are made from them (those that name no recipe are of a time when it was ``patient``). Nobody
looks at the test images before the end. One run at a time: a budget means little beside other work.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results_file import known, write
from teaching import teacher_in

from degan_cli.config import CompressSettings
from degan_cli.jobs import Session, compress
from degan_cli.paper.provenance import provenance

NAME = "budgets"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A classifier of a data set, and the images that its student learns from."""

    title: str
    images: str
    teacher: Mapping[str, Any]
    student: str


LENET: Mapping[str, Any] = {"architecture": "lenet", "epochs": 40, "patience": 10}
PAIRS = {
    "fashion-mnist": Pair(
        title="Fashion-MNIST from grey CIFAR-10", images="cifar10", teacher=LENET, student="lenet-half"
    ),
    "mnist": Pair(title="MNIST from Fashion-MNIST", images="fashion-mnist", teacher=LENET, student="lenet-half"),
    "cifar10": Pair(
        title="CIFAR-10 from CIFAR-100's 90 classes",
        images="cifar100-90",
        teacher={"architecture": "alexnet", "epochs": 10, "patience": 4},  # as `degan reproduce table1 --scale gan`
        student="alexnet-half",
    ),
}
"""By the classifier's data."""


def run(budget: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The result of one run as ``--json`` gives it, made or read."""
    found = options.work / f"s-{budget}-{seed}.json"
    if not found.exists():
        session, pair = Session(quiet=True), PAIRS[options.pair]
        shared: dict[str, Any] = {"data_dir": options.data_dir, "precision": options.precision}
        t = teacher_in(options.work, options.pair, session, **pair.teacher, **shared)
        made = compress(
            CompressSettings(
                classifier=t,
                images=pair.images,
                student=pair.student,
                budget=budget,
                seed=seed,
                test_data=options.pair,
                **shared,
                output=found.with_suffix(".safetensors"),
                force=True,
            ),
            session,
        )
        found.write_text(json.dumps(made.to_json()))
    result: dict[str, Any] = json.loads(found.read_text())
    return result


def main() -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/compress"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--pair", choices=tuple(PAIRS), default="fashion-mnist")
    parser.add_argument("--budgets", nargs="+", default=["2m:0,1,2", "10m:0,1,2", "30m:0"], metavar="BUDGET:SEEDS")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for wanted in options.budgets:
        budget, _, text = wanted.partition(":")
        seeds = [int(seed) for seed in text.split(",")]
        each = [run(budget, seed, options) for seed in seeds]
        metrics = [result["metrics"] for result in each]
        recipe = metrics[0]["plan"]["recipe"]["recipe"]
        rows.append(
            {
                "table": NAME,
                "column": f"{PAIRS[options.pair].title}, by the recipe {recipe}",
                "row": budget,
                "scale": f"{PAIRS[options.pair].student} in {budget}",
                "seeds": seeds,
                "measured": [round(100 * one["accuracy"], 2) for one in metrics],
                "agreement": [round(100 * one["agreement"], 2) for one in metrics],
                "teacher": round(100 * metrics[0]["teacher_accuracy"], 2),
                "updates": [one["updates"] for one in metrics],
                "seconds": [round(result["seconds"], 1) for result in each],
            }
            | provenance(shlex.join(["python", *sys.argv]))
        )
    made = {(row["column"], row["row"]) for row in rows}
    others = known(NAME)
    write(NAME, [*(row for row in others if (row["column"], row["row"]) not in made), *rows])


if __name__ == "__main__":
    main()
