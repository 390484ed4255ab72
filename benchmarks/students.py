"""Which samples and which recipe give the best student: equal updates, several seeds, no test data in any choice.

    python benchmarks/students.py --work runs/students --pairs digits,fashion --seeds 0,1,2 --max-minutes 60

Results are added to ``results/students.json`` as they come, and what is there is not made again: the same command goes
on with what is missing. All students of a pair have equally many updates, of 64 images, and with MosaicKD of 64 and 64
from the proxy; accuracy is that of the true test images.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results_file import known, write
from teaching import BEFORE, taught, teacher_in

from degan_cli.config import DistillSettings, EnrichSettings
from degan_cli.jobs import Session, enrich
from degan_cli.paper.provenance import provenance

NAME = "students"
FEW = {"batch_size": 64, "width": 32, "lr": 1e-3, "steps": 1500, "lambda_e": 1.0, "lambda_d": 10.0}
"""The weights of ``--recipe few`` and a length for 28 pixels."""
PAIRS: Mapping[str, Mapping[str, Any]] = {
    "digits": {
        "data": "digits",
        "images": "digits:2,3,8",
        "teacher": {"architecture": "lenet", "epochs": 30, "patience": 5},
        "gan": {"batch_size": 64, "width": 16, "lr": 1e-3, "steps": 800, "lambda_e": 5.0, "lambda_d": 20.0},
        "updates": 2560,
    },
    "fashion": {
        "data": "fashion-mnist",
        "images": "cifar10",
        "teacher": {"architecture": "lenet", "epochs": 60, "patience": 15},
        "gan": FEW,
        "updates": 5120,
    },
    "mnist": {
        "data": "mnist",
        "images": "fashion-mnist",
        "teacher": {"architecture": "lenet", "epochs": 30, "patience": 5},
        "gan": FEW,
        "updates": 5120,
    },
}
"""Classifier and images; the weights of digits were chosen by class counts, those of the others are ``--recipe
few``'s, which they take for their length."""
EPOCHS = 40
PLAIN = {"augment": "none", "mix": "none"}
STRONG = {"augment": "strong"}
ROWS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    "proxy": (("proxy",), PLAIN),
    "proxy, strong": (("proxy",), STRONG),
    "degan": (("degan",), PLAIN),
    "degan, strong": (("degan",), STRONG),
    "degan + proxy, strong": (("degan", "proxy"), STRONG),
    "mosaickd": (("mosaickd",), PLAIN),
    "mosaickd, strong": (("mosaickd",), STRONG),
    "photos, strong": (("photos",), STRONG),
}
"""What the student learns from, and how it is taught."""


def settings_of(recipe: str, updates: int) -> dict[str, Any]:
    """A student's settings: ``paper`` in two stages, the others in one way down; of equal updates.

    ``fast/2`` is the recipe ``fast`` with half of the updates. The distance of the logits and the clipping, which came
    to the recipes later, have a part only in those called ``fast + logits``.
    """
    name, _, more = recipe.partition(" + ")
    name, _, part = name.partition("/")
    epochs = EPOCHS // int(part or 1) // (2 if name == "paper" else 1)
    length = {"epochs": epochs, "steps_per_epoch": updates // EPOCHS, "patience": EPOCHS}
    return {"recipe": name} | length | ({} if more else BEFORE)


def measure(pair: str, row: str, recipe: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One cell; what it is made from is made before, once for each seed."""
    about, session = PAIRS[pair], Session(quiet=True)
    folder = options.work / pair
    where: dict[str, Any] = {"data_dir": options.data_dir, "device": options.device}
    t = teacher_in(folder, about["data"], session, **about["teacher"], **where)
    shared: dict[str, Any] = where | {"seed": seed, "resume": True}
    kinds, own = ROWS[row]
    samples, method = [], {}
    for kind in kinds:
        if kind == "degan":
            g = folder / f"degan-{seed}.safetensors"
            enrich(EnrichSettings(classifier=t, proxy=about["images"], output=g, **about["gan"], **shared), session)
            samples.append(str(g))
        elif kind == "mosaickd":
            method = {"method": "mosaickd", "proxy": about["images"], "width": about["gan"]["width"]}
        else:
            samples.append(about["images"] if kind == "proxy" else kind)
    values = settings_of(recipe, about["updates"]) | own
    if method:
        # The same schedule as the others' recipe, which is not for samples that change; the last student is kept.
        resolved = DistillSettings(teacher=t, student="lenet-half", samples=("x",), **values).resolved(None)
        names = ("optimiser", "lr", "schedule", "temperature", "mix", "augment", "steps_per_epoch")
        values = {name: getattr(resolved, name) for name in names} | {"epochs": EPOCHS}
        values |= {"beta1": resolved.beta1} if resolved.optimiser == "adam" else {"weight_decay": resolved.weight_decay}
        values |= {"update_batch": 64, "batch_size": 128} | method  # half of the student's are proxy images
    name = f"{row}-{recipe}-{seed}".replace(" ", "").replace(",", "-").replace("/", "-")
    place = folder / f"{name}.safetensors"
    student = DistillSettings(teacher=t, student="lenet-half", samples=tuple(samples), output=place, **values, **shared)
    return taught(student, about["data"], session)


PER_SEED = ("measured", "agreement", "updates", "seconds")


def with_cell(
    results: list[dict[str, Any]],
    place: Mapping[str, str],
    seed: int,
    made: Mapping[str, Any],
    about: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The results with one more seed of a row."""
    old = next((result for result in results if place.items() <= result.items()), {"seeds": []})
    new: dict[str, Any] = {"table": NAME, **place, "scale": scale(place["column"]), "seeds": [*old["seeds"], seed]}
    new |= {name: [*old.get(name, []), made[name]] for name in PER_SEED}
    return [*(result for result in results if result is not old), new | dict(about)]


def scale(pair: str) -> str:
    """How long everything in a pair's rows ran."""
    gan, updates = PAIRS[pair]["gan"], PAIRS[pair]["updates"]
    return (
        f"{updates:,} updates of the student; GAN of width {gan['width']}, {gan['steps']:,} updates of "
        f"{gan['batch_size']}; images: {PAIRS[pair]['images']}"
    )


def main() -> None:
    """Make the cells that are missing, one after the other, until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/students"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pairs", default=",".join(PAIRS))
    parser.add_argument("--rows", default=";".join(ROWS), help="names with semicolons between them")
    parser.add_argument("--recipes", default="patient", help="fast/2 is fast with half of the updates")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--max-minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    began = time.monotonic()
    results = known(NAME)
    wanted = [
        (pair, row, recipe, int(seed))
        for seed in options.seeds.split(",")
        for pair in options.pairs.split(",")
        for recipe in options.recipes.split(",")
        for row in options.rows.split(";")
    ]
    for pair, row, recipe, seed in wanted:
        place = {"column": pair, "row": row, "recipe": recipe}
        if any(place.items() <= result.items() and seed in result["seeds"] for result in results):
            continue
        if time.monotonic() - began > 60 * options.max_minutes:
            print("the time is over; the same command goes on")
            return
        made = measure(pair, row, recipe, seed, options)
        print(json.dumps({**place, "seed": seed, **made}), flush=True)
        # Read again: another process may be at work on other rows.
        results = known(NAME)
        results = with_cell(results, place, seed, made, provenance(shlex.join(["python", *sys.argv])))
        write(NAME, results)


if __name__ == "__main__":
    main()
