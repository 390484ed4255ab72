"""Cells of the paper's Table 1 and 2, from real data to a number beside the published one.

    python benchmarks/cells.py fashion-mnist --data-dir data --work runs --scale hour

Every cell is a pipeline of plain ``degan`` commands, run as processes; finished files are not made again, and a
stopped run is taken up. The results go to ``benchmarks/results/NAME.json`` after each cell.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results_file import provenance, write


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How long each part is trained; empty options are the tool's defaults, which are the paper's."""

    name: str
    teacher: str = ""
    enrich: str = ""
    distill: str = ""


PAPER = Scale(name="paper")
HOUR_LENET = Scale(
    name="reduced: GAN of width 32 instead of 64, 2,500 updates instead of 5,000, batch 128; "
    "a stage has 40 (teacher) or 25 (student) epochs at most and ends after 10 or 6 without gain, instead of 100",
    teacher="--epochs 40 --patience 10",
    enrich="--steps 2500 --batch-size 128 --width 32",
    distill="--epochs 25 --patience 6",
)
HOUR_ALEXNET = Scale(
    name="reduced: GAN of width 32 instead of 64, 1,000 updates instead of 5,000, batch 128; "
    "3/5 of CIFAR-100; a stage has 10 (teacher) or 8 (student, of 128 updates instead of 256) epochs at most",
    teacher="--epochs 10 --patience 4",
    enrich="--steps 1000 --batch-size 128 --width 32",
    distill="--epochs 8 --steps-per-epoch 128 --patience 4",
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One pair of networks, true data and proxy of the paper's tables."""

    table: str
    title: str
    true_data: str
    proxy: str
    teacher: str
    student: str
    published: dict[str, float]
    hour: Scale
    """What two CPU cores manage in about an hour."""


COLUMNS = {
    "fashion-mnist": Column(
        table="table1",
        title="F-MNIST (CIFAR-10)",
        true_data="fashion-mnist",
        proxy="cifar10",
        teacher="lenet",
        student="lenet-half",
        published={"teacher": 90.72, "true": 88.98, "proxy": 77.81, "dcgan": 79.67, "degan": 83.79},
        hour=HOUR_LENET,
    ),
    "cifar10-90": Column(
        table="table2",
        title="CIFAR-100, 90 classes",
        true_data="cifar10",
        proxy="cifar100-90",
        teacher="alexnet",
        student="alexnet-half",
        published={"teacher": 83.02, "true": 81.78, "proxy": 74.58, "dcgan": 66.24, "degan": 80.55},
        hour=HOUR_ALEXNET,
    ),
}


def degan(arguments: str, shared: list[str]) -> dict[str, Any]:
    """Run one command as a process and return the object it prints."""
    command = [sys.executable, "-m", "degan_cli", *shlex.split(arguments), *shared, "--json"]
    print("$ degan", shlex.join(command[3:]), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    """Run the wanted rows of one column for each seed, and write the cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("column", choices=COLUMNS)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--work", type=Path, default=Path("runs"))
    parser.add_argument("--scale", choices=("paper", "hour"), default="hour")
    parser.add_argument("--rows", default="teacher,true,proxy,dcgan,degan")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--enrich", default="", help="further options of enrich")
    parser.add_argument("--name", help="of the result file; by default column and scale")
    options = parser.parse_args()
    column = COLUMNS[options.column]
    scale = column.hour if options.scale == "hour" else PAPER
    rows, seeds = options.rows.split(","), [int(seed) for seed in options.seeds.split(",")]

    cells: dict[str, dict[str, Any]] = {}
    for seed in seeds:
        work = options.work / options.column / options.scale / f"seed{seed}"
        data = ["--data-dir", options.data_dir, "--precision", options.precision]
        shared = [*data, "--seed", str(seed), "-q", "--resume"]
        t = work / "t.safetensors"
        trained = degan(f"teacher --dataset {column.true_data} --arch {column.teacher} {scale.teacher} -o {t}", shared)
        for row in rows:
            parts, made = [trained], t
            if row != "teacher":
                samples = {"true": column.true_data, "proxy": column.proxy}.get(row, "")
                if not samples:
                    samples = str(work / f"g-{row}.safetensors")
                    more = f"{scale.enrich} {options.enrich if row == 'degan' else ''}"
                    enrich = f"enrich --classifier {t} --proxy {column.proxy} --method {row} {more} -o {samples}"
                    parts.append(degan(enrich, shared))
                made = work / f"s-{row}.safetensors"
                # The authors' betas: 0.5 with generated samples, 0.9 with stored ones.
                beta1 = "--beta1 0.9" if row in ("true", "proxy") else ""
                student = f"--student {column.student} --samples {samples} {beta1} {scale.distill}"
                parts.append(degan(f"distill --teacher {t} {student} -o {made}", shared))
            accuracy = degan(f"eval {made} --dataset {column.true_data}", data)["metrics"]["accuracy"]
            command = shlex.join(["python", "benchmarks/cells.py", *sys.argv[1:]])
            cell = cells.setdefault(
                row,
                provenance(command)
                | {"table": column.table, "row": row, "column": column.title, "published": column.published[row]}
                | {"scale": scale.name, "seeds": [], "measured": [], "updates": [], "images": [], "seconds": []},
            )
            cell["seeds"].append(seed)
            cell["measured"].append(round(100 * accuracy, 2))
            cell["updates"].append([part["metrics"]["updates"] for part in parts[-1 if row == "teacher" else 1 :]])
            cell["images"].append([part["metrics"]["images"] for part in parts[-1 if row == "teacher" else 1 :]])
            # A part that was complete before has no time of its own in this run.
            own = [None if "reused" in part else part["seconds"] for part in parts[-1 if row == "teacher" else 1 :]]
            cell["seconds"].append(own)
            write(options.name or f"{options.column}-{options.scale}", list(cells.values()))
            print(
                f"{column.title} {row} seed {seed}: {100 * accuracy:.2f} (published {column.published[row]})",
                flush=True,
            )


if __name__ == "__main__":
    main()
