"""By which recipe and changes of the images a student learns best: a few pairs of classifier and images.

    python benchmarks/changes.py --pair cifar10 --work runs/changes --data-dir data --max-minutes 60

All rows of a pair have equally many updates of 64. What is compared is watched on the *training* images of the
classifier's own data, which no student saw, so that a choice by it has not seen the test images. Results are added to
``results/changes.json`` (of other pairs ``changes-PAIR.json``), and what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results_file import known, write
from teaching import BEFORE, taught, teacher_in

from degan_cli.config import DistillSettings
from degan_cli.jobs import Session
from degan_cli.paper.provenance import provenance

NAME = "changes"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A classifier and the images that its student learns from."""

    images: str
    teacher: Mapping[str, Any]
    student: str
    rows: tuple[str, ...]
    """The ones made where none is named."""


LENET_ROWS = (
    "fast, outlined, none, logit_weight=3, clip=1",
    "fast, strong, none, logit_weight=3, clip=1",
    "fast, strong, none",
    "fast, strong, none, clip=1",
    "patient, strong, mixup, logit_weight=3, clip=1",
    "patient, strong, mixup",
    "paper, strong, none",
    "paper, none, none",
    "adam at 20, strong, none",
    "patient, none, none",
)
PAIRS = {
    "cifar10": Pair(
        images="cifar100-90",
        teacher={"architecture": "alexnet", "epochs": 10, "patience": 4},  # as `degan reproduce table1 --scale gan`
        student="alexnet-half",
        rows=(
            "patient, strong, mixup",
            "patient, crop-flip, mixup",
            "patient, none, none",
            "paper, none, none",
            "paper, crop-flip, none",
            "photographs, none, none",
            "photographs, crop-flip, none",
        ),
    ),
    "mnist": Pair(
        images="fashion-mnist",
        teacher={"architecture": "lenet", "epochs": 30, "patience": 5},
        student="lenet-half",
        rows=LENET_ROWS,
    ),
    "fashion-mnist": Pair(
        images="cifar10",
        teacher={"architecture": "lenet", "epochs": 60, "patience": 15},
        student="lenet-half",
        rows=LENET_ROWS,
    ),
}
STEPS_PER_EPOCH = 64


def settings_of(row: str) -> dict[str, Any]:
    """What a row says: recipe, what is done to each image, how images are put together, and further settings.

    ``adam at 20`` is ``paper`` without its second stage, one way down for the rate. The further ones are written as
    ``name=value``; ``samples=a+b`` takes equal parts of both in place of the pair's images.
    """
    recipe, augment, mix, *others = row.split(", ")
    values: dict[str, Any] = {"recipe": recipe, "augment": augment, "mix": mix} | BEFORE
    if recipe == "adam at 20":
        values |= {"recipe": "paper", "schedule": "cosine"}
    for name, _, text in (other.partition("=") for other in others):
        if name == "samples":
            values[name] = tuple(text.split("+"))
        else:
            values[name] = json.loads(text) if text[0].isdigit() else text
    return values


def measure(row: str, options: argparse.Namespace) -> dict[str, Any]:
    """The student of a row: accuracy on the training images of the true data, agreement on held-out images."""
    session, folder, pair = Session(quiet=True), options.work / options.pair, PAIRS[options.pair]
    shared: dict[str, Any] = {
        "data_dir": options.data_dir,
        "device": options.device,
        "precision": options.precision,
    }
    name = row.replace(", ", "-").replace(":", "-").replace("/", "-")
    own = {"samples": (pair.images,)} | settings_of(row)
    stages = 2 if row.startswith("paper,") and own.get("schedule", "stages") == "stages" else 1
    epochs = options.updates // STEPS_PER_EPOCH // stages
    student = DistillSettings(
        teacher=teacher_in(folder, options.pair, session, **pair.teacher, **shared),
        student=pair.student,
        epochs=epochs,
        steps_per_epoch=STEPS_PER_EPOCH,
        patience=epochs,
        seed=options.seed,
        output=folder / f"{name}-{options.updates}-{options.seed}.safetensors",
        force=True,
        **own,
        **shared,
    )
    made = taught(student, options.pair, session, split="train")
    return {name: made[name] for name in ("agreement", "updates", "cpu_seconds")} | {"measured": [made["measured"]]}


def main() -> None:
    """Measure the rows that are missing, one after the other, until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", choices=tuple(PAIRS), default="cifar10")
    parser.add_argument("--work", type=Path, default=Path("runs/changes"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rows", help="with semicolons between them; default: the pair's")
    parser.add_argument("--updates", type=int, default=2560)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    (options.work / options.pair).mkdir(parents=True, exist_ok=True)
    name = NAME if options.pair == "cifar10" else f"{NAME}-{options.pair}"
    began = time.monotonic()
    for row in options.rows.split(";") if options.rows else PAIRS[options.pair].rows:
        place = {"table": NAME, "row": row, "updates": options.updates, "seeds": [options.seed]}
        if any(place.items() <= result.items() for result in known(name)):
            continue
        if time.monotonic() - began > 60 * options.max_minutes:
            print("the time is over; the same command goes on")
            return
        made = place | measure(row, options)
        print(json.dumps(made), flush=True)
        # Read again: another process may be at work on other rows.
        write(name, [*known(name), made | provenance(shlex.join(["python", *sys.argv]))])


if __name__ == "__main__":
    main()
