"""Which changes of the images suit the student of a classifier of colour photographs: CIFAR-10 from CIFAR-100.

    python benchmarks/changes.py --work runs/changes --data-dir data --precision bf16 --max-minutes 60

AlexNet teaches AlexNet-half by the images of 90 classes of CIFAR-100, in equally many updates of 64. What is compared
is watched on CIFAR-10's *training* images, which no student saw, so that a choice by it has not seen the test images.
Results are added to ``results/changes.json``, and what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from results_file import known, write

from degan_cli.config import DistillSettings, EvaluateSettings, TeacherSettings
from degan_cli.jobs import Session, distill, evaluate, teacher
from degan_cli.paper.provenance import provenance

NAME = "changes"
DATA, IMAGES = "cifar10", "cifar100-90"
TEACHER: dict[str, Any] = {"architecture": "alexnet", "epochs": 10, "patience": 4}
"""As ``degan reproduce table1 --scale gan`` trains it."""
STEPS_PER_EPOCH = 64
RECIPES: dict[str, dict[str, Any]] = {
    "patient": {"recipe": "patient"},
    "paper": {"recipe": "paper"},
    "adam at 20": {"recipe": "paper", "schedule": "cosine"},
}
"""The last is ``paper`` without its second stage: one way down for the rate."""
ROWS: dict[str, dict[str, Any]] = {
    f"{recipe}, {augment}, {mix}": RECIPES[recipe] | {"augment": augment, "mix": mix}
    for recipe, augment, mix in (
        ("patient", "strong", "mixup"),
        ("patient", "crop-flip", "mixup"),
        ("patient", "resized-crop-flip", "mixup"),
        ("patient", "crop-flip", "none"),
        ("patient", "crop-flip", "both"),
        ("patient", "none", "none"),
        ("paper", "none", "none"),
        ("paper", "crop-flip", "none"),
        ("adam at 20", "crop-flip", "none"),
        ("adam at 20", "resized-crop-flip", "none"),
        ("adam at 20", "crop-flip", "mixup"),
    )
}
"""Recipe, what is done to each image, and how images are put together."""


def measure(row: str, options: argparse.Namespace) -> dict[str, Any]:
    """The student of a row: accuracy on the training images of the true data, agreement on held-out images."""
    session, folder = Session(quiet=True), options.work
    shared: dict[str, Any] = {
        "data_dir": options.data_dir,
        "device": options.device,
        "precision": options.precision,
    }
    t = folder / "teacher.safetensors"
    if not t.exists():
        teacher(TeacherSettings(dataset=DATA, output=t, resume=True, **TEACHER, **shared), session)
    student = folder / f"{row.replace(', ', '-')}-{options.updates}-{options.seed}.safetensors"
    epochs = options.updates // STEPS_PER_EPOCH // (2 if row.startswith("paper,") else 1)  # in each of two stages
    began = time.process_time()
    made = distill(
        DistillSettings(
            teacher=t,
            student="alexnet-half",
            samples=(IMAGES,),
            epochs=epochs,
            steps_per_epoch=STEPS_PER_EPOCH,
            patience=epochs,
            seed=options.seed,
            output=student,
            force=True,
            **ROWS[row],
            **shared,
        ),
        session,
    )
    seconds = time.process_time() - began
    seen = EvaluateSettings(
        model=student, dataset=DATA, split="train", data_dir=options.data_dir, device=options.device
    )
    return {
        "measured": [round(100 * evaluate(seen, session).metrics["accuracy"], 2)],
        "agreement": round(100 * made.metrics["agreement"], 2),
        "updates": made.metrics["updates"],
        "cpu_seconds": round(seconds),
    }


def main() -> None:
    """Measure the rows that are missing, one after the other, until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/changes"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rows", default=";".join(ROWS), help="names with semicolons between them")
    parser.add_argument("--updates", type=int, default=2560)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for row in options.rows.split(";"):
        place = {"table": NAME, "row": row, "updates": options.updates, "seeds": [options.seed]}
        if any(place.items() <= result.items() for result in known(NAME)):
            continue
        if time.monotonic() - began > 60 * options.max_minutes:
            print("the time is over; the same command goes on")
            return
        made = place | measure(row, options)
        print(json.dumps(made), flush=True)
        # Read again: another process may be at work on other rows.
        write(NAME, [*known(NAME), made | provenance(shlex.join(["python", *sys.argv]))])


if __name__ == "__main__":
    main()
