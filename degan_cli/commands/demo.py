"""``degan demo``: the whole pipeline on scikit-learn's handwritten digits, offline, in a few minutes on a laptop."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import Device, Force, Json, Precision, Quiet, Seed
from ..report import note
from .chain import run_command

TRUE_DATA = "digits"
PROXY = "digits:2,3,8"
"""Three digits of ten; their labels are never used."""

TEACHER = "--arch lenet --epochs 30 --patience 5"
GAN = "--batch-size 64 --width 16 --lr 1e-3 --steps 800"
WEIGHTS = "--lambda-e 5 --lambda-d 20"
"""Chosen by the class counts of the samples, as the paper advises, and on training digits."""
STUDENT = "--student lenet-half --epochs 20 --steps-per-epoch 64 --patience 20"
"""All four get the same number of updates: their held-out sets differ too much in size to stop early by."""
QUICK = {"teacher": "--epochs 2", "enrich": "--steps 4", "distill": "--epochs 1 --steps-per-epoch 4 --held-out 64"}
"""Overrides for ``--quick``; of an option that is given twice, the last counts."""
ROWS = ("true data", "proxy", "DCGAN", "DeGAN")


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for all files.")] = Path("degan-demo"),
    quick: Annotated[
        bool, typer.Option("--quick", help="A few updates only: shows that all works, the numbers mean nothing.")
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the whole pipeline on digits: a teacher, then four students taught by four kinds of samples.

    The proxy is images of three digits only, without labels. Every command is shown before it runs.
    """
    started = time.monotonic()
    shared = ["--device", device, "--precision", precision, "--seed", str(seed), "-q", *(["--force"] if force else [])]

    def step(command: str) -> dict[str, Any]:
        shorter = QUICK[command.split()[0]] if quick else ""
        return run_command(shlex.split(f"{command} {shorter}"), shared, quiet)

    files = {name: output / f"{name}.safetensors" for name in ("teacher", "dcgan", "degan")}
    teacher = shlex.quote(str(files["teacher"]))
    step(f"teacher --dataset {TRUE_DATA} {TEACHER} -o {teacher}")
    for method, weights in (("dcgan", ""), ("degan", WEIGHTS)):
        made = shlex.quote(str(files[method]))
        step(f"enrich --classifier {teacher} --proxy {PROXY} --method {method} {GAN} {weights} -o {made}")

    samples = (TRUE_DATA, PROXY, str(files["dcgan"]), str(files["degan"]))
    accuracies = {"teacher": _accuracy(run_command(["eval", str(files["teacher"]), "--dataset", TRUE_DATA], [], quiet))}
    for row, source in zip(ROWS, samples, strict=True):
        student = output / f"student-{row.replace(' ', '-').lower()}.safetensors"
        step(f"distill --teacher {teacher} {STUDENT} --samples {shlex.quote(source)} -o {shlex.quote(str(student))}")
        accuracies[row] = _accuracy(run_command(["eval", str(student), "--dataset", TRUE_DATA], [], quiet))

    seconds = time.monotonic() - started
    if as_json:
        print(
            json.dumps({"artifact": str(output), "kind": "demo", "metrics": accuracies, "seconds": round(seconds, 1)})
        )
    else:
        _print_table(accuracies, seconds)
    pictures = (str(files[method].with_suffix(".run") / "samples.png") for method in ("dcgan", "degan"))
    note(f"pictures of the samples: {', '.join(pictures)}")


def _accuracy(evaluated: dict[str, Any]) -> float:
    return float(evaluated["metrics"]["accuracy"])


def _print_table(accuracies: dict[str, float], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Digits, accuracy on {TRUE_DATA} (test), {seconds:.0f} s", title_justify="left")
    table.add_column("classifier")
    table.add_column("taught by")
    table.add_column("accuracy", justify="right")
    table.add_row("teacher (lenet)", "labels", f"{accuracies['teacher']:.1%}")
    for row in ROWS:
        table.add_row("student (lenet-half)", row, f"{accuracies[row]:.1%}")
    Console().print(table)
