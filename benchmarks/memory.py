"""Memory and seconds of enrich, sample, eval and distill at 32 to 224 pixels, and what ``--dry-run`` had said of them.

    python benchmarks/memory.py --work runs/memory --sizes 32,64,128,224

An untrained ResNet-18 of torchvision with ten classes stands for the classifier, crops of the embedded photographs for
the proxy, and a ResNet-18 for the student; the GAN is a DCGAN of width 16, and batches are the commands' own. Each
command is a process, whose highest resident memory is what it reports itself; seconds are those of the whole process,
start-up included.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from results_file import known, write
from untrained import ARCHITECTURE, save_untrained

from degan_cli.paper.provenance import provenance

NAME = "memory"
STEPS = 10
WIDTH = 16
"""Of the GAN."""


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured, in this order: the second and third take what the first made."""
    t, g, s = (str(folder / f"{name}.safetensors") for name in "tgs")
    gan = ["--steps", str(STEPS), "--width", str(WIDTH)]
    student = ["--epochs", "1", "--steps-per-epoch", str(STEPS), "--recipe", "patient", "-o", s]
    return {
        "enrich": ["enrich", "--classifier", t, "--proxy", "photos", *gan, "-o", g],
        "sample -n 1": ["sample", g, "-n", "1", "-o", str(folder / "one")],
        "eval": ["eval", g, "--classifier", t],
        "distill": ["distill", "--teacher", t, "--student", ARCHITECTURE, "--samples", "photos", *student],
    }


def call(command: list[str], *more: str) -> tuple[dict[str, Any], float]:
    """The object that a command prints, and the seconds of its process."""
    began = time.monotonic()
    force = ["--force"] if command[0] != "eval" else []
    words = [sys.executable, "-m", "degan_cli", *command, "--json", "-q", *force, *more]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"degan {shlex.join(command)}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result, time.monotonic() - began


def measure(size: int, work: Path) -> list[dict[str, Any]]:
    """The rows of a size."""
    folder = work / str(size)
    folder.mkdir(parents=True, exist_ok=True)
    save_untrained(folder / "t.safetensors", size)
    rows = []
    for name, command in commands(folder).items():
        row: dict[str, Any] = {"table": NAME, "size": size, "row": name, "steps": STEPS, "width": WIDTH}
        if name in ("enrich", "distill"):
            said, _ = call(command, "--dry-run")
            row |= {
                "said_seconds": said["timing"]["seconds"],
                "said_bytes": said["timing"]["peak_memory_bytes"]["host"],
            }
        result, seconds = call(command)
        row |= {"seconds": round(seconds, 1)}
        row |= {"peak_bytes": result["peak_memory_bytes"]["host"]} if "peak_memory_bytes" in result else {}
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def main() -> None:
    """Measure the sizes that are asked for; those that stand in the file already are replaced."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/memory"))
    parser.add_argument("--sizes", default="32,64,128,224")
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        about = provenance(shlex.join(["python", *sys.argv])) | {"seed": 0}
        rows = [row | about for row in measure(size, options.work)]
        write(NAME, [*(row for row in known(NAME) if row["size"] != size), *rows])


if __name__ == "__main__":
    main()
