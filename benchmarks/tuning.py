"""Which signal picks good loss weights: on digits, each pair of the grid of ``--tune`` teaches a student.

    python benchmarks/tuning.py --work runs --seeds 0

For every signal that needs no real data, read after an eighth of the updates and at the end: its rank correlation with
the accuracy of the students on the *training* digits, and the accuracy that its favourite comes to.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from results_file import write

from degan_cli.config import DistillSettings, EnrichSettings, EvaluateSettings, TeacherSettings
from degan_cli.jobs import Session, distill, enrich, evaluate, teacher
from degan_cli.jobs.demo import GAN, PROXY, STUDENT, TEACHER, TRUE_DATA
from degan_cli.loops.tune import evenness, score, weight_grid
from degan_cli.paper.provenance import provenance

Look = Mapping[str, Any]
SIGNALS: dict[str, Callable[[Look], float]] = {
    "evenness x confidence": score,
    "evenness": lambda look: evenness(look["class_counts"]),
    "confidence": lambda look: look["confidence"],
    "evenness of confident samples x their share": lambda look: (
        evenness(look["confident_counts"]) * look["confident_fraction"]
    ),
    "rarest class": lambda look: min(look["class_counts"].values()),
    "spread of the images": lambda look: look["image_spread"],
}


def ranks(values: list[float]) -> list[float]:
    """Ranks from 0; equal values share the mean of theirs."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) - 1) / 2 for value in values
    ]


def rank_correlation(one: list[float], other: list[float]) -> float:
    """Spearman's coefficient, in [-1, 1]; 0 where one side does not vary."""
    a, b = ranks(one), ranks(other)
    mean = (len(a) - 1) / 2
    product = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    size = (sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)) ** 0.5
    return product / size if size else 0.0


def main() -> None:
    """Run the grid for each seed and write ``results/tuning-digits.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/tuning"))
    parser.add_argument("--seeds", default="0")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    session = Session(quiet=True)
    for seed in map(int, options.seeds.split(",")):
        folder = options.work / f"seed{seed}"
        shared = {"seed": seed, "resume": True}
        t = folder / "t.safetensors"
        teacher(TeacherSettings(dataset=TRUE_DATA, output=t, **TEACHER, **shared), session)
        for lambda_e, lambda_d in weight_grid():
            g, s = (folder / f"{kind}-{lambda_e:g}-{lambda_d:g}.safetensors" for kind in "gs")
            values = {**GAN, "lambda_e": lambda_e, "lambda_d": lambda_d, **shared}
            last = enrich(EnrichSettings(classifier=t, proxy=PROXY, output=g, **values), session).metrics
            looks = [json.loads(line) for line in (g.with_suffix(".run") / "metrics.jsonl").read_text().splitlines()]
            early = next(look for look in looks if look["step"] >= last["updates"] / 8)
            values = {**STUDENT, "samples": (str(g),), **shared}
            agreement = distill(DistillSettings(teacher=t, output=s, **values), session).metrics["agreement"]
            # `digits` by itself has a test split; as a file, its training split serves to compare the weights.
            measured = evaluate(EvaluateSettings(model=s, dataset=str(training_digits(folder))), session)
            accuracy = measured.metrics["accuracy"]
            signals = {
                name: [round(float(signal(look)), 4) for look in (early, last)] for name, signal in SIGNALS.items()
            }
            rows.append(
                {"seed": seed, "lambda_e": lambda_e, "lambda_d": lambda_d, "training_digits": round(100 * accuracy, 2)}
                | {"student_agreement": round(agreement, 4), "signals": signals}
            )
            print(rows[-1], flush=True)
    accuracies = [row["training_digits"] for row in rows]
    summary = {}
    for name in SIGNALS:
        for when, index in (("after an eighth", 0), ("at the end", 1)):
            values = [row["signals"][name][index] for row in rows]
            favourite = rows[values.index(max(values))]
            summary[f"{name}, {when}"] = {
                "rank_correlation": round(rank_correlation(values, accuracies), 3),
                "favourite": [favourite["lambda_e"], favourite["lambda_d"]],
                "comes_to": favourite["training_digits"],
            }
    about = provenance(shlex.join(["python", "benchmarks/tuning.py", *sys.argv[1:]]))
    result = about | {"seeds": sorted({row["seed"] for row in rows}), "best": max(accuracies), "signals": summary}
    write("tuning-digits", result | {"rows": rows})
    print(json.dumps(summary, indent=1))


def training_digits(folder: Path) -> Path:
    """The training split of the digits as a file, which has one split only."""
    from degan_cli import artifact
    from degan_cli.datasets.resolve import open_images
    from degan_cli.plugins import load_plugins

    path = folder / "training-digits.safetensors"
    if not path.exists():
        data = open_images(TRUE_DATA, "train", plugins=load_plugins(enabled=False), data_dir=Path("data"))
        artifact.save_dataset(path, data, TRUE_DATA, "train")
    return path


if __name__ == "__main__":
    main()
